"""Figures of the laboratory: regimes, implicit against explicit, features used, rescaling."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from tlstudy.audit.theory_claims import ratios
from tlstudy.config.settings import Study
from tlstudy.report.figures import style
from tlstudy.report.figures.captions import seeds_note
from tlstudy.report.figures.claims import ledger_figure
from tlstudy.report.figures.panels import Line, Panel, panels_figure
from tlstudy.report.figures.series import Tables

ORANGE, PINK = "#e69f00", "#cc79a7"
SAMPLES = ("samples", "training samples of the main task")
SCALE = ("scale", "factor of the pretrained weights")
GAMMA = ("gamma", "output weights at the start (gamma)")
FACTOR = ("scale", "factor of the weights")
ERROR, FOUR = "test error / variance", "4 features"
DEFAULT = {"scale": 1.0, "gamma": 0.03}
RELATIONS = {  # overlap, cosine of the rest, and the words
    (0.0, 0.0): "no feature shared",
    (0.0, 0.9): "none shared, cosine 0.9",
    (0.5, 0.0): "half of the features shared",
    (1.0, 0.0): "all features shared",
}
# Label, colour, mark and dash of the lines that differ in the value of one column.
SCRATCH = {
    1.0: ("from scratch, 1 feature", style.NEW, "o", "-"),
    4.0: (f"from scratch, {FOUR}", style.NEW, "s", "--"),
    12.0: ("from scratch, 12 features", style.NEW, "^", "-."),
}
RULES = {
    "fixed": ("learning rate as it was", style.NEW, "o", "-"),
    "factor": ("times the factor", style.PRETRAINED, "s", "-"),
    "squared-factor": ("times the factor squared", style.GAP, "^", "-"),
}
STATISTICS = {
    "running": ("running statistics as they were", ORANGE, "v", "--"),
    "rescaled": ("running statistics rescaled too", PINK, "D", "--"),
    "recalibrated": ("recalibrated", style.SLIDES, "P", "--"),
}
PARTS = {
    "encoder": ("factor on encoder, recalibrated", style.NEW, "o", "-."),
    "head": ("factor on head", ORANGE, "X", ":"),
    "both": ("factor on both", style.PRETRAINED, "*", "-."),
}


def _lines(column: str, looks: Mapping, **chosen: object) -> list[Line]:
    """A line for each value of a column."""
    return [
        Line(label, colour, marker, {**chosen, column: value}, dash)
        for value, (label, colour, marker, dash) in looks.items()
    ]


def _measured(tables: Tables, experiment: str) -> pd.DataFrame:
    """An experiment's rows of `tlstudy.storage.columns.LABORATORY`."""
    table = tables["laboratory"]
    return table[table["experiment"] == experiment]


def claims_figure(study: Study, tables: Tables) -> Figure:
    """The laboratory's claims against the effect sizes stated in advance."""
    claims, values = tables["laboratory-claims"], tables["laboratory-claim-values"]
    return ledger_figure(claims, values, seeds_note(study))


def regimes_figure(study: Study, tables: Tables) -> Figure:
    """Test error against samples for ReLU networks, by how the tasks' features are related."""
    panels = [_regime(FOUR, *relation) for relation in RELATIONS]
    lines = _lines("features", SCRATCH, measure="test_error", method="scratch")
    panels.append(Panel("few features need few samples", SAMPLES, ERROR, lines, {}, True))
    return panels_figure(study, _measured(tables, "relu"), panels, same_heights=True)


def diagonal_figure(study: Study, tables: Tables) -> Figure:
    """The same for diagonal linear networks, with the least change beside gradient descent."""
    panels = [_regime("", overlap) for overlap in (0.0, 0.5, 1.0)]
    return panels_figure(study, _measured(tables, "diagonal"), panels, same_heights=True)


def _regime(features: str, overlap: float, cosine: float = 0.0) -> Panel:
    """A panel of one relation of the tasks; ReLU networks with `features`, diagonal ones without
    and with the solution of least change."""
    of_task = {"measure": "test_error"} | ({"features": 4.0} if features else {})
    related = {**of_task, "overlap": overlap} | ({"cosine": cosine} if features else {})
    name = f"from scratch, {features}" if features else "from scratch"
    lines = [
        Line(name, style.NEW, "s", {**of_task, "method": "scratch"}, "--"),
        Line("fine-tuned", style.PRETRAINED, "o", {**related, **DEFAULT, "method": "fine-tuned"}),
        Line("both tasks at once", style.GAP, "v", {**related, "method": "multi-task"}),
    ]
    if not features:
        least = {**related, **DEFAULT, "method": "least-change"}
        lines.append(Line("least change of the weights", PINK, "D", least, "-."))
    return Panel(RELATIONS[overlap, cosine], SAMPLES, ERROR, lines, {}, True)


def implicit_figure(study: Study, tables: Tables) -> Figure:
    """What gradient descent pays over the least: squared change of the weights, and penalty."""
    networks = {
        "diagonal networks": {"network": "diagonal", "samples": 30.0},
        "ReLU networks": {"network": "relu", "samples": 64.0, "features": 4.0, "cosine": 0.0},
    }
    lines = [
        line
        for measure, words, dash, markers in (
            ("change", "squared change", "-", "os"),
            ("price", "penalty", "--", "^v"),
        )
        for line in _lines(
            "overlap",
            {
                0.0: (f"{words}, no feature shared", style.NEW, markers[0], dash),
                1.0: (f"{words}, all shared", style.PRETRAINED, markers[1], dash),
            },
            measure=measure,
        )
    ]
    panels = []
    for across in (SCALE, GAMMA, SAMPLES):
        for title, network in networks.items():
            fixed = {**DEFAULT, **network}
            fixed.pop(across[0])
            panels.append(Panel(title, across, "paid / least", lines, fixed, reference=1.0))
    return panels_figure(study, ratios(tables["laboratory"]), panels, same_heights=True)


def features_figure(study: Study, tables: Tables) -> Figure:
    """What a factor on the pretrained weights selects in ReLU networks, by scale."""
    measures = {
        "features_used": ("features used", "effective number", True),
        "reused_mass": ("on pretrained features", "share of the mass", False),
        "alignment": ("kept directions", "cosine with the start", False),
        "test_error": ("error on new inputs", ERROR, True),
    }
    nested = {"overlap": 1.0, "features": 2.0, "samples": 32.0}
    shared = {"overlap": 1.0, "features": 4.0, "samples": 64.0}
    lines = [
        Line("2 of the 8 pretrained features (32 samples)", PINK, "D", nested),
        Line("4 of them (64)", style.PRETRAINED, "o", shared),
        Line("4 others (64)", style.NEW, "s", {**shared, "overlap": 0.0}),
    ]
    fixed = {"method": "fine-tuned", "gamma": DEFAULT["gamma"], "cosine": 0.0}
    panels = [
        Panel(title, SCALE, upwards, lines, {**fixed, "measure": measure}, logarithmic)
        for measure, (title, upwards, logarithmic) in measures.items()
    ]
    return panels_figure(study, _measured(tables, "relu"), panels)


def rescaling_figure(study: Study, tables: Tables) -> Figure:
    """A factor on encoder or head under BatchNorm: SGD left, Adam right."""
    columns = [_rescaling_panels("sgd", "SGD"), _rescaling_panels("adam", "Adam")]
    panels = [panel for row in zip(*columns, strict=True) for panel in row]
    return panels_figure(study, _with_unscaled(_measured(tables, "batchnorm")), panels)


def _with_unscaled(table: pd.DataFrame) -> pd.DataFrame:
    """The unscaled run stands for all parts and rules: a factor of 1 is the same everywhere."""
    unscaled = table[table["scale"] == 1].drop(columns=["part", "learning_rate_rule"])
    swept = table.loc[table["scale"] != 1, ["part", "learning_rate_rule"]].drop_duplicates()
    return pd.concat([table[table["scale"] != 1], unscaled.merge(swept, how="cross")])


def _rescaling_panels(optimiser: str, name: str) -> list[Panel]:
    fixed = {"network": "batchnorm", "method": "fine-tuned", "optimiser": optimiser}
    encoder = {**fixed, "part": "encoder"}
    recalibrated = {"statistics": "recalibrated"}
    error = {"measure": "test_error", "learning_rate_rule": "fixed"}
    outputs = _lines("learning_rate_rule", RULES, measure="prediction_difference", **recalibrated)
    kept = _lines("learning_rate_rule", RULES, measure="alignment")
    statistics = _lines("statistics", STATISTICS, **error)
    parts = _lines("part", PARTS, **error, **recalibrated)
    title = f"{name}: factor on the encoder"
    return [
        Panel(title, FACTOR, "difference of outputs", outputs, encoder),
        Panel(title, FACTOR, "cosine with the start", kept, encoder),
        Panel(f"{name}: statistics", FACTOR, ERROR, statistics, encoder, True),
        Panel(f"{name}: where the factor is", FACTOR, ERROR, parts, fixed, True),
    ]
