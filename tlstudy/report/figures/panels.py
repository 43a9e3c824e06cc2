"""Panels of lines over a swept setting, with seeds as points and means with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tlstudy.audit.statistics import summarise
from tlstudy.audit.theory_claims import of
from tlstudy.config.settings import Study
from tlstudy.report.figures import style
from tlstudy.report.figures.captions import seeds_note

ROW_HEIGHT = 2.0  # inches
MARK, SEED = 5, 3.5  # points


@dataclass(frozen=True)
class Line:
    """One line of a panel: rows of a tidy table, and their look.

    Attributes:
        chosen: the value, or values, of columns of the table.
    """

    label: str
    colour: str
    marker: str
    chosen: Mapping[str, object]
    dash: str = "-"

    def handle(self) -> Line2D:
        look = {"marker": self.marker, "markersize": MARK, "linestyle": self.dash}
        return Line2D([], [], color=self.colour, label=self.label, **look)


@dataclass(frozen=True)
class Panel:
    """Lines over one column, and the labels of the axes.

    Attributes:
        across: column of the horizontal axis, and its label.
        upwards: label of the vertical axis.
        fixed: values of columns that all lines choose.
        logarithmic: whether the vertical axis is.
        reference: value of a dotted horizontal line.
    """

    title: str
    across: tuple[str, str]
    upwards: str
    lines: Sequence[Line]
    fixed: Mapping[str, object] = field(default_factory=dict)
    logarithmic: bool = False
    reference: float | None = None


def panels_figure(
    study: Study, table: pd.DataFrame, panels: Sequence[Panel], same_heights: bool = False
) -> Figure:
    """Panels in two columns, below one legend for all lines.

    Args:
        table: tidy, with the columns that panels and lines choose by, measure and value.
        same_heights: whether all panels share the vertical axis.
    """
    lines = {line.label: line.handle() for panel in panels for line in panel.lines}
    rows = style.panel_rows(len(panels))
    text = f"{seeds_note(study)} Small points are seeds; marks, their means."
    figure = style.new_figure(ROW_HEIGHT * rows, list(lines.values()), text)
    axes = figure.subplots(rows, style.COLUMNS, squeeze=False, sharey=same_heights).ravel()
    for ax, panel in zip(axes, panels, strict=False):
        draw_panel(ax, table, panel)
        ax.tick_params(labelleft=True)
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    return figure


def draw_panel(ax: Axes, table: pd.DataFrame, panel: Panel) -> Axes:
    """The lines of a panel over a logarithmic axis with ticks at the values that occur."""
    column, label = panel.across
    places: set[float] = set()
    for line in panel.lines:
        rows = of(table, **{**panel.fixed, **line.chosen}).dropna(subset=[column, "value"])
        _draw_line(ax, rows, column, line)
        places |= set(rows[column])
    if panel.reference is not None:
        ax.axhline(panel.reference, color=style.MUTED, linewidth=1, linestyle=":", zorder=1)
    ax.set_xscale("log")
    ax.set_xticks(sorted(places), labels=[style.plain_number(place) for place in sorted(places)])
    ax.minorticks_off()
    if panel.logarithmic:
        ax.set_yscale("log")
        style.log_ticks(ax.yaxis)
    ax.set_xlabel(label)
    ax.set_ylabel(panel.upwards)
    return style.panel_title(ax, panel.title)


def _draw_line(ax: Axes, rows: pd.DataFrame, column: str, line: Line) -> None:
    look, means = {"color": line.colour, "linestyle": ""}, []
    for place, group in rows.groupby(column):
        values = group["value"].to_numpy(dtype=float)
        points = {"marker": ".", "markersize": SEED, "alpha": 0.4, "markeredgewidth": 0}
        ax.plot([place] * len(values), values, **points, **look)
        summary = summarise(values)
        if summary.mean is not None:
            means.append((place, summary.mean))
            ax.plot([place] * 2, [summary.low, summary.high], linewidth=2.5, color=line.colour)
    if means:
        marks = {"marker": line.marker, "markersize": MARK, "linewidth": 1.2, "zorder": 3}
        ax.plot(*zip(*means, strict=True), color=line.colour, linestyle=line.dash, **marks)
