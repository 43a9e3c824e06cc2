"""Intervals over seeds: the only statistics that the report states.

Percentile bootstrap (Efron 1979) of a mean over seeds.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy.stats import bootstrap, norm, t, trim_mean

from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.config.settings import Arm, Study

RESAMPLES = 10_000
CONFIDENCE = 0.95
POWER = 0.8  # share of repetitions in which seeds_to_settle seeds are to be enough
GENERATOR_SEED = 1979  # fixed: the same values always have the same interval
RESAMPLED_AT_A_TIME = 4_000_000  # values: 32 MB
TRIMMED = 0.25  # from each side: what is left is the interquartile mean


@dataclass(frozen=True)
class Summary:
    """Values of n seeds, never reduced to a bare mean.

    Attributes:
        n: number of finite values.
        mean, low, high: mean and its bootstrap interval; None below MINIMUM_SEEDS.
        interquartile_mean: mean of the middle half (Agarwal et al. 2021); None likewise.
        smallest, largest: range of the values; None where there is none.
    """

    n: int
    mean: float | None
    low: float | None
    high: float | None
    interquartile_mean: float | None
    smallest: float | None
    largest: float | None

    @classmethod
    def of_row(cls, row: Mapping) -> "Summary":
        """The summary in a row of the tables of the ladder or of claims."""
        names = ("mean", "low", "high", "interquartile_mean", "smallest", "largest")
        ends = (row.get(name) for name in names)
        return cls(int(row["seeds"]), *(None if pd.isna(end) else float(end) for end in ends))

    def row(self) -> dict[str, float | int | None]:
        """Its columns in these tables."""
        values = asdict(self)
        return {"seeds": values.pop("n"), **values}

    def parts(self, number: Callable[[float], str], unit: str = "") -> tuple[str, str, str]:
        """Value, interval and seeds in words; the interval is empty where there is none.

        The value is the mean; with few seeds it is their range, or the only seed's value. The unit
        is written once, after the value, with the space before it.
        """
        if self.n == 0:
            return "without a value", "", ""
        if self.n == 1:
            return number(self.smallest) + unit, "", "one seed, no interval"
        if self.mean is None:
            ends = f"{number(self.smallest)} to {number(self.largest)}{unit}"
            return ends, "", f"range of {self.n} seeds, too few for an interval"
        interval = f"{number(self.low)} to {number(self.high)}"
        return number(self.mean) + unit, interval, f"{self.n} seeds"

    def text(self, number: Callable[[float], str], unit: str = "", short: bool = False) -> str:
        """+15.0 points (bootstrap interval +6.8 to +22.0, 10 seeds); see `parts`.

        Short: only the interval in the brackets, where seeds and its kind were said before.
        """
        value, interval, seeds = self.parts(number, unit)
        full = ", ".join(filter(None, (interval and f"bootstrap interval {interval}", seeds)))
        note = interval if short else full
        return f"{value} ({note})" if note else value


def bootstrap_interval(values: np.ndarray, axis: int = 0) -> tuple[np.ndarray, np.ndarray] | None:
    """Ends of the percentile bootstrap interval of the mean over seeds.

    It is nominally a 95 % interval and too short for few seeds: see `expected_coverage`.

    Args:
        values: seeds along `axis`, anything along the others (epochs, say): all columns are
            resampled with the same seeds. Not finite in, NaN out, column by column.

    Returns:
        (low, high), without `axis`; None below MINIMUM_SEEDS seeds.
    """
    values = np.moveaxis(np.asarray(values, dtype=float), axis, -1)
    if values.shape[-1] < MINIMUM_SEEDS:
        return None
    whole = np.isfinite(values).all(axis=-1)
    result = bootstrap(
        (np.where(whole[..., None], values, 0.0),),
        np.mean,
        axis=-1,
        n_resamples=RESAMPLES,
        batch=max(1, RESAMPLED_AT_A_TIME // max(1, values.size)),
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(GENERATOR_SEED),
    ).confidence_interval
    return np.where(whole, result.low, np.nan), np.where(whole, result.high, np.nan)


def expected_coverage(seeds: int) -> float:
    """Share of repetitions in which the interval covers the mean of normal values.

    The percentile bootstrap's interval is about mean +- 1.96 s sqrt((n - 1) / n) / sqrt(n): too
    short for few seeds (Efron & Tibshirani 1993, section 13), 0.846 at 5 and 0.904 at 10.
    """
    reach = norm.ppf(0.5 + CONFIDENCE / 2) * math.sqrt((seeds - 1) / seeds)
    return float(2 * t.cdf(reach, seeds - 1) - 1)


def summarise(values: np.ndarray) -> Summary:
    """Summary of one value per seed, (seeds,); what is not finite is left out and not counted."""
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    interval = bootstrap_interval(values)
    ends = (float(values.min()), float(values.max())) if len(values) else (None, None)
    if interval is None:
        return Summary(len(values), None, None, None, None, *ends)
    low, high = map(float, interval)
    middle = float(trim_mean(values, TRIMMED))
    return Summary(len(values), float(values.mean()), low, high, middle, *ends)


def seeds_to_settle(values: np.ndarray, effect: float) -> int | None:
    """Further seeds with which the interval would lie wholly above the effect or below zero.

    With N seeds the interval is about mean +- 1.96 s / sqrt(N), the normal approximation of the
    bootstrap's, and the mean itself varies by s / sqrt(N). If the true mean and standard
    deviation are those seen, N >= ((1.96 + 0.84) s / distance)^2 seeds settle it in at least
    POWER of all repetitions (Cohen 1988); distance is that of the mean from the effect or zero.

    Args:
        values: one per seed, (seeds,), of an interval that is not settled; what is not finite is
            left out.
        effect: not negative.

    Returns:
        At least 1; None if no number would settle it, as the mean lies between zero and the effect.
    """
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    distance = max(values.mean() - effect, -values.mean())
    if distance <= 0:
        return None
    reach = norm.ppf(0.5 + CONFIDENCE / 2) + norm.ppf(POWER)
    needed = math.ceil((reach * values.std(ddof=1) / distance) ** 2)
    return max(1, needed - len(values))


def reference_arms(study: Study) -> dict[str, str]:
    """Each arm's reference; the arms that are references themselves are not in it.

    The reference is the first arm of the group that was swept to the same values (the names of
    swept arms end in ~key=value), and the first arm of the group where there is no other. Arms of
    another target are never compared.
    """
    references = {}
    for name, arm in study.arms.items():
        group = [other for other in study.arms if _compare(study.arms[other], arm)]
        alike = [other for other in group if _swept(other) == _swept(name)]
        reference = alike[0] if len(alike) > 1 else group[0]
        if reference != name:
            references[name] = reference
    return references


def _compare(one: Arm, other: Arm) -> bool:
    return one.group == other.group and one.target == other.target


def _swept(arm: str) -> str:
    return arm.partition("~")[2]
