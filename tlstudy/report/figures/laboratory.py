"""Figures of the laboratory: regimes, implicit against explicit, features used, rescaling.

All but that of the claims are panels of lines over a swept setting. They are listed in `PANELS`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tlstudy.audit.theory_statistics import of, ratios
from tlstudy.config.settings import Study
from tlstudy.report.figures import points, style
from tlstudy.report.figures.captions import seeds_note
from tlstudy.report.figures.claims import ledger_figure
from tlstudy.report.figures.scales import plain_number

ROW_HEIGHT = 2.0  # inches
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
    "running": ("running statistics as they were", style.ORANGE, "v", "--"),
    "rescaled": ("running statistics rescaled too", style.PINK, "D", "--"),
    "recalibrated": ("recalibrated", style.SLIDES, "P", "--"),
}
PARTS = {
    "encoder": ("factor on encoder, recalibrated", style.NEW, "o", "-."),
    "head": ("factor on head", style.ORANGE, "X", ":"),
    "both": ("factor on both", style.PRETRAINED, "*", "-."),
}


@dataclass(frozen=True)
class Line:
    """Rows of a table, chosen by values of its columns, and their look."""

    label: str
    colour: str
    marker: str
    chosen: Mapping[str, object]
    dash: str = "-"


@dataclass(frozen=True)
class Panel:
    """Lines over one column.

    Attributes:
        across: column of the horizontal axis, and its label.
        upwards: label of the vertical axis, which may be logarithmic.
        fixed: values of columns that all lines choose.
        reference: value of a dotted horizontal line.
    """

    title: str
    across: tuple[str, str]
    upwards: str
    lines: Sequence[Line]
    fixed: Mapping[str, object] = field(default_factory=dict)
    logarithmic: bool = False
    reference: float | None = None


def _lines(column: str, looks: Mapping, **chosen: object) -> list[Line]:
    """A line for each value of a column."""
    return [
        Line(label, colour, marker, {**chosen, column: value}, dash)
        for value, (label, colour, marker, dash) in looks.items()
    ]


def _regime(features: str, overlap: float, cosine: float = 0.0) -> Panel:
    """Test error against samples for one relation of the tasks.

    ReLU networks have `features`; diagonal ones do not, and have the solution of least change.
    """
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
        lines.append(Line("least change of the weights", style.PINK, "D", least, "-."))
    return Panel(RELATIONS[overlap, cosine], SAMPLES, ERROR, lines, {}, True)


def _scratch() -> Panel:
    lines = _lines("features", SCRATCH, measure="test_error", method="scratch")
    return Panel("few features need few samples", SAMPLES, ERROR, lines, logarithmic=True)


def _implicit_panels() -> Iterable[Panel]:
    """What gradient descent pays over the least: squared change of the weights, and penalty."""
    networks = {
        "diagonal networks": {"network": "diagonal", "samples": 30.0},
        "ReLU networks": {"network": "relu", "samples": 64.0, "features": 4.0, "cosine": 0.0},
    }
    lines = []
    for measure, words, dash, (none, every) in (
        ("change", "squared change", "-", "os"),
        ("price", "penalty", "--", "^v"),
    ):
        looks = {
            0.0: (f"{words}, no feature shared", style.NEW, none, dash),
            1.0: (f"{words}, all shared", style.PRETRAINED, every, dash),
        }
        lines += _lines("overlap", looks, measure=measure)
    for across in (SCALE, GAMMA, SAMPLES):
        for title, network in networks.items():
            fixed = {**DEFAULT, **network}
            fixed.pop(across[0])
            yield Panel(title, across, "paid / least", lines, fixed, reference=1.0)


def _features_panels() -> Iterable[Panel]:
    """What a factor on the pretrained weights selects in ReLU networks."""
    nested = {"overlap": 1.0, "features": 2.0, "samples": 32.0}
    shared = {"overlap": 1.0, "features": 4.0, "samples": 64.0}
    lines = [
        Line("2 of the 8 pretrained features (32 samples)", style.PINK, "D", nested),
        Line("4 of them (64)", style.PRETRAINED, "o", shared),
        Line("4 others (64)", style.NEW, "s", {**shared, "overlap": 0.0}),
    ]
    fixed = {"method": "fine-tuned", "gamma": DEFAULT["gamma"], "cosine": 0.0}
    for measure, title, upwards, logarithmic in (
        ("features_used", "features used", "effective number", True),
        ("reused_mass", "on pretrained features", "share of the mass", False),
        ("alignment", "kept directions", "cosine with the start", False),
        ("test_error", "error on new inputs", ERROR, True),
    ):
        yield Panel(title, SCALE, upwards, lines, {**fixed, "measure": measure}, logarithmic)


def _rescaling_panels() -> Iterable[Panel]:
    """A factor on encoder or head under BatchNorm."""
    recalibrated = {"statistics": "recalibrated"}
    error = {"measure": "test_error", "learning_rate_rule": "fixed"}
    outputs = _lines("learning_rate_rule", RULES, measure="prediction_difference", **recalibrated)
    kept = _lines("learning_rate_rule", RULES, measure="alignment")
    statistics = _lines("statistics", STATISTICS, **error)
    parts = _lines("part", PARTS, **error, **recalibrated)
    encoder = {"part": "encoder"}
    for title, upwards, lines, part, logarithmic in (
        ("factor on the encoder", "difference of outputs", outputs, encoder, False),
        ("factor on the encoder", "cosine with the start", kept, encoder, False),
        ("statistics", ERROR, statistics, encoder, True),
        ("where the factor is", ERROR, parts, {}, True),
    ):
        for optimiser, name in (("sgd", "SGD"), ("adam", "Adam")):
            fixed = {"network": "batchnorm", "method": "fine-tuned", "optimiser": optimiser, **part}
            yield Panel(f"{name}: {title}", FACTOR, upwards, lines, fixed, logarithmic)


# Panels of each figure, row by row.
PANELS = {
    "laboratory-regimes": [*(_regime(FOUR, *relation) for relation in RELATIONS), _scratch()],
    "laboratory-diagonal": [_regime("", overlap) for overlap in (0.0, 0.5, 1.0)],
    "laboratory-implicit": list(_implicit_panels()),
    "laboratory-features": list(_features_panels()),
    "laboratory-rescaling": list(_rescaling_panels()),
}
SAME_HEIGHTS = ("laboratory-regimes", "laboratory-diagonal", "laboratory-implicit")


def claims_figure(study: Study, tables: points.Tables, _size: None) -> Figure:
    """The laboratory's claims against the effect sizes stated in advance."""
    claims, values = tables["laboratory-claims"], tables["laboratory-claim-values"]
    return ledger_figure(claims, values, seeds_note(study))


def panels_figure(study: Study, tables: points.Tables, _size: None, name: str) -> Figure:
    """The panels of a figure in two columns, below one legend for all lines."""
    table, panels = _rows(tables["laboratory"], name), PANELS[name]
    lines = {line.label: line for panel in panels for line in panel.lines}
    handles = [
        style.entry(line.label, line.colour, line.dash, marker=line.marker, markersize=5)
        for line in lines.values()
    ]
    text = f"{seeds_note(study)} Small points are seeds; marks, their means."
    figure = style.new_figure(ROW_HEIGHT * style.panel_rows(len(panels)), handles, text)
    axes = style.panel_grid(figure, len(panels), sharey=name in SAME_HEIGHTS)
    for ax, panel in zip(axes, panels, strict=True):
        _draw_panel(ax, table, panel)
    return figure


def _rows(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of `tlstudy.storage.laboratory_columns.LABORATORY` that a figure shows."""
    if name == "laboratory-implicit":
        return ratios(table)
    experiments = {"laboratory-diagonal": "diagonal", "laboratory-rescaling": "batchnorm"}
    rows = table[table["experiment"] == experiments.get(name, "relu")]
    if name != "laboratory-rescaling":
        return rows
    # The unscaled run stands for all parts and rules: a factor of 1 is the same everywhere.
    unscaled = rows[rows["scale"] == 1].drop(columns=["part", "learning_rate_rule"])
    swept = rows.loc[rows["scale"] != 1, ["part", "learning_rate_rule"]].drop_duplicates()
    return pd.concat([rows[rows["scale"] != 1], unscaled.merge(swept, how="cross")])


def _draw_panel(ax: Axes, table: pd.DataFrame, panel: Panel) -> None:
    """The lines of a panel over a logarithmic axis with ticks at the values that occur."""
    column, label = panel.across
    places: set[float] = set()
    for line in panel.lines:
        rows = of(table, **{**panel.fixed, **line.chosen}).dropna(subset=[column, "value"])
        values = {at: found["value"].to_numpy(dtype=float) for at, found in rows.groupby(column)}
        points.draw_line(ax, values, line.colour, line.marker, line.dash)
        places |= set(values)
    if panel.reference is not None:
        style.reference_line(ax, panel.reference)
    ax.set_xscale("log")
    ax.set_xticks(sorted(places), labels=[plain_number(place) for place in sorted(places)])
    ax.minorticks_off()
    if panel.logarithmic:
        ax.set_yscale("log")
    style.dress(ax, panel.title, xlabel=label, ylabel=panel.upwards)
    ax.tick_params(labelleft=True)
