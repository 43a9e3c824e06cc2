"""The ledger of claims: what was said, what was measured, and the verdict.

The rule was fixed before the runs, in the configuration (`ledger.Claim`): a claim is
supported if the interval over seeds lies wholly above the effect size, and refuted if it lies
wholly below zero. A failed control comes first: then nothing was tested.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from tlstudy.audit.quantities import Tables, values_of, why_missing
from tlstudy.audit.statistics import Summary, seeds_to_settle, summarise
from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.config.ledger import Claim
from tlstudy.config.quantities import QUANTITIES, SELECTIONS, planned_seeds
from tlstudy.config.settings import Study
from tlstudy.storage.columns import CLAIM_VALUES, CLAIMS


@dataclass(frozen=True)
class Ruling:
    """A verdict, what led to it, and the further seeds that would settle it.

    more_seeds is NaN if it is settled, if no number would, or if there is no interval yet.
    """

    verdict: str
    because: str
    more_seeds: float = float("nan")


@dataclass(frozen=True)
class Case:
    """A claim at a subset size, with what was measured.

    Attributes:
        tables: runs, metrics and layers; encoder, curvature and reuse where the study has them.
        measured: every quantity that the claim needs, by arm, subset size and seed.
    """

    name: str
    study: Study
    size: int
    tables: Tables
    measured: Mapping[str, pd.Series]

    @property
    def claim(self) -> Claim:
        return self.study.claims[self.name]

    def planned(self) -> list[int]:
        """Seeds in which the study measures what the claim compares; none for an open claim."""
        seeds = [planned_seeds(self.study, quantity) for quantity, _ in sides(self.claim)]
        return [seed for seed in self.study.seed if seeds and all(seed in each for each in seeds)]

    def seeds(self) -> list[int]:
        """Planned seeds with every result that the claim needs: all of a whole study."""
        controls = [(control.quantity, control.arm) for control in self.claim.controls]
        needed = {(_stage(quantity), arm) for quantity, arm in [*sides(self.claim), *controls]}
        return [
            seed
            for seed in self.planned()
            if all(self.study.has(stage, arm, self.size, seed) for stage, arm in needed)
        ]

    def of_arm(self, quantity: str, arm: str) -> pd.Series:
        """An arm's values by seed; NaN where there is none."""
        seeds = self.seeds()
        found = [self.measured[quantity].get((arm, self.size, seed), np.nan) for seed in seeds]
        return _by_seed(found, seeds)

    def values(self) -> pd.Series:
        """The claim's statistic by seed, as `ledger.Claim` defines it; NaN without value."""
        claim = self.claim
        if claim.open:
            return _by_seed([], [])
        ours, *others = (self.of_arm(*side) for side in sides(claim))
        difference = ours - (others[0] if others else claim.above)
        return (difference if claim.direction == "higher" else -difference) + claim.margin

    def ruling(self) -> Ruling:
        """The verdict on the claim, by the rule above."""
        if self.claim.open:
            return Ruling("open", self.claim.open)
        values = self.values()
        if values.empty:
            return Ruling("not testable", self._unmeasured())
        if failed := " ".join(self._failed_controls()):
            return Ruling("not testable", failed)
        missing = self._missing_values()
        if not values.notna().any():
            return Ruling("not testable", f"There is no value: {missing}.")
        ruling = by_interval(values.to_numpy(), self.claim.effect)
        because = ruling.because + (f" Left out: {missing}." if missing else "")
        planned = len(self.planned())
        if len(values) < planned:
            because += f" Judged from {len(values)} of {_seeds(planned)}."
        return Ruling(ruling.verdict, because, ruling.more_seeds)

    def _unmeasured(self) -> str:
        if planned := self.planned():
            return f"There is no seed yet, of {len(planned)}, in which all that it needs is there."
        names = dict.fromkeys(quantity for quantity, _ in sides(self.claim))
        tables = dict.fromkeys(QUANTITIES[name].table for name in names)
        places = [f"{table}.seeds" for table in tables if table in SELECTIONS]
        measured = "is measured in no seed" if len(names) == 1 else "are measured in no common seed"
        return f"{' and '.join(names)} {measured}: list seeds under {' and '.join(places)}."

    def _failed_controls(self) -> Iterator[str]:
        """A sentence for each control that fails, or has no value, in any seed of the claim."""
        for control in self.claim.controls:
            values = self.of_arm(control.quantity, control.arm)
            found: dict[str, list[int]] = {}
            for seed, value in values[~(values >= control.at_least)].items():
                run = control.arm, self.size, seed
                missing = f"no value, as {why_missing(self.tables, control.quantity, run)},"
                found.setdefault(f"{value:.3g}" if np.isfinite(value) else missing, []).append(seed)
            if found:
                yield (
                    f"It was not so that {control.says}: "
                    f"{_of(self.study, control.quantity, control.arm)} must be at least "
                    f"{control.at_least:g}; found {_in_seeds(found)}."
                )

    def _missing_values(self) -> str:
        """Which runs leave the claim without a value in a seed, and why; empty if none."""
        reasons: dict[str, list[int]] = {}
        for quantity, arm in sides(self.claim):
            values = self.of_arm(quantity, arm)
            for seed in values[values.isna()].index:
                reason = why_missing(self.tables, quantity, (arm, self.size, seed))
                reasons.setdefault(f"{_of(self.study, quantity, arm)} ({reason})", []).append(seed)
        return _in_seeds(reasons)

    def row(self) -> dict:
        """The row of `tlstudy.storage.columns.CLAIMS`."""
        claim = self.claim
        return {
            "claim": self.name,
            "subset_size": self.size,
            "text": claim.text,
            "slide": claim.slide,
            "statistic": statistic(self.study, claim),
            "unit": "" if claim.open else QUANTITIES[claim.quantity].unit,
            "effect": np.nan if claim.open else claim.effect,
            **summarise(self.values().to_numpy()).row(),
            **asdict(self.ruling()),
            "figure": claim.figure,
        }


def ledger(study: Study, tables: Tables) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of `tlstudy.storage.columns.CLAIMS` and of `CLAIM_VALUES`.

    Args:
        tables: as of a `Case`.
    """
    measured = {
        name: values_of(tables, name)
        for name in {name for claim in study.claims.values() for name in _quantities(claim)}
    }
    cases = [
        Case(name, study, size, tables, measured)
        for name in study.claims
        for size in study.subset_size
    ]
    values = [
        case.values()
        .rename_axis("seed")
        .reset_index(name="value")
        .assign(claim=case.name, subset_size=case.size)
        for case in cases
    ]
    joined = pd.concat(values) if values else pd.DataFrame()
    return (
        pd.DataFrame([case.row() for case in cases], columns=list(CLAIMS)),
        joined.reindex(columns=list(CLAIM_VALUES)).reset_index(drop=True),
    )


def sides(claim: Claim) -> list[tuple[str, str]]:
    """Quantity and arm of what is compared: one side where it is compared with a number."""
    if claim.open:
        return []
    second = (claim.against_quantity or claim.quantity, claim.against)
    return [(claim.quantity, claim.arm), *([second] if claim.against else [])]


def _quantities(claim: Claim) -> list[str]:
    """Quantities that a claim needs."""
    controls = () if claim.open else claim.controls
    return [quantity for quantity, _ in sides(claim)] + [control.quantity for control in controls]


def _by_seed(values: list[float], seeds: list[int]) -> pd.Series:
    return pd.Series(values, index=pd.Index(seeds, dtype="int64"), dtype=float)


def _stage(quantity: str) -> str:
    """The stage whose results hold a quantity."""
    table = QUANTITIES[quantity].table
    return table if table in SELECTIONS else "train"


def _in_seeds(found: Mapping[str, list[int]]) -> str:
    return "; ".join(
        f"{what} in {'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}"
        for what, seeds in found.items()
    )


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


def ledger_text(claims: pd.DataFrame) -> str:
    """The ledger for a terminal: claim, verdict, interval and number of seeds, and why.

    Args:
        claims: rows of `tlstudy.storage.columns.CLAIMS`, or those of the laboratory, which have no
            subset size.
    """
    return "\n".join(
        f"{_name_and_size(row)}: {row['verdict']}{_value_text(row)}\n    {row['because']}"
        for row in claims.to_dict("records")
    )


def _name_and_size(row: Mapping) -> str:
    return f"{row['claim']}, {row['subset_size']} images" if "subset_size" in row else row["claim"]


def _value_text(row: Mapping) -> str:
    if row["verdict"] == "open":
        return ""
    value = Summary.of_row(row).text(lambda number: f"{number:.3g}", f" {row['unit']}")
    return f", {value}, effect size {row['effect']:g}"


def _seeds(count: int, more: str = "") -> str:
    return f"{count} {more}seed{'' if count == 1 else 's'}"
