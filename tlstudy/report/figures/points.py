"""Values of seeds as points or curves beside their mean and its interval: one look for all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from tlstudy.audit.statistics import Summary, summarise, t_interval
from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.config.groups import is_new, label_of
from tlstudy.config.settings import Study
from tlstudy.report.figures import meanings, style

Tables = Mapping[str, pd.DataFrame]  # the result tables by name, see `tlstudy.storage.columns`
FEW_EPOCHS = 3  # a line of so few points gets markers: a single one would not show
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


def values_of(rows: pd.DataFrame, column: str = "value", scale: float = 1) -> pd.Series:
    """(seeds,) a column of rows that differ in their seed, by seed."""
    return scale * rows.sort_values("seed").set_index("seed")[column].astype(float)


def draw_values(
    ax: Axes,
    place: float,
    values: np.ndarray | pd.Series,
    colour: str,
    marker: str = "D",
    vertical: bool = True,
    sizes: Sizes = USUAL,
    aside: float = 1,
    summary: Summary | None = None,
) -> Axes:
    """Draw every seed, and the mean with its interval where there are enough seeds.

    Args:
        place: position across the values' axis.
        values: (seeds,), NaN where a seed has none, which is left out; a series is by seed.
        marker: of the mean.
        vertical: whether values run upwards.
        aside: factor of the distances between points, and between them and their mean; 0 on a
            logarithmic axis of places.
        summary: of the values, where their interval is not over seeds alone.
    """
    values = values[np.isfinite(values)]
    seeds, before = _seeds_of(values), len(ax.lines)
    values, count = np.asarray(values, dtype=float), len(values)
    look = {"markersize": sizes.lone_seed if count == 1 else sizes.seed}
    around = WIDTH * (np.arange(count) % 5 - 2) / 2 if count > 1 else np.zeros(count)
    places = place + (around - BESIDE * (count >= MINIMUM_SEEDS)) * aside
    alpha = 1 if count == 1 else 0.6
    look |= {"marker": ".", "markeredgewidth": 0, "alpha": alpha}
    _plot(ax, places, values, vertical, colour, **look)
    meanings.remember_seeds(ax.lines[-1], seeds)
    summary = summary or summarise(values)
    if summary.mean is not None:
        ends = [summary.low, summary.high]
        bar = {"linestyle": "-", "linewidth": sizes.bar, "alpha": 0.9}
        # Not longer than the interval: other caps reach beyond its ends.
        bar |= {"solid_capstyle": "butt", "label": meanings.INTERVAL}
        _plot(ax, [place, place], ends, vertical, colour, **bar)
        mean = {"marker": marker, "markersize": sizes.mean, "zorder": 3, "label": meanings.MEAN}
        _plot(ax, [place], [summary.mean], vertical, colour, **mean)
    meanings.remember_look(ax.lines[before:], Line2D([], [], color=colour, marker=marker, ls=""))
    return ax


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
    summaries: Mapping[float, Summary] | None = None,
) -> Axes:
    """Seeds at each of several places, their means joined by a line.

    Args:
        values: (seeds,) values by place.
        marker: of the means.
        summaries: of the values by place, where their intervals are not over seeds alone.
    """
    means, before = {}, len(ax.lines)
    for place, found in values.items():
        summary = summaries[place] if summaries else summarise(found)
        draw_values(ax, place, found, colour, "", sizes=sizes, aside=0, summary=summary)
        means[place] = summary.mean
    look = Line2D([], [], color=colour, marker=marker, linestyle=linestyle)
    meanings.remember_look(ax.lines[before:], look)
    joined = [item for item in means.items() if item[1] is not None]
    if not joined and all(isinstance(found, pd.Series) for found in values.values()):
        # Seeds without a mean: by their points alone arms of one colour look the same.
        thin = {"linewidth": 0.9, "alpha": 0.7, "zorder": 1.5, "label": meanings.JOINED}
        for _, curve in pd.DataFrame(dict(values)).iterrows():
            ax.plot(curve.index, curve, color=colour, linestyle=linestyle, **thin)
    if joined:
        look = {"marker": marker, "markersize": sizes.mean, "linewidth": sizes.line, "zorder": 3}
        look["label"] = meanings.JOINED
        ax.plot(*zip(*joined, strict=True), color=colour, linestyle=linestyle, **look)
    return ax


def join_seeds(ax: Axes, values: Mapping[float, np.ndarray], line: str, *colours: str) -> Axes:
    """Each seed's values at several places as points that a line joins.

    Args:
        values: (seeds,) values by place.
        line, colours: colour of the lines, and of the points at each place.
    """
    thin = {"linewidth": 0.9, "alpha": 0.7, "zorder": 1.5, "label": meanings.JOINED}
    for seed in np.transpose(list(values.values())):
        ax.plot(list(values), seed, color=line, **thin)
    points = {"marker": ".", "markersize": 10, "markeredgewidth": 0, "alpha": 0.8}
    for (place, found), colour in zip(values.items(), colours, strict=True):
        _plot(ax, np.full(len(found), place), found, True, colour, **points)
        meanings.remember_seeds(ax.lines[-1], _seeds_of(found))
    return ax


def _seeds_of(values: np.ndarray | pd.Series) -> list[int] | None:
    return list(values.index) if isinstance(values, pd.Series) else None


def draw_band(ax: Axes, frame: pd.DataFrame, colour: str, line: str, first: int = 1) -> None:
    """Seeds x places as a line of means with their intervals; below five seeds a line each.

    Args:
        first: where the first place is; the others follow by ones.
    """
    values = frame.to_numpy(dtype=float)
    summaries = [summarise(column) for column in values.T]
    places = np.arange(first, first + len(summaries))
    if any(summary.mean is None for summary in summaries):
        for seed, curve in zip(frame.index, values, strict=True):
            look = {"linestyle": line, "linewidth": 1, "label": meanings.of_seed(seed)}
            ax.plot(places, curve, color=colour, **look)
        return
    means = [summary.mean for summary in summaries]
    [mean] = ax.plot(places, means, color=colour, linestyle=line, label=meanings.MEAN)
    low, high = ([getattr(summary, end) for summary in summaries] for end in ("low", "high"))
    band = ax.fill_between(places, low, high, color=colour, alpha=0.2, linewidth=0)
    meanings.remember_band(band, mean, low, high)


class Curves(NamedTuple):
    """Values of an arm by epoch.

    Attributes:
        values: (seeds, epochs), NaN where a run has none.
        ends: (seeds,) how many epochs each run was to have: with early stopping those it has.
    """

    epochs: np.ndarray
    values: np.ndarray
    ends: np.ndarray
    seeds: list[int]


def seed_curves(study: Study, table: pd.DataFrame, arm: str, column: str) -> Curves:
    """A column of an arm's rows."""
    rows = table[table["arm"] == arm]
    values = rows.pivot(index="seed", columns="epoch", values=column)
    ends = np.full(len(values), len(values.columns))
    if study.arms[arm].early_stopping:
        ends = rows.groupby("seed")["epoch"].count().to_numpy()
    seeds = [int(seed) for seed in values.index]
    return Curves(values.columns.to_numpy(), values.to_numpy(dtype=float), ends, seeds)


def last_epochs(study: Study, rows: pd.DataFrame) -> pd.Series:
    """The last epoch that each row's run was to have: with early stopping the last it has."""
    epochs = {arm: settings.epochs for arm, settings in study.arms.items()}
    planned = rows["arm"].map(epochs).astype(float)  # of no rows it is text
    early = [arm for arm, settings in study.arms.items() if settings.early_stopping]
    own = rows.groupby(["arm", "subset_size", "seed"])["epoch"].transform("max")
    return planned.where(~rows["arm"].isin(early), own)


def draw_curves(
    ax: Axes,
    epochs: np.ndarray,
    values: np.ndarray,
    ends: np.ndarray | None = None,
    seeds: list[int] | None = None,
    **look,
) -> Axes:
    """Every seed as a thin line; from MINIMUM_SEEDS up their mean and its interval as well.

    On a logarithmic axis that is the geometric mean: the interval of the mean may reach below 0,
    where such an axis ends. It has gaps where a value is 0.

    A run that has no values from some epoch on diverged: a cross marks its last one.

    Args:
        values: (seeds, epochs). The mean is that of the seeds with a value at every epoch that
            all runs were to have. First epochs at which no seed has a value are left out.
        ends: see `Curves`; None if all runs were to have all epochs.
        seeds: of the rows of values, if they are known.
        look: keywords of `Axes.plot`.
    """
    values = np.where(np.isfinite(values), values, np.nan)
    there = np.flatnonzero(np.isfinite(values).any(axis=0))
    first = there[0] if len(there) else len(epochs)
    ends = (np.full(len(values), len(epochs)) if ends is None else ends) - first
    epochs, values = epochs[first:], values[:, first:]
    shared = ends.min(initial=len(epochs))
    look = {"marker": "." if len(epochs) <= FEW_EPOCHS else None, **look}
    whole = values[np.isfinite(values[:, :shared]).all(axis=1), :shared]
    averaged = len(whole) >= MINIMUM_SEEDS and shared > 0
    if averaged:
        thin = {"linewidth": 0.6, "alpha": 0.35}
    else:
        thin = {"linewidth": 0.9} if len(values) > 1 else {"linewidth": 1.6}
    for position, (curve, end) in enumerate(zip(values, ends, strict=True)):
        ax.plot(epochs, curve, label=meanings.label_of_seed(seeds, position), **look, **thin)
        finite = np.flatnonzero(np.isfinite(curve))
        if len(finite) and finite[-1] < end - 1:
            cross = {"marker": "x", "markersize": 6, "markeredgewidth": 1.5}
            cross |= {"color": look["color"], "label": meanings.JOINED}
            ax.plot(epochs[finite[-1]], curve[finite[-1]], **cross)
    if averaged:
        epochs = epochs[:shared]
        means, low, high, label = _averages(whole, ax.get_yscale() == "log")
        [mean] = ax.plot(epochs, means, linewidth=1.6, label=label, **look)
        band = ax.fill_between(epochs, low, high, color=look["color"], alpha=0.22, linewidth=0)
        meanings.remember_band(band, mean, low, high)
        if len(epochs) == 1:  # a band has no width there
            bar = {"linewidth": 3, "color": look["color"], "label": meanings.JOINED}
            ax.plot(np.repeat(epochs, 2), [*low, *high], **bar)
    return ax


def _averages(values: np.ndarray, logarithmic: bool) -> tuple[np.ndarray, ...]:
    """Means over the seeds of (seeds, epochs), both ends of their intervals, and what they are."""
    if not logarithmic:
        return values.mean(axis=0), *t_interval(values), meanings.MEAN
    with np.errstate(divide="ignore"):
        logs = np.log(values)
    ends = (np.exp(end) for end in t_interval(logs))
    return np.exp(logs.mean(axis=0)), *ends, meanings.GEOMETRIC_MEAN


def has_stopped(study: Study, table: pd.DataFrame, arms: list[str]) -> bool:
    """Whether a run of these arms has no values at the last epoch that it was to have."""
    rows = table[table["arm"].isin(arms)]
    planned = last_epochs(study, rows).groupby([rows["arm"], rows["seed"]]).max()
    finite = np.isfinite(rows["train_loss"]) & np.isfinite(rows["displacement_from_start"])
    last = rows["epoch"].where(finite, 0).groupby([rows["arm"], rows["seed"]]).max()
    return bool((last < planned).any())


def mark_slides(ax: Axes, place: float, value: float, vertical: bool = True) -> None:
    """A published value, moved aside from the points."""
    _plot(ax, [place], [value], vertical, style.SLIDES, label=meanings.PUBLISHED, **CROSS)


def arm_entries(study: Study, arms: list[str]) -> dict[str, Line2D]:
    """Legend entries of arms by arm, in their colours: by kind where each is there once."""
    kinds, entries = [is_new(study, arm) for arm in arms], {}
    for place, (arm, kind) in enumerate(zip(arms, kinds, strict=True)):
        shades, alone = style.SHADES[kind], kinds.count(kind) == 1
        colour = shades[kinds[:place].count(kind) % len(shades)]
        text = style.KINDS[kind] if alone else label_of(study, arm)
        entries[arm] = style.entry(text, colour, "", marker=".", markersize=9)
    return entries


def handles(new: set[bool], seeds: int, slides: bool = True) -> list[Line2D]:
    """Legend entries of points, means and published values.

    Args:
        new: whether the networks shown are new ones, or pretrained, or both.
    """
    colours = {True: style.NEW, False: style.PRETRAINED}
    entries = [
        style.entry(text, colours[kind], "", marker=".", markersize=9)
        for kind, text in style.KINDS.items()
        if kind in new
    ]
    if seeds >= MINIMUM_SEEDS:
        entries.append(style.entry("mean and interval", marker="D", linewidth=3))
    if slides:
        entries.append(style.entry("slides", style.SLIDES, **CROSS))
    return entries
