"""Values of seeds as points beside their mean and its interval: one look for all figures."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from tlstudy.audit.statistics import Summary, summarise
from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.report.figures import style

BESIDE = 0.1  # of the points from the mean of their place, which would hide them
WIDTH = 0.03  # of the points, to either side of that
CROSS = {"marker": "x", "markersize": 7, "markeredgewidth": 2, "linestyle": ""}


def spread(count: int) -> np.ndarray:
    """(count,) places around 0, so that points of equal value do not hide one another."""
    return WIDTH * (np.arange(count) % 5 - 2) / 2 if count > 1 else np.zeros(count)


def beside(count: int) -> np.ndarray:
    """(count,) places of points: at 0, or beside it where a mean stands there."""
    return spread(count) - BESIDE if count >= MINIMUM_SEEDS else spread(count)


def draw_values(
    ax: Axes,
    place: float,
    values: np.ndarray,
    colour: str,
    vertical: bool = True,
    marker: str = "D",
) -> Summary:
    """Draw every seed, and the mean with its interval where there are enough seeds.

    Args:
        place: position across the values' axis.
        values: (seeds,), NaN where a seed has none, which is left out.
        vertical: whether values run upwards.
        marker: of the mean.

    Returns:
        What was drawn, so that a caller can write it beside.
    """
    values = values[np.isfinite(values)]
    points = {"color": colour, "markersize": 7, "alpha": 0.6, "markeredgewidth": 0}
    _plot(ax, place + beside(len(values)), values, vertical, marker=".", linestyle="", **points)
    summary = summarise(values)
    if summary.mean is not None:
        ends = [summary.low, summary.high]
        bar = {"linewidth": 3, "alpha": 0.9, "solid_capstyle": "butt"}  # not longer than it is
        _plot(ax, [place, place], ends, vertical, color=colour, **bar)
        look = {"color": colour, "marker": marker, "markersize": 6.5, "linestyle": ""}
        _plot(ax, [place], [summary.mean], vertical, zorder=3, **look)
    return summary


def _plot(ax: Axes, places, values, vertical: bool, **look) -> None:
    ax.plot(*((places, values) if vertical else (values, places)), **look)


def mark_slides(ax: Axes, place: float, value: float, vertical: bool = True) -> None:
    """A published value, moved aside from the points."""
    _plot(ax, [place], [value], vertical, color=style.SLIDES, **CROSS)


def zero_line(ax: Axes, vertical: bool = True) -> None:
    line = ax.axhline if vertical else ax.axvline
    line(0, color=style.MUTED, linewidth=1, zorder=1)


def handles(kinds: list[str], seeds: int, slides: bool = True) -> list[Line2D]:
    """Legend entries: points of new and pretrained networks, means, published values."""
    texts = {
        "new": (style.NEW, "new (random start)"),
        "pretrained": (style.PRETRAINED, "pretrained"),
    }
    entries = [
        Line2D([], [], color=colour, marker=".", markersize=9, linestyle="", label=text)
        for kind, (colour, text) in texts.items()
        if kind in kinds
    ]
    if seeds >= MINIMUM_SEEDS:
        mean = {"marker": "D", "linewidth": 3, "label": "mean and bootstrap interval"}
        entries.append(Line2D([], [], color=style.MUTED, **mean))
    if slides:
        entries.append(Line2D([], [], color=style.SLIDES, label="slides", **CROSS))
    return entries
