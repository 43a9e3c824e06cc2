"""Curves of a run: their noise, their trend, and how far they ended from their best."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy.stats import kendalltau, norm

FIFTH = 5  # the end of a curve is its last fifth
SMOOTHED_FROM = 10  # values; the best of fewer is a single value, of more a mean of three
SMOOTHED = 3  # values of such a mean
EXACT = 40  # values: of more the distribution of Kendall's statistic is normal to three digits
OVER = 0.01  # chance that noise alone ends as far above its least: 1 in 100
# The median of normal values varies more than their mean.
OF_A_MEDIAN = float(np.sqrt(np.pi / 2))


@dataclass(frozen=True)
class Decline:
    """How a curve that should be low ended above its lowest.

    Attributes:
        epoch: of the lowest value.
        best, end: lowest value, of means of three where there are ten or more; median of the last
            fifth, of two values at least, so that a single jump there is no rise.
        chance: probability that noise about a level rises so steadily from its lowest value on
            (`chance_after_least`).
        of_either: the same, or that it rises so steadily as a whole. The smaller of the two counts
            twice, as there are two ways to pass (Bonferroni).
        spread: by how many standard deviations of a single value `rise` may be above 0 by chance,
            in 99 of 100 curves of noise: the best was chosen among many.
    """

    epoch: int
    best: float
    end: float
    chance: float
    of_either: float
    spread: float

    @property
    def rise(self) -> float:
        return self.end - self.best


def end_of(values: pd.Series) -> float:
    """Mean of the last fifth, of one value at least."""
    return float(last_fifth(values).to_numpy(float).mean())


def in_both(one: pd.Series, other: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Values of two curves in the epochs that both have, in the order of the first."""
    if not one.index.equals(other.index):
        both = one.index.intersection(other.index)
        one, other = one[both], other[both]
    return one.to_numpy(float), other.to_numpy(float)


def last_fifth(values: pd.Series) -> pd.Series:
    return values.iloc[-max(1, len(values) // FIFTH) :]


def starts_late(values: pd.Series) -> bool:
    """Whether the first rows are missing, as of a training that was taken up again.

    The first epoch is later than 1 and than the usual distance from row to row: rows of every 500
    steps start at 500.
    """
    first = values.index[0]
    return bool(first > 1 and first > np.median(np.diff(values.index.to_numpy(float))))


def decline(values: pd.Series) -> Decline:
    """Of a curve by epoch, of one value at least; of an accuracy give the errors."""
    count = len(values)
    averaged = SMOOTHED if count >= SMOOTHED_FROM else 1
    numbers = values.to_numpy(float)
    smooth = np.lib.stride_tricks.sliding_window_view(numbers, averaged).mean(axis=1)
    late = numbers[-max(2, count // FIFTH) :]
    # For each place of the best by itself the difference is above z(OVER / n) deviations with a
    # chance of OVER / n, so with OVER at most for all of them together (Bonferroni).
    of_end = (OF_A_MEDIAN if len(late) > 2 else 1.0) ** 2 / len(late)
    spread = _above_by_chance(count) * np.sqrt(1 / averaged + of_end)
    chance = chance_after_least(values)
    return Decline(
        epoch=int(values.index[np.argmin(numbers)]),
        best=float(smooth.min()),
        end=float(np.median(late)),
        chance=chance,
        of_either=min(1.0, 2 * min(chance, chance_of_rise(values))),
        spread=float(spread),
    )


def chance_after_least(values: pd.Series) -> float:
    """Probability that noise alone rises so steadily from its least value to its end.

    The least value is chosen, so a plain Mann-Kendall test from there on is passed at 5 % by 5 to
    12 % of curves of noise. In values of random order the least one may be anywhere, and those
    after it are in random order: so the chance of the whole procedure follows from that of each
    place, exactly. A curve may fall first and rest then on a plateau of unknown length: the length
    with the largest chance counts.
    """
    place = int(np.argmin(values.to_numpy(float)))
    return _chance_of_procedure(chance_of_rise(values.iloc[place:]), len(values))


@lru_cache(maxsize=4096)
def _chance_of_procedure(level: float, count: int) -> float:
    """Chance of noise of up to so many values to pass the test from its least on at the level."""
    reached = np.zeros(count)
    for size in range(2, min(count, EXACT) + 1):
        tails, after = _tails(size), _tails(size - 1)
        inversions = int(np.searchsorted(tails, level * (1 + 1e-9), side="right")) - 1
        # The least value comes first, and is in order with all others.
        if inversions >= 0:
            reached[size - 1] = after[min(inversions, len(after) - 1)]
    if count > EXACT:
        sizes = np.arange(EXACT + 1, count + 1, dtype=float)
        least = norm.isf(level) * _deviation(sizes)
        reached[EXACT:] = norm.sf((least - (sizes - 1)) / _deviation(sizes - 1))
    return float((np.cumsum(reached) / np.arange(1, count + 1)).max())


def _deviation(size: np.ndarray) -> np.ndarray:
    """Standard deviation of Kendall's statistic of so many values in random order."""
    return np.sqrt(size * (size - 1) * (2 * size + 5) / 18)


@lru_cache(maxsize=4096)
def _above_by_chance(count: int) -> float:
    """Standard deviations that one of so many normal values is above with a chance of OVER."""
    return float(norm.isf(OVER / count))


@lru_cache(maxsize=EXACT + 1)
def _tails(size: int) -> np.ndarray:
    """Chance of at most 0, 1, 2... pairs in the wrong order among values in random order."""
    chances = np.ones(1)
    for step in range(2, size + 1):
        chances = np.convolve(chances, np.full(step, 1 / step))
    return np.cumsum(chances)


def chance_of_rise(values: pd.Series) -> float:
    """Probability that values in random order rise so steadily (Mann-Kendall test, one-sided).

    It is exact for few values: of five that all rise it is 1 / 120.
    """
    numbers = values.to_numpy(float)
    count = len(numbers)
    if count < 2 or np.ptp(numbers) == 0:
        return 1.0
    if count <= EXACT:  # faster than SciPy by much, and there may be thousands of runs
        later_minus_earlier = (numbers[None, :] - numbers[:, None])[np.triu_indices(count, 1)]
        if (later_minus_earlier != 0).all():
            return float(_tails(count)[np.count_nonzero(later_minus_earlier < 0)])
    return float(kendalltau(np.arange(len(numbers)), numbers, alternative="greater").pvalue)


def noise(values: pd.Series) -> float:
    """Standard deviation of a curve about its trend; nan of fewer than four values.

    Second differences leave nothing of a straight line, and of independent noise sqrt(6) times its
    deviation. Their median absolute value is 0.6745 deviations, whatever a few jumps are.
    """
    second = np.diff(values.to_numpy(float), 2)
    if len(second) < 2:
        return float("nan")
    return float(np.median(np.abs(second)) / 0.6745 / np.sqrt(6))
