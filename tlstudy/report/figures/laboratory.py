"""Figures of the laboratory's experiments and claims."""

import pandas as pd
from matplotlib.figure import Figure

from tlstudy.audit.theory_claims import ratios
from tlstudy.config.settings import Study
from tlstudy.report.figures import style
from tlstudy.report.figures.captions import seeds_note
from tlstudy.report.figures.claims import ledger_figure
from tlstudy.report.figures.panels import Line, Panel, panels_figure

ORANGE, PINK = "#e69f00", "#cc79a7"
SAMPLES = ("samples", "training samples of the main task")
SCALE = ("scale", "factor of the pretrained weights")
GAMMA = ("gamma", "output weights at the start (gamma)")
ERROR, FOUR = "test error / variance", "4 features"
DEFAULT = {"scale": 1.0, "gamma": 0.03}
RELATIONS = {  # overlap, cosine of the rest, and the words
    (0.0, 0.0): "no feature shared",
    (0.0, 0.9): "none shared, cosine 0.9",
    (0.5, 0.0): "half of the features shared",
    (1.0, 0.0): "all features shared",
}
FACTOR = ("scale", "factor of the weights")


def claims_figure(study: Study, claims: pd.DataFrame, values: pd.DataFrame) -> Figure:
    """The laboratory's claims against the effect sizes stated in advance.

    Args:
        claims, values: `tlstudy.storage.columns.LABORATORY_CLAIMS` and `LABORATORY_CLAIM_VALUES`.
    """
    return ledger_figure(claims, values, seeds_note(study))


def regimes_figure(study: Study, table: pd.DataFrame) -> Figure:
    """Test error against samples for ReLU networks, a panel for each relation of the tasks.

    Args:
        table: `tlstudy.storage.columns.LABORATORY`.
    """
    panels = [_regime("relu", *relation) for relation in RELATIONS]
    scratch = {"measure": "test_error", "method": "scratch"}
    looks = {1.0: ("1 feature", "o", "-"), 4.0: (FOUR, "s", "--"), 12.0: ("12 features", "^", "-.")}
    lines = [
        Line(f"from scratch, {words}", style.NEW, marker, {**scratch, "features": count}, dash)
        for count, (words, marker, dash) in looks.items()
    ]
    panels.append(Panel("few features need few samples", SAMPLES, ERROR, lines, {}, True))
    return panels_figure(study, table[table["experiment"] == "relu"], panels, same_heights=True)


def diagonal_figure(study: Study, table: pd.DataFrame) -> Figure:
    """Test error against samples for diagonal networks, also of the least change."""
    panels = [_regime("diagonal", overlap) for overlap in (0.0, 0.5, 1.0)]
    chosen = table[table["experiment"] == "diagonal"]
    return panels_figure(study, chosen, panels, same_heights=True)


def _regime(experiment: str, overlap: float, cosine: float = 0.0) -> Panel:
    """A panel for one relation of the tasks, with the least change for diagonal networks."""
    of_task, related, name = {"measure": "test_error"}, {"overlap": overlap}, "from scratch"
    if experiment == "relu":
        of_task["features"], related["cosine"], name = 4.0, cosine, f"{name}, {FOUR}"
    related |= of_task
    lines = [
        Line(name, style.NEW, "s", {**of_task, "method": "scratch"}, "--"),
        Line("fine-tuned", style.PRETRAINED, "o", {**related, **DEFAULT, "method": "fine-tuned"}),
        Line("both tasks at once", style.GAP, "v", {**related, "method": "multi-task"}),
    ]
    if experiment == "diagonal":
        least = {**related, **DEFAULT, "method": "least-change"}
        lines.append(Line("least change of the weights", PINK, "D", least, "-."))
    return Panel(RELATIONS[overlap, cosine], SAMPLES, ERROR, lines, {}, True)


def implicit_figure(study: Study, table: pd.DataFrame) -> Figure:
    """Squared change and penalty of gradient descent over the least, by scale, gamma, samples."""
    panels = [
        _ratio_panel(network, across)
        for across in (SCALE, GAMMA, SAMPLES)
        for network in ("diagonal", "relu")
    ]
    return panels_figure(study, ratios(table), panels, same_heights=True)


def _ratio_panel(network: str, across: tuple[str, str]) -> Panel:
    of_network = {
        "diagonal": {"network": "diagonal", "samples": 30.0},
        "relu": {"network": "relu", "samples": 64.0, "features": 4.0, "cosine": 0.0},
    }
    fixed = {**DEFAULT, **of_network[network]}
    fixed.pop(across[0])
    title = {"diagonal": "diagonal networks", "relu": "ReLU networks"}[network]
    return Panel(title, across, "paid / least", _ratio_lines(), fixed, reference=1.0)


def _ratio_lines() -> list[Line]:
    kinds = {
        "change": ("squared change", "-", ("o", "s")),
        "price": ("penalty", "--", ("^", "v")),
    }
    ends = ((0.0, style.NEW, "no feature shared"), (1.0, style.PRETRAINED, "all shared"))
    return [
        Line(f"{words}, {relation}", colour, marker, {"measure": measure, "overlap": overlap}, dash)
        for measure, (words, dash, markers) in kinds.items()
        for marker, (overlap, colour, relation) in zip(markers, ends, strict=True)
    ]


def features_figure(study: Study, table: pd.DataFrame) -> Figure:
    """Features that ReLU networks use, over the factor on their pretrained weights."""
    measures = {
        "features_used": ("features used", "effective number", True),
        "reused_mass": ("on pretrained features", "share of the mass", False),
        "alignment": ("kept directions", "cosine with the start", False),
        "test_error": ("error on new inputs", ERROR, True),
    }
    fixed = {"method": "fine-tuned", "gamma": DEFAULT["gamma"], "cosine": 0.0}
    panels = [
        Panel(title, SCALE, upwards, _feature_lines(measure), fixed, logarithmic)
        for measure, (title, upwards, logarithmic) in measures.items()
    ]
    return panels_figure(study, table[table["experiment"] == "relu"], panels)


def _feature_lines(measure: str) -> list[Line]:
    nested = {"overlap": 1.0, "features": 2.0, "samples": 32.0}
    shared = {"overlap": 1.0, "features": 4.0, "samples": 64.0}
    looks = {
        "2 of the 8 pretrained features (32 samples)": (PINK, "D", nested),
        "4 of them (64)": (style.PRETRAINED, "o", shared),
        "4 others (64)": (style.NEW, "s", {**shared, "overlap": 0.0}),
    }
    return [
        Line(label, colour, marker, {**chosen, "measure": measure})
        for label, (colour, marker, chosen) in looks.items()
    ]


def rescaling_figure(study: Study, table: pd.DataFrame) -> Figure:
    """A factor on encoder or head under BatchNorm, with SGD on the left and Adam on the right.

    Args:
        table: `tlstudy.storage.columns.LABORATORY`.
    """
    columns = [_rescaling_panels("sgd", "SGD"), _rescaling_panels("adam", "Adam")]
    panels = [panel for row in zip(*columns, strict=True) for panel in row]
    return panels_figure(study, _with_unscaled(table[table["experiment"] == "batchnorm"]), panels)


def _with_unscaled(table: pd.DataFrame) -> pd.DataFrame:
    """The rows, with those of the unscaled run repeated for every part and rule."""
    unscaled = table[table["scale"] == 1].drop(columns=["part", "learning_rate_rule"])
    swept = table.loc[table["scale"] != 1, ["part", "learning_rate_rule"]].drop_duplicates()
    return pd.concat([table[table["scale"] != 1], unscaled.merge(swept, how="cross")])


def _rescaling_panels(optimiser: str, name: str) -> list[Panel]:
    fixed = {"network": "batchnorm", "method": "fine-tuned", "optimiser": optimiser}
    encoder = {**fixed, "part": "encoder"}
    recalibrated = {**encoder, "statistics": "recalibrated"}
    rules = {measure: _rule_lines(measure) for measure in ("prediction_difference", "alignment")}
    title, error = f"{name}: factor on the encoder", "test error / variance"
    return [
        Panel(title, FACTOR, "difference of outputs", rules["prediction_difference"], recalibrated),
        Panel(title, FACTOR, "cosine with the start", rules["alignment"], encoder),
        Panel(f"{name}: statistics", FACTOR, error, _statistics_lines(), encoder, True),
        Panel(f"{name}: where the factor is", FACTOR, error, _part_lines(), fixed, True),
    ]


def _rule_lines(measure: str) -> list[Line]:
    looks = {
        "fixed": ("learning rate as it was", style.NEW, "o"),
        "factor": ("times the factor", style.PRETRAINED, "s"),
        "squared-factor": ("times the factor squared", style.GAP, "^"),
    }
    return [
        Line(label, colour, marker, {"measure": measure, "learning_rate_rule": rule})
        for rule, (label, colour, marker) in looks.items()
    ]


def _statistics_lines() -> list[Line]:
    looks = {
        "running": ("running statistics as they were", ORANGE, "v"),
        "rescaled": ("running statistics rescaled too", PINK, "D"),
        "recalibrated": ("recalibrated", style.SLIDES, "P"),
    }
    chosen = {"measure": "test_error", "learning_rate_rule": "fixed"}
    return [
        Line(label, colour, marker, {**chosen, "statistics": name}, "--")
        for name, (label, colour, marker) in looks.items()
    ]


def _part_lines() -> list[Line]:
    looks = {
        "encoder": ("encoder, recalibrated", style.NEW, "o", "-."),
        "head": ("head", ORANGE, "X", ":"),
        "both": ("both", style.PRETRAINED, "*", "-."),
    }
    chosen = {"measure": "test_error", "learning_rate_rule": "fixed"}
    chosen |= {"statistics": "recalibrated"}
    return [
        Line(f"factor on {label}", colour, marker, {**chosen, "part": part}, dash)
        for part, (label, colour, marker, dash) in looks.items()
    ]
