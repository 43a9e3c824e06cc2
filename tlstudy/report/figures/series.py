"""From the result tables to arrays that can be drawn, and the lines that draw them."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from tlstudy.audit.statistics import bootstrap_interval
from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.config.settings import Study

Tables = Mapping[str, pd.DataFrame]  # the result tables by name, see `tlstudy.storage.columns`
FEW_EPOCHS = 3  # a line of so few points gets markers: a single one would not show


def seed_curves(table: pd.DataFrame, arm: str, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Epochs (epochs,) and values (seeds, epochs) of an arm, NaN where a run has none."""
    rows = table[table["arm"] == arm]
    values = rows.pivot(index="seed", columns="epoch", values=column)
    return values.columns.to_numpy(), values.to_numpy(dtype=float)


def draw_seeds(
    ax: Axes, epochs: np.ndarray, values: np.ndarray, scale: float = 1.0, **style
) -> Axes:
    """Every seed as a thin line; from MINIMUM_SEEDS up their mean and its interval as well.

    Args:
        values: (seeds, epochs). The mean is that of the seeds with a value at every epoch.
        scale: factor of the values, 100 for per cent.
        style: keywords of `Axes.plot`.
    """
    values = scale * np.where(np.isfinite(values), values, np.nan)
    epochs, values = from_first_value(epochs, values)
    marker = "." if len(epochs) <= FEW_EPOCHS else None
    whole = values[np.isfinite(values).all(axis=1)]
    averaged = len(whole) >= MINIMUM_SEEDS and len(epochs) > 0
    if averaged:
        thin = {"linewidth": 0.6, "alpha": 0.35}
    else:
        thin = {"linewidth": 0.9, "alpha": 0.8} if len(values) > 1 else {"linewidth": 1.6}
    for curve in values:
        ax.plot(epochs, curve, marker=marker, **style, **thin)
        _mark_stop(ax, epochs, curve, style["color"])
    if averaged:
        low, high = bootstrap_interval(whole)
        ax.plot(epochs, whole.mean(axis=0), marker=marker, linewidth=1.6, **style)
        ax.fill_between(epochs, low, high, color=style["color"], alpha=0.22, linewidth=0)
        if len(epochs) == 1:  # a band has no width there
            ax.plot(np.repeat(epochs, 2), [*low, *high], linewidth=3, color=style["color"])
    return ax


def from_first_value(epochs: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Without the first epochs at which no seed has a value: they were not looked at."""
    there = np.flatnonzero(np.isfinite(values).any(axis=0))
    first = there[0] if len(there) else len(epochs)
    return epochs[first:], values[:, first:]


def _mark_stop(ax: Axes, epochs: np.ndarray, curve: np.ndarray, colour: str) -> None:
    """A cross at the last value of a run that has none afterwards: it diverged."""
    finite = np.flatnonzero(np.isfinite(curve))
    if len(finite) and finite[-1] < len(curve) - 1:
        last = finite[-1]
        cross = {"marker": "x", "markersize": 6, "markeredgewidth": 1.5}
        ax.plot(epochs[last], curve[last], color=colour, **cross)


def has_stopped(study: Study, table: pd.DataFrame, arms: list[str]) -> bool:
    """Whether a run of these arms has no values at the last of its arm's epochs."""
    rows = table[table["arm"].isin(arms)]
    finite = np.isfinite(rows["train_loss"]) & np.isfinite(rows["displacement_from_start"])
    last = rows["epoch"].where(finite, 0).groupby([rows["arm"], rows["seed"]]).max()
    return any(epoch < study.arms[arm].epochs for (arm, _), epoch in last.items())
