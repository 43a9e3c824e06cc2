"""Intervals of means over seeds, and of accuracies over seeds and test images.

The interval of a mean over seeds is Student's t, paired where values are differences taken seed by
seed. It is exact for normal values; with fewer than ten seeds it assumes that they are near normal.
Where every run says of each test image whether it was right, the interval of an accuracy is over
seeds and images (`tlstudy.audit.crossed`). The percentile bootstrap (Efron 1979) stands beside them
for who wants it: with few seeds it is too short (Hesterberg 2015), so no verdict rests on it.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace

import numpy as np
import pandas as pd
from scipy.stats import bootstrap, norm, sem, t, trim_mean

from tlstudy.audit.crossed import Estimate
from tlstudy.config.fields import MINIMUM_SEEDS

RESAMPLES = 10_000
CONFIDENCE = 0.95
POWER = 0.8  # share of repetitions in which seeds_to_settle seeds are to be enough
MOST_SEEDS = 10_000  # what more would settle is not told
GENERATOR_SEED = 1979  # fixed: the same values always have the same interval
RESAMPLED_AT_A_TIME = 4_000_000  # values: 32 MB
TRIMMED = 0.25  # from each side: what is left is the interquartile mean
THIN = "\u202f"


@dataclass(frozen=True)
class Summary:
    """Values of n seeds, never reduced to a bare mean.

    Attributes:
        n: number of finite values.
        mean, low, high: mean and its 95 % interval; None below MINIMUM_SEEDS.
        df: degrees of freedom of the interval; None likewise.
        images: test images that the interval is over, beside the seeds; None if over seeds alone.
        interquartile_mean: mean of the middle half (Agarwal et al. 2021); None likewise.
        smallest, largest: range of the values; None where there is none.
        plain_mean: mean of any number of values; None of none, and of a row of a table.
    """

    n: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    df: float | None = None
    images: int | None = None
    interquartile_mean: float | None = None
    plain_mean: float | None = None
    smallest: float | None = None
    largest: float | None = None

    @classmethod
    def of_row(cls, row: Mapping) -> "Summary":
        """The summary in a row of the tables of the ladder or of claims."""
        names = [field.name for field in fields(cls) if field.name != "n"]
        ends = {name: None if pd.isna(row.get(name)) else float(row[name]) for name in names}
        if ends["images"] is not None:
            ends["images"] = int(ends["images"])
        return cls(int(row["seeds"]), **ends)

    def row(self, values: np.ndarray) -> dict[str, float | int | None]:
        """Its columns in these tables, with the bootstrap's interval of the values, (seeds,).

        The bootstrap is for these tables only: its resamples take far longer than all the rest.
        """
        columns = asdict(self)
        ends = bootstrap_interval(values[np.isfinite(values)]) or (None, None)
        resampled = dict(zip(("bootstrap_low", "bootstrap_high"), ends, strict=True))
        return {"seeds": columns.pop("n"), **columns, **resampled}

    @property
    def standard_error(self) -> float:
        """Standard error of the mean; NaN without an interval."""
        if self.mean is None:
            return float("nan")
        return (self.high - self.low) / 2 / float(t.ppf(0.5 + CONFIDENCE / 2, self.df))

    def p_value(self, value: float) -> float:
        """Two-sided p of the mean against a value; NaN without an interval."""
        if self.mean is None:
            return float("nan")
        distance, error = abs(self.mean - value), self.standard_error
        if error == 0:
            return float(distance == 0)
        return float(2 * t.sf(distance / error, self.df))

    def parts(self, number: Callable[[float], str], unit: str = "") -> tuple[str, str, str]:
        """Value, interval, and what it is over, in words; the interval is empty without one.

        The value is the mean; with few seeds it is their range, or the only seed's value. The unit
        is written once, after the value, with the space before it; a number's own % once an
        interval.
        """
        if self.n == 0:
            return "without a value", "", ""
        if self.n == 1:
            return number(self.smallest) + unit, "", "one seed, no interval"
        if self.mean is None:
            ends = f"{number(self.smallest)} to {number(self.largest)}{unit}"
            return ends, "", f"range of {self.n} seeds, too few for an interval"
        interval = f"{number(self.low)} to {number(self.high)}".replace(f"{THIN}% to ", " to ")
        images = "" if self.images is None else f" and {self.images:,} images".replace(",", THIN)
        return number(self.mean) + unit, interval, f"{self.n} seeds{images}"

    def text(self, number: Callable[[float], str], unit: str = "", short: bool = False) -> str:
        """+15.0 points (95 % interval +6.8 to +22.0 over 10 seeds); see `parts`.

        Short: only the interval in the brackets, where seeds and its kind were said before.
        """
        value, interval, over = self.parts(number, unit)
        full = f"95{THIN}% interval {interval} over {over}" if interval else over
        note = interval if short else full
        return f"{value} ({note})" if note else value


SCALED = ("mean", "low", "high", "interquartile_mean", "plain_mean", "smallest", "largest")


def scaled(summary: Summary, factor: float) -> Summary:
    """The summary of the values times a positive factor."""
    values = {name: getattr(summary, name) for name in SCALED}
    return replace(
        summary, **{name: factor * value for name, value in values.items() if value is not None}
    )


def t_interval(values: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Ends of Student's 95 % interval of the mean over seeds.

    Args:
        values: (seeds, ...), where the rest are epochs, say. Not finite in, NaN out, column by
            column.

    Returns:
        (low, high), (...) each; None below MINIMUM_SEEDS seeds.
    """
    values = np.asarray(values, dtype=float)
    seeds = len(values)
    if seeds < MINIMUM_SEEDS:
        return None
    values = np.where(np.isfinite(values).all(axis=0), values, np.nan)
    reach = t.ppf(0.5 + CONFIDENCE / 2, seeds - 1) * sem(values, axis=0)
    mean = values.mean(axis=0)
    return mean - reach, mean + reach


def bootstrap_interval(values: np.ndarray) -> tuple[float, float] | None:
    """Ends of the percentile bootstrap's interval of the mean of one value a seed, (seeds,).

    It is nominally a 95 % interval. Of normal values it covers 84 % at 5 seeds and 90 % at 10.

    Returns:
        None below MINIMUM_SEEDS seeds.
    """
    values = np.asarray(values, dtype=float)
    if len(values) < MINIMUM_SEEDS:
        return None
    result = bootstrap(
        (values,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=max(1, RESAMPLED_AT_A_TIME // max(1, values.size)),
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(GENERATOR_SEED),
    ).confidence_interval
    return float(result.low), float(result.high)


def summarise(values: np.ndarray, over_images: Estimate | None = None) -> Summary:
    """Summary of one value per seed, (seeds,); what is not finite is left out and not counted.

    Args:
        over_images: the mean of the same values by seed and test image; its interval is used.
    """
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    ends = {}
    if len(values):
        ends = {"smallest": values.min(), "largest": values.max(), "plain_mean": values.mean()}
        ends = {name: float(value) for name, value in ends.items()}
    if len(values) < MINIMUM_SEEDS:
        return Summary(len(values), **ends)
    error, df, images = float(sem(values)), float(len(values) - 1), None
    if over_images is not None:
        error, df, images = over_images.standard_error, over_images.df, over_images.images
    mean, reach = ends["plain_mean"], error * float(t.ppf(0.5 + CONFIDENCE / 2, df))
    middle = float(trim_mean(values, TRIMMED))
    return Summary(len(values), mean, mean - reach, mean + reach, df, images, middle, **ends)


def seeds_to_settle(values: np.ndarray, effect: float, summary: Summary) -> int | None:
    """Further seeds with which the interval would lie wholly above the effect or below it.

    With N seeds the interval is mean +- t s / sqrt(N), and the mean itself varies by s / sqrt(N).
    If the true mean and standard deviation are those seen, N >= ((t + 0.84) s / distance)^2 seeds
    settle it in about POWER of all repetitions (Cohen 1988); distance is that of the mean from the
    effect, t the quantile for N seeds. More seeds do not lessen what the choice of test images
    adds to the error.

    Args:
        values: one per seed, (seeds,), of an interval that is not settled; what is not finite is
            left out.
        summary: theirs.

    Returns:
        At least 1; None if MOST_SEEDS would not settle it.
    """
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    distance, spread = abs(values.mean() - effect), values.var(ddof=1)
    of_images = max(0.0, summary.standard_error**2 - spread / len(values))
    if distance == 0:
        return None
    counts = np.arange(len(values) + 1, MOST_SEEDS + 1)
    reach = t.ppf(0.5 + CONFIDENCE / 2, counts - 1) + norm.ppf(POWER)
    enough = reach * np.sqrt(spread / counts + of_images) <= distance
    return int(counts[enough][0]) - len(values) if enough.any() else None
