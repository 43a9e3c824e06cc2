"""Verdicts on claims from the intervals of their values, one by one and all together."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tlstudy.audit.statistics import CONFIDENCE, Summary, seeds_to_settle
from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.watching.finding import counted

UNTESTED = ("not testable", "open")


@dataclass(frozen=True)
class Ruling:
    """A verdict, what led to it, and the further seeds that would settle it.

    more_seeds is NaN if it is settled, if no number would, or if there is no interval yet.
    """

    verdict: str
    because: str
    more_seeds: float = float("nan")


def by_interval(summary: Summary, values: np.ndarray, effect: float, bound: str = "") -> Ruling:
    """The verdict from one value per seed, (seeds,), and their summary.

    Args:
        effect: the effect size, or below zero the margin of a claim of no difference.
        bound: lower if the values are lower bounds of what is meant, so that none can contradict
            the claim; upper likewise: none can support it; both: neither.
    """
    if summary.mean is None:
        return Ruling(
            "inconclusive",
            f"Only {counted(summary.n, 'seed')} with a value; an interval needs "
            f"{MINIMUM_SEEDS}, so {MINIMUM_SEEDS - summary.n} more.",
        )
    size = "the effect size" if effect > 0 else "the margin" if effect else "zero"
    if summary.low > effect:
        if bound in ("upper", "both"):
            return _only_a_bound("above", size, "larger", "support")
        return Ruling("supported", f"The interval lies wholly above {size}.")
    if summary.high < effect:
        if bound in ("lower", "both"):
            return _only_a_bound("below", size, "smaller", "contradict")
        if summary.high < 0 or not effect:
            size = "zero" if effect >= 0 else size
            return Ruling("refuted", f"The interval lies wholly below {size}.")
        return Ruling("contradicted", "The interval lies wholly below the effect size.")
    more = seeds_to_settle(values, effect, summary)
    if more is None:
        return Ruling(
            "inconclusive",
            f"The interval contains {size}, and so close to the mean that no number of seeds "
            "would settle the claim if it stayed there.",
        )
    return Ruling(
        "inconclusive",
        f"The interval contains {size}; about {counted(more, 'more seed')} would settle the "
        "claim if mean and spread stayed.",
        more,
    )


def _only_a_bound(place: str, size: str, found: str, what: str) -> Ruling:
    return Ruling(
        "inconclusive",
        f"The interval lies wholly {place} {size}, but a search can leave the value {found} than "
        f"what is meant, so it cannot {what} the claim.",
    )


def with_holm(claims: pd.DataFrame) -> pd.DataFrame:
    """The table with the verdicts that hold if all tested claims are to hold together.

    Holm 1979: the k-th smallest of m values of p counts (m - k + 1) times, and none less than one
    before it.
    """
    p_values = claims["p_value"].where(~claims["verdict"].isin(UNTESTED)).astype(float)
    order = p_values.dropna().sort_values(kind="stable").index
    times = pd.Series(np.arange(len(order), 0, -1), order)
    adjusted = (times * p_values[order]).cummax()
    verdicts = claims["verdict"].where(p_values.notna(), "")
    for index in order:
        verdict = verdicts[index]
        if verdict == "refuted":
            against_zero = times[index] * Summary.of_row(claims.loc[index]).p_value(0)
            if claims.loc[index, "effect"] and against_zero > 1 - CONFIDENCE:
                verdict = "contradicted"
        if adjusted[index] > 1 - CONFIDENCE:
            verdict = "inconclusive"
        verdicts[index] = verdict
    return claims.assign(verdict_by_holm=verdicts)
