"""The ledger of claims: what was said, what was measured, and the verdict.

The rule was fixed before the runs, in the configuration (`settings.Claim`): a claim is
supported if the interval over seeds lies wholly above the effect size, and refuted if it lies
wholly below zero. A failed control comes first: then nothing was tested.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tlstudy.audit.quantities import Tables, values_of, why_missing
from tlstudy.audit.statistics import Summary, seeds_to_settle, summarise
from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.config.quantities import QUANTITIES, SELECTIONS, planned_seeds
from tlstudy.config.settings import Claim, Study
from tlstudy.storage.columns import CLAIM_VALUES, CLAIMS

Values = Mapping[str, pd.Series]


@dataclass(frozen=True)
class Ruling:
    """A verdict, what led to it, and the further seeds that would settle it.

    more_seeds is NaN if it is settled, if no number would, or if there is no interval yet.
    """

    verdict: str
    because: str
    more_seeds: float = float("nan")


def ledger(study: Study, tables: Tables) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of `tlstudy.storage.columns.CLAIMS` and of `CLAIM_VALUES`.

    Args:
        tables: runs, metrics and layers; encoder, curvature and reuse where the study has
            them.
    """
    tested = [claim for claim in study.claims.values() if not claim.open]
    measured = {name: values_of(tables, name) for claim in tested for name in _names(claim)}
    claims, values = [], []
    for name, claim in study.claims.items():
        for size in study.subset_size:
            found = seed_values(study, claim, measured, size)
            summary = summarise(found.to_numpy())
            ruling = rule(study, claim, tables, measured, size)
            claims.append(_row(study, name, size, summary, ruling))
            rows = found.rename_axis("seed").reset_index(name="value")
            values.append(rows.assign(claim=name, subset_size=size))
    joined = pd.concat(values) if values else pd.DataFrame()
    return (
        pd.DataFrame(claims, columns=list(CLAIMS)),
        joined.reindex(columns=list(CLAIM_VALUES)).reset_index(drop=True),
    )


def _names(claim: Claim) -> list[str]:
    """Quantities that a claim needs."""
    names = [claim.quantity, claim.against_quantity]
    return [name for name in [*names, *(control.quantity for control in claim.controls)] if name]


def claim_seeds(study: Study, claim: Claim) -> list[int]:
    """Seeds in which the study measures what the claim compares; none for an open claim."""
    if claim.open:
        return []
    other = set(planned_seeds(study, claim.against_quantity or claim.quantity))
    return [seed for seed in planned_seeds(study, claim.quantity) if seed in other]


def complete_seeds(study: Study, claim: Claim, subset_size: int) -> list[int]:
    """Of the claim's seeds those of which nothing that it needs is lacking: all, as a rule."""
    sides = [(claim.quantity, claim.arm), (claim.against_quantity or claim.quantity, claim.against)]
    sides += [(control.quantity, control.arm) for control in claim.controls]
    needed = {(_stage(quantity), arm) for quantity, arm in sides if arm}
    return [
        seed
        for seed in claim_seeds(study, claim)
        if all(study.has(stage, arm, subset_size, seed) for stage, arm in needed)
    ]


def _stage(quantity: str) -> str:
    """The stage whose results hold a quantity."""
    table = QUANTITIES[quantity].table
    return table if table in SELECTIONS else "train"


def seed_values(study: Study, claim: Claim, measured: Values, subset_size: int) -> pd.Series:
    """The claim's statistic by seed, as `settings.Claim` defines it; NaN without value."""
    seeds = complete_seeds(study, claim, subset_size)
    if not seeds:
        return pd.Series([], index=pd.Index([], dtype="int64"), dtype=float)
    values = _of_arm(measured[claim.quantity], claim.arm, subset_size, seeds)
    if claim.against:
        quantity = claim.against_quantity or claim.quantity
        other = _of_arm(measured[quantity], claim.against, subset_size, seeds)
    else:
        other = claim.above
    difference = values - other
    return (difference if claim.direction == "higher" else -difference) + claim.margin


def _of_arm(values: pd.Series, arm: str, subset_size: int, seeds: list[int]) -> pd.Series:
    found = [values.get((arm, subset_size, seed), np.nan) for seed in seeds]
    return pd.Series(found, index=seeds, dtype=float)


def rule(study: Study, claim: Claim, tables: Tables, measured: Values, size: int) -> Ruling:
    """The verdict on a claim, by the rule above."""
    if claim.open:
        return Ruling("open", claim.open)
    values = seed_values(study, claim, measured, size)
    if values.empty:
        return Ruling("not testable", _unmeasured(study, claim))
    failed = " ".join(failed_controls(study, claim, tables, measured, size))
    if failed:
        return Ruling("not testable", failed)
    missing = missing_values(study, claim, tables, measured, size)
    if not values.notna().any():
        return Ruling("not testable", f"There is no value: {missing}.")
    ruling = by_interval(values.to_numpy(), claim.effect)
    left_out = f" Left out: {missing}." if missing else ""
    because = f"{ruling.because}{left_out}{_waiting(study, claim, len(values))}"
    return Ruling(ruling.verdict, because, ruling.more_seeds)


def _waiting(study: Study, claim: Claim, complete: int) -> str:
    """How many seeds there are to come, as a sentence after another one; empty if none."""
    planned = len(claim_seeds(study, claim))
    return "" if complete == planned else f" Judged from {complete} of {_seeds(planned)}."


def _unmeasured(study: Study, claim: Claim) -> str:
    if planned := claim_seeds(study, claim):
        return f"There is no seed yet, of {len(planned)}, in which all that it needs is there."
    names = dict.fromkeys([claim.quantity, claim.against_quantity or claim.quantity])
    tables = dict.fromkeys(QUANTITIES[name].table for name in names)
    places = [f"{table}.seeds" for table in tables if table in SELECTIONS]
    measured = "is measured in no seed" if len(names) == 1 else "are measured in no common seed"
    return f"{' and '.join(names)} {measured}: list seeds under {' and '.join(places)}."


def by_interval(values: np.ndarray, effect: float) -> Ruling:
    """The verdict from one value per seed, (seeds,), and the effect size."""
    summary = summarise(values)
    if summary.mean is None:
        return Ruling(
            "inconclusive",
            f"Only {_seeds(summary.n)} with a value; an interval needs {MINIMUM_SEEDS}, so "
            f"{MINIMUM_SEEDS - summary.n} more.",
        )
    above = f"wholly above {'the effect size' if effect else 'zero'}"
    if summary.low > effect:
        return Ruling("supported", f"The interval lies {above}.")
    if summary.high < 0:
        return Ruling("refuted", "The interval lies wholly below zero.")
    more = seeds_to_settle(values, effect)
    if more is None:
        return Ruling(
            "inconclusive",
            "The mean lies between zero and the effect size: no number of seeds would settle "
            "the claim if it stayed there.",
        )
    side = above if summary.mean > effect else "wholly below zero"
    return Ruling(
        "inconclusive",
        f"The interval does not lie {side}; about {_seeds(more, 'more ')} would settle the claim "
        "if mean and spread stayed.",
        more,
    )


def failed_controls(
    study: Study, claim: Claim, tables: Tables, measured: Values, subset_size: int
) -> Iterator[str]:
    """A sentence for each control that fails, or has no value, in any seed of the claim."""
    seeds = complete_seeds(study, claim, subset_size)
    for control in claim.controls:
        values = _of_arm(measured[control.quantity], control.arm, subset_size, seeds)
        found: dict[str, list[int]] = {}
        for seed, value in values[~(values >= control.at_least)].items():
            run = control.arm, subset_size, seed
            missing = f"no value, as {why_missing(tables, control.quantity, run)},"
            found.setdefault(f"{value:.3g}" if np.isfinite(value) else missing, []).append(seed)
        if found:
            yield (
                f"It was not so that {control.says}: {_of(study, control.quantity, control.arm)} "
                f"must be at least {control.at_least:g}; found {_in_seeds(found)}."
            )


def _in_seeds(found: Mapping[str, list[int]]) -> str:
    return "; ".join(
        f"{what} in {'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}"
        for what, seeds in found.items()
    )


def missing_values(
    study: Study, claim: Claim, tables: Tables, measured: Values, subset_size: int
) -> str:
    """Which runs leave the claim without a value in a seed, and why; empty if none."""
    sides = [(claim.quantity, claim.arm)]
    if claim.against:
        sides.append((claim.against_quantity or claim.quantity, claim.against))
    seeds = complete_seeds(study, claim, subset_size)
    reasons: dict[str, list[int]] = {}
    for quantity, arm in sides:
        values = _of_arm(measured[quantity], arm, subset_size, seeds)
        for seed in values[values.isna()].index:
            reason = why_missing(tables, quantity, (arm, subset_size, seed))
            reasons.setdefault(f"{_of(study, quantity, arm)} ({reason})", []).append(seed)
    return _in_seeds(reasons)


def statistic(study: Study, claim: Claim) -> str:
    """What is compared, in words, with its unit; empty for an open claim."""
    if claim.open:
        return ""
    unit, quantity = QUANTITIES[claim.quantity].unit, claim.against_quantity or claim.quantity
    sides = [(claim.quantity, claim.arm), (quantity, claim.against)]
    if claim.direction == "lower":
        sides.reverse()
    words = [_of(study, *side) if side[1] else f"{claim.above:g}" for side in sides]
    if claim.against and claim.quantity == quantity:
        words[1] = f"that of '{_label(study, sides[1][1])}'"
    if words[1] == "0":  # a quantity by itself
        del words[1]
    margin = f", plus {claim.margin:g}" if claim.margin else ""
    return f"{' minus '.join(words)}{margin} ({unit})"


def _of(study: Study, quantity: str, arm: str) -> str:
    return f"{QUANTITIES[quantity].words} of '{_label(study, arm)}'"


def _label(study: Study, arm: str) -> str:
    return study.arms[arm].label or arm


def _row(study: Study, name: str, size: int, summary: Summary, ruling: Ruling) -> dict:
    claim = study.claims[name]
    return {
        "claim": name,
        "subset_size": size,
        "text": claim.text,
        "slide": claim.slide,
        "statistic": statistic(study, claim),
        "unit": "" if claim.open else QUANTITIES[claim.quantity].unit,
        "effect": np.nan if claim.open else claim.effect,
        "seeds": summary.n,
        "mean": summary.mean,
        "low": summary.low,
        "high": summary.high,
        "smallest": summary.smallest,
        "largest": summary.largest,
        "verdict": ruling.verdict,
        "because": ruling.because,
        "more_seeds": ruling.more_seeds,
        "figure": claim.figure,
    }


def ledger_text(claims: pd.DataFrame) -> str:
    """The ledger for a terminal: claim, verdict, interval and number of seeds, and why."""
    return "\n".join(
        f"{row['claim']}, {row['subset_size']} images: {row['verdict']}{_interval_text(row)}\n"
        f"    {row['because']}"
        for row in claims.to_dict("records")
    )


def laboratory_text(claims: pd.DataFrame) -> str:
    """The laboratory's ledger for a terminal, likewise."""
    return "\n".join(
        f"{row['claim']}: {row['verdict']}{_interval_text(row)}\n    {row['because']}"
        for row in claims.to_dict("records")
    )


def _interval_text(row: Mapping) -> str:
    if row["verdict"] == "open":
        return ""
    seeds = _seeds(row["seeds"])
    if pd.isna(row["mean"]):
        return f" ({seeds}, no interval)"
    return (
        f" (mean {row['mean']:.3g}, bootstrap interval {row['low']:.3g} to {row['high']:.3g} "
        f"{row['unit']}, effect size {row['effect']:g}, {seeds})"
    )


def _seeds(count: int, more: str = "") -> str:
    return f"{count} {more}seed{'' if count == 1 else 's'}"
