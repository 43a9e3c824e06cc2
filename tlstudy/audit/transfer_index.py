"""Transfer index: how much of what all classes turned give is had from turning half of them."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from tlstudy.audit.statistics import CONFIDENCE, t_interval
from tlstudy.config.fields import MINIMUM_SEEDS

LEAST_GAIN = 0.1  # of showing all classes turned: a smaller one leaves nothing to share


@dataclass(frozen=True)
class TransferIndex:
    """(half - none) / (all - none): 1 if invariance transfers fully, 0 if not at all.

    Attributes:
        seeds: those with all three values.
        value, low, high: ratio of the means over seeds and its 95 % interval; None if it is not
            testable.
        reason: why it is not; empty if it is.
    """

    seeds: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str = ""


def transfer_index(none: np.ndarray, half: np.ndarray, every: np.ndarray) -> TransferIndex:
    """The index of accuracies on turned images of classes outside the half, (seeds,) each.

    Values of a seed are paired; a seed that lacks one is left out. The index is not testable where
    the interval of `every` less `none` reaches below LEAST_GAIN. The interval is Fieller's (1954,
    "Some problems in interval estimation", J. R. Stat. Soc. B 16): all ratios r for which a t test
    does not reject that (half - none) - r (every - none) has mean 0. It is exact for normal values.

    Args:
        none, half, every: accuracies (0 to 1) without turned images, with those of half the
            classes, and of all.
    """
    values = np.array([none, half, every], dtype=float)
    start, some, most = values[:, np.isfinite(values).all(axis=0)]
    seeds = len(start)
    if seeds < MINIMUM_SEEDS:
        return TransferIndex(seeds, reason=f"it needs {MINIMUM_SEEDS} seeds, found {seeds}")
    shared, gain = some - start, most - start
    least = float(t_interval(gain)[0])
    if least < LEAST_GAIN:
        return TransferIndex(
            seeds,
            reason=f"turning all classes must gain at least {LEAST_GAIN:g} by the lower end of its "
            f"interval, found {least:.3f}",
        )
    quantile = float(t.ppf(0.5 + CONFIDENCE / 2, seeds - 1)) ** 2 / seeds
    (shared_square, both), (_, gain_square) = quantile * np.cov(shared, gain)
    # a r^2 - 2 b r + c <= 0; a > 0, as the mean gain is beyond its own interval's reach.
    a = gain.mean() ** 2 - gain_square
    b = shared.mean() * gain.mean() - both
    c = shared.mean() ** 2 - shared_square
    reach = float(np.sqrt(max(b**2 - a * c, 0.0)))
    ratio = float(shared.mean() / gain.mean())
    return TransferIndex(seeds, ratio, float(b - reach) / a, float(b + reach) / a)
