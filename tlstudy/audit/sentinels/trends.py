"""Curves of a run: their noise, their trend, and how far they ended from their best."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

FIFTH = 5  # the end of a curve is its last fifth
SMOOTHED_FROM = 10  # values; the best of fewer is a single value, of more a mean of three


@dataclass(frozen=True)
class Decline:
    """How a curve that should be low ended above its lowest.

    Attributes:
        epoch: of the lowest value.
        best, end: lowest value, of means of three where there are ten or more; median of the last
            fifth, so that a single jump there is no rise.
        chance: probability that values without a trend rise so steadily after the lowest one.
    """

    epoch: int
    best: float
    end: float
    chance: float

    @property
    def rise(self) -> float:
        return self.end - self.best


def end_of(values: pd.Series) -> float:
    """Mean of the last fifth, of one value at least."""
    return float(_last_fifth(values).mean())


def _last_fifth(values: pd.Series) -> pd.Series:
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
    smooth = values.rolling(3, center=True).mean() if len(values) >= SMOOTHED_FROM else values
    epoch = values.idxmin()
    return Decline(
        epoch=int(epoch),
        best=float(smooth.min()),
        end=float(_last_fifth(values).median()),
        chance=chance_of_rise(values.loc[epoch:]),
    )


def chance_of_rise(values: pd.Series) -> float:
    """Probability that values in random order rise so steadily (Mann-Kendall test, one-sided).

    It is exact for few values: of five that all rise it is 1 / 120.
    """
    numbers = values.to_numpy(float)
    if len(numbers) < 2 or np.ptp(numbers) == 0:
        return 1.0
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
