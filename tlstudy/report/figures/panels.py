"""Panels of lines over a swept setting, with seeds as points and means with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tlstudy.audit.theory_claims import of
from tlstudy.config.settings import Study
from tlstudy.report.figures import points, style
from tlstudy.report.figures.captions import seeds_note

ROW_HEIGHT = 2.0  # inches


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
    lines = {line.label: line for panel in panels for line in panel.lines}
    handles = [
        style.entry(line.label, line.colour, line.dash, marker=line.marker, markersize=5)
        for line in lines.values()
    ]
    text = f"{seeds_note(study)} Small points are seeds; marks, their means."
    figure = style.new_figure(ROW_HEIGHT * style.panel_rows(len(panels)), handles, text)
    axes, _ = style.panel_grid(figure, len(panels), sharey=same_heights)
    for ax, panel in zip(axes, panels, strict=True):
        draw_panel(ax, table, panel)
        ax.tick_params(labelleft=True)
    return figure


def draw_panel(ax: Axes, table: pd.DataFrame, panel: Panel) -> Axes:
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
    ax.set_xticks(sorted(places), labels=[style.plain_number(place) for place in sorted(places)])
    ax.minorticks_off()
    if panel.logarithmic:
        style.log_axis(ax, "y")
    ax.set_xlabel(label)
    ax.set_ylabel(panel.upwards)
    return style.panel_title(ax, panel.title)
