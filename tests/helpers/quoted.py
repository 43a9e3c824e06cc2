"""Numbers of kept tables as the pages write them."""

import pandas as pd
from configurations import ROOT
from recomputed import Recomputed

from benchmarks.keep import study_of
from tlstudy.audit.statistics import summarise


def kept(study: str, table: str) -> pd.DataFrame:
    return pd.read_parquet(ROOT / "docs" / study / f"{table}.parquet")


def written(number: float, digits: int = 1) -> str:
    return f"{number:.{digits}f}".replace("-", "\u2212")


def with_ends(numbers: tuple[float, float, float], write=written, unit: str = "") -> str:
    """51.2 points (45.5 to 56.9)."""
    mean, low, high = map(write, numbers)
    return f"{mean}{unit} ({low} to {high})"


def over_seeds(values: pd.Series) -> tuple[float, float, float]:
    found = summarise(values.to_numpy(dtype=float))
    return found.mean, found.low, found.high


def gap_of(study: str, arm: str, reference: str) -> tuple[float, float, float]:
    """Points between two arms at their last epoch: mean and interval over seeds and images."""
    anew = Recomputed(study_of(study), {name: kept(study, name) for name in ("runs", "answers")})
    mean, low, high = anew.over_images([(1, arm), (-1, reference)])
    return 100 * mean, 100 * low, 100 * high


def spread(values: pd.Series) -> tuple[float, float, float]:
    return values.mean(), values.min(), values.max()


def of_claim(study: str, name: str) -> tuple[float, float, float]:
    """Mean and interval of a claim, seed by seed, as it was measured: its side undone."""
    values = kept(study, "claim-values").query("claim == @name")["value"]
    sign = 1 if study_of(study).claims[name].direction == "higher" else -1
    return over_seeds(sign * values)


def points_of(claims: pd.DataFrame, name: str, sign: int = 1, unit: str = "") -> str:
    """A claim's value and interval in points; sign -1 is the comparison the other way round."""
    numbers = [100 * sign * claims.loc[name, end] for end in ("mean", "low", "high")]
    return with_ends((numbers[0], *sorted(numbers[1:])), unit=unit)
