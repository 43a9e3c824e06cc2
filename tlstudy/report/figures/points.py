"""Values of seeds as points beside their mean and its interval: one look for all figures."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from tlstudy.audit.statistics import summarise
from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.report.figures import style

BESIDE = 0.1  # of the points from the mean of their place, which would hide them
WIDTH = 0.03  # of the points, to either side of that
CROSS = {"marker": "x", "markersize": 7, "markeredgewidth": 2, "linestyle": ""}


@dataclass(frozen=True)
class Sizes:
    """Of marks, bars and lines, in points."""

    seed: float = 7
    lone_seed: float = 10
    mean: float = 6.5
    bar: float = 3
    line: float = 1.6


USUAL, SMALL = Sizes(), Sizes(3.5, 6, 5, 2.5, 1.2)


def draw_values(
    ax: Axes,
    place: float,
    values: np.ndarray,
    colour: str,
    marker: str = "D",
    vertical: bool = True,
    sizes: Sizes = USUAL,
    aside: float = 1,
) -> Axes:
    """Draw every seed, and the mean with its interval where there are enough seeds.

    Args:
        place: position across the values' axis.
        values: (seeds,), NaN where a seed has none, which is left out.
        marker: of the mean.
        vertical: whether values run upwards.
        aside: factor of the distances between points, and between them and their mean; 0 on a
            logarithmic axis of places.
    """
    values = values[np.isfinite(values)]
    alone = len(values) == 1
    points = {"markersize": sizes.lone_seed if alone else sizes.seed, "alpha": 1 if alone else 0.6}
    places = place + _beside(len(values)) * aside
    _plot(ax, places, values, vertical, colour, marker=".", markeredgewidth=0, **points)
    summary = summarise(values)
    if summary.mean is not None:
        ends = [summary.low, summary.high]
        bar = {"linestyle": "-", "linewidth": sizes.bar, "alpha": 0.9}
        # Not longer than the interval: other caps reach beyond its ends.
        _plot(ax, [place, place], ends, vertical, colour, solid_capstyle="butt", **bar)
        mean = {"marker": marker, "markersize": sizes.mean, "zorder": 3}
        _plot(ax, [place], [summary.mean], vertical, colour, **mean)
    return ax


def _beside(count: int) -> np.ndarray:
    """(count,) places around 0, or beside it where a mean stands there."""
    around = WIDTH * (np.arange(count) % 5 - 2) / 2 if count > 1 else np.zeros(count)
    return around - BESIDE * (count >= MINIMUM_SEEDS)


def _plot(ax: Axes, places, values, vertical: bool, colour: str, **look) -> None:
    ends = (places, values) if vertical else (values, places)
    ax.plot(*ends, **{"color": colour, "linestyle": "", **look})


def draw_line(
    ax: Axes,
    values: Mapping[float, np.ndarray],
    colour: str,
    marker: str,
    linestyle: str,
    sizes: Sizes = SMALL,
) -> Axes:
    """Seeds at each of several places, their means joined by a line.

    Args:
        values: (seeds,) values by place.
        marker: of the means.
    """
    means = {}
    for place, found in values.items():
        draw_values(ax, place, found, colour, "", sizes=sizes, aside=0)
        means[place] = summarise(found).mean
    joined = [item for item in means.items() if item[1] is not None]
    if joined:
        look = {"marker": marker, "markersize": sizes.mean, "linewidth": sizes.line, "zorder": 3}
        ax.plot(*zip(*joined, strict=True), color=colour, linestyle=linestyle, **look)
    return ax


def join_seeds(ax: Axes, values: Mapping[float, np.ndarray], line: str, *colours: str) -> Axes:
    """Each seed's values at several places as points that a line joins.

    Args:
        values: (seeds,) values by place.
        line, colours: colour of the lines, and of the points at each place.
    """
    for seed in np.transpose(list(values.values())):
        ax.plot(list(values), seed, color=line, linewidth=0.9, alpha=0.7, zorder=1.5)
    points = {"marker": ".", "markersize": 10, "markeredgewidth": 0, "alpha": 0.8}
    for (place, found), colour in zip(values.items(), colours, strict=True):
        _plot(ax, np.full(len(found), place), found, True, colour, **points)
    return ax


def mark_slides(ax: Axes, place: float, value: float, vertical: bool = True) -> None:
    """A published value, moved aside from the points."""
    _plot(ax, [place], [value], vertical, style.SLIDES, **CROSS)


def zero_line(ax: Axes, vertical: bool = True) -> None:
    line = ax.axhline if vertical else ax.axvline
    line(0, color=style.MUTED, linewidth=1, zorder=1)


def handles(new: set[bool], seeds: int, slides: bool = True) -> list[Line2D]:
    """Legend entries of points, means and published values.

    Args:
        new: whether the networks shown are new ones, or pretrained, or both.
    """
    colours = {True: style.NEW, False: style.PRETRAINED}
    point = {"linestyle": "", "marker": ".", "markersize": 9}
    entries = [
        style.entry(text, colours[kind], **point)
        for kind, text in style.KINDS.items()
        if kind in new
    ]
    if seeds >= MINIMUM_SEEDS:
        entries.append(style.entry("mean and interval", marker="D", linewidth=3))
    if slides:
        entries.append(style.entry("slides", style.SLIDES, **CROSS))
    return entries
