"""The ledger of claims: what was said, what was measured, and the verdict.

The rule was fixed before the runs, in the configuration (`ledger.Claim`): a claim is
supported if the interval over seeds lies wholly above the effect size, and refuted if it lies
wholly below zero. A failed control comes first: then nothing was tested.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from tlstudy.audit.quantities import Tables, values_of, why_missing
from tlstudy.audit.statistics import Summary, seeds_to_settle, summarise
from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.config.ledger import Claim
from tlstudy.config.quantities import SELECTIONS, planned_seeds, quantity_of
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
        needed = {(_step(quantity), arm) for quantity, arm in _needed(self.claim)}
        return [
            seed
            for seed in self.planned()
            if all(self.study.has(step, arm, self.size, seed) for step, arm in needed)
        ]

    def of_arm(self, quantity: str, arm: str) -> pd.Series:
        """An arm's values by seed; NaN where there is none."""
        seeds = self.seeds()
        found = [self.measured[quantity].get((arm, self.size, seed), np.nan) for seed in seeds]
        return pd.Series(found, pd.Index(seeds, dtype="int64"), dtype=float)

    def values(self) -> pd.Series:
        """The claim's statistic by seed, as `ledger.Claim` defines it; NaN without value."""
        claim = self.claim
        if claim.open:
            return pd.Series([], pd.Index([], dtype="int64"), dtype=float)
        ours, *others = (self.of_arm(*side) for side in sides(claim))
        difference = ours - (others[0] if others else claim.above)
        return (difference if claim.direction == "higher" else -difference) + claim.margin

    def ruling(self) -> Ruling:
        """The verdict on the claim, by the rule above."""
        if self.claim.open:
            return Ruling("open", self.claim.open)
        values, planned = self.values(), len(self.planned())
        if values.empty:
            return Ruling("not testable", self._unmeasured())
        if failed := " ".join(self._failed_controls()):
            return Ruling("not testable", failed)
        missing = self._missing_values()
        if not values.notna().any():
            return Ruling("not testable", f"There is no value: {missing}.")
        ruling = by_interval(values.to_numpy(), self.claim.effect)
        because = ruling.because + (f" Left out: {missing}." if missing else "")
        if len(values) < planned:
            because += f" Judged from {len(values)} of {_seeds(planned)}."
        return Ruling(ruling.verdict, because, ruling.more_seeds)

    def _unmeasured(self) -> str:
        if planned := self.planned():
            return f"There is no seed yet, of {len(planned)}, in which all that it needs is there."
        names = dict.fromkeys(quantity for quantity, _ in sides(self.claim))
        tables = dict.fromkeys(quantity_of(name).table for name in names)
        places = [f"{table}.seeds" for table in tables if table in SELECTIONS]
        measured = "is measured in no seed" if len(names) == 1 else "are measured in no common seed"
        return f"{' and '.join(names)} {measured}: list seeds under {' and '.join(places)}."

    def _failed_controls(self) -> Iterator[str]:
        """A sentence for each control that fails, or has no value, in any seed of the claim."""
        for control in self.claim.controls:
            side = control.quantity, control.arm
            values = self.of_arm(*side)
            failed = values[~(values >= control.at_least)]
            if not failed.empty:
                found = _in_seeds(
                    (f"{value:.3g}", seed)
                    if np.isfinite(value)
                    else (f"no value, as {self._why_missing(side, seed)},", seed)
                    for seed, value in failed.items()
                )
                yield (
                    f"It was not so that {control.says}: {_of(self.study, *side)} must be at least "
                    f"{control.at_least:g}; found {found}."
                )

    def _missing_values(self) -> str:
        """Which runs leave the claim without a value in a seed, and why; empty if none."""
        return _in_seeds(
            (f"{_of(self.study, *side)} ({self._why_missing(side, seed)})", seed)
            for side in sides(self.claim)
            for seed, value in self.of_arm(*side).items()
            if np.isnan(value)
        )

    def _why_missing(self, side: tuple[str, str], seed: int) -> str:
        quantity, arm = side
        return why_missing(self.tables, quantity, (arm, self.size, seed))

    def row(self) -> dict:
        """The row of `tlstudy.storage.columns.CLAIMS`."""
        claim = self.claim
        return {
            "claim": self.name,
            "subset_size": self.size,
            "text": claim.text,
            "slide": claim.slide,
            "statistic": statistic(self.study, claim),
            "unit": "" if claim.open else quantity_of(claim.quantity).unit,
            "effect": np.nan if claim.open else claim.effect,
            **summarise(self.values().to_numpy()).row(),
            **asdict(self.ruling()),
            "figure": claim.figure,
        }


def ledger(study: Study, tables: Tables) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of `tlstudy.storage.columns.CLAIMS` and `CLAIM_VALUES`; tables as of a `Case`."""
    names = {quantity for claim in study.claims.values() for quantity, _ in _needed(claim)}
    measured = {name: values_of(tables, name) for name in names}
    cases = [
        Case(name, study, size, tables, measured)
        for name in study.claims
        for size in study.subset_size
    ]
    values = [
        (case.name, case.size, seed, value)
        for case in cases
        for seed, value in case.values().items()
    ]
    return (
        pd.DataFrame([case.row() for case in cases], columns=list(CLAIMS)),
        pd.DataFrame(values, columns=["claim", "subset_size", "seed", "value"])[list(CLAIM_VALUES)],
    )


def sides(claim: Claim) -> list[tuple[str, str]]:
    """Quantity and arm of what is compared: one side where it is compared with a number."""
    if claim.open:
        return []
    second = (claim.against_quantity or claim.quantity, claim.against)
    return [(claim.quantity, claim.arm), *([second] if claim.against else [])]


def _needed(claim: Claim) -> list[tuple[str, str]]:
    """Quantity and arm of all that a claim needs, its controls too."""
    controls = () if claim.open else claim.controls
    return [*sides(claim), *((control.quantity, control.arm) for control in controls)]


def _step(quantity: str) -> str:
    """The step whose results hold a quantity."""
    table = quantity_of(quantity).table
    return table if table in SELECTIONS else "train"


def _in_seeds(found: Iterable[tuple[str, int]]) -> str:
    """Each text once, with the seeds that it is true of."""
    seeds_of: dict[str, list[str]] = {}
    for text, seed in found:
        seeds_of.setdefault(text, []).append(str(seed))
    return "; ".join(
        f"{text} in seed{'' if len(seeds) == 1 else 's'} {', '.join(seeds)}"
        for text, seeds in seeds_of.items()
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
    compared = sides(claim)
    words = [_of(study, *side) for side in compared]
    if not claim.against:
        words.append(f"{claim.above:g}")
    if claim.direction == "lower":
        words.reverse()
        compared.reverse()
    if claim.against and compared[0][0] == compared[1][0]:
        words[1] = f"that of '{_label(study, compared[1][1])}'"
    if words[1] == "0":  # a quantity by itself
        del words[1]
    margin = f", plus {claim.margin:g}" if claim.margin else ""
    return f"{' minus '.join(words)}{margin} ({quantity_of(claim.quantity).unit})"


def _of(study: Study, quantity: str, arm: str) -> str:
    return f"{quantity_of(quantity).words} of '{_label(study, arm)}'"


def _label(study: Study, arm: str) -> str:
    return study.arms[arm].label or arm


def ledger_text(claims: pd.DataFrame) -> str:
    """The ledger for a terminal: claim, verdict, interval and number of seeds, and why.

    Rows of `tlstudy.storage.columns.CLAIMS`, or the laboratory's, which have no subset size.
    """
    lines = []
    for row in claims.to_dict("records"):
        size = f", {row['subset_size']} images" if "subset_size" in row else ""
        value = Summary.of_row(row).text(lambda number: f"{number:.3g}", f" {row['unit']}")
        told = f", {value}, effect size {row['effect']:g}" if row["verdict"] != "open" else ""
        lines += [f"{row['claim']}{size}: {row['verdict']}{told}", f"    {row['because']}"]
    return "\n".join(lines)


def _seeds(count: int, more: str = "") -> str:
    return f"{count} {more}seed{'' if count == 1 else 's'}"
