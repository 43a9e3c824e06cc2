"""The ledger of claims: what was said, what was measured, and the verdict.

The rule was fixed before the runs, in the configuration (`ledger.Claim`): a claim is supported if
the interval lies wholly above the effect size, contradicted if wholly below it, and refuted if
wholly below zero. A claim of no difference has a margin: it is supported if the interval lies
wholly above minus the margin, and refuted if wholly below. A failed control comes first: then
nothing was tested. A quantity that a search bounds from one side decides on that side only.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from tlstudy.audit.answers import Answers, of_tables
from tlstudy.audit.quantities import Tables, values_of, why_missing
from tlstudy.audit.statistics import Summary
from tlstudy.audit.verdicts import Ruling, by_interval, with_holm
from tlstudy.config.groups import label_of
from tlstudy.config.ledger import Claim, least, pairs, sides
from tlstudy.config.quantities import SELECTIONS, planned_seeds, quantity_of
from tlstudy.config.settings import Study
from tlstudy.jobs.claims_seen import AFTER, CHANGED, Sightings, arms_of
from tlstudy.storage.columns import CLAIM_VALUES, CLAIMS
from tlstudy.watching.finding import counted

NONE_SEEN = Sightings({})
SIGNS = (1, -1, -1, 1)  # of the sides of a claim
OTHER_WAY = {"lower": "upper", "upper": "lower", "": ""}


@dataclass(frozen=True)
class Case:
    """A claim at a subset size, with what was measured.

    Attributes:
        tables: runs, metrics and layers; encoder, curvature and reuse where the study has them.
        measured: every quantity that the claim needs, by arm, subset size and seed.
        sightings: when claims were first seen.
    """

    name: str
    study: Study
    size: int
    tables: Tables
    measured: Mapping[str, pd.Series]
    sightings: Sightings = NONE_SEEN

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
        signed = zip(SIGNS, sides(claim), strict=False)
        difference = sum(sign * self.of_arm(*side) for sign, side in signed) - claim.above
        return difference if claim.direction == "higher" else -difference

    @cached_property
    def summary(self) -> Summary:
        """Of the claim's values; over seeds and test images where it is about accuracies only."""
        compared = sides(self.claim)
        terms = [(sign, arm) for sign, (_, arm) in zip(SIGNS, compared, strict=False)]
        quantities = {quantity for quantity, _ in compared}
        quantity = quantities.pop() if len(quantities) == 1 else ""
        return self.answers.summary(quantity, terms, self.size, self.values())

    @cached_property
    def answers(self) -> Answers:
        """Image by image, where they are known."""
        return of_tables(self.study, self.tables)

    def bound(self) -> str:
        """Whether the statistic is a lower or an upper bound of what is meant; see `Quantity`."""
        names = [quantity for quantity, _ in sides(self.claim)]
        ways = [quantity_of(name).bound for name in names]
        signed = zip(SIGNS, ways, strict=False)
        turned = [way if sign > 0 else OTHER_WAY[way] for sign, way in signed]
        if self.claim.direction == "lower":
            turned = [OTHER_WAY[way] for way in turned]
        there = set(turned) - {""}
        return "both" if len(there) > 1 else "".join(there)

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
        ruling = by_interval(self.summary, values.to_numpy(), least(self.claim), self.bound())
        because = ruling.because + (f" Left out: {missing}." if missing else "")
        if len(values) < planned:
            because += f" Judged from {len(values)} of {counted(planned, 'seed')}."
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
                found = _by_seeds(
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
        return _by_seeds(
            (f"{_of(self.study, *side)} ({self._why_missing(side, seed)})", seed)
            for side in sides(self.claim)
            for seed, value in self.of_arm(*side).items()
            if np.isnan(value)
        )

    def _why_missing(self, side: tuple[str, str], seed: int) -> str:
        quantity, arm = side
        return why_missing(self.tables, quantity, (arm, self.size, seed))

    def stated(self) -> str:
        """Whether the claim was recorded before the first of its runs; see `Sightings.stated`."""
        runs = self.tables["runs"]
        of_claim = runs[runs["arm"].isin(arms_of(self.claim)) & (runs["subset_size"] == self.size)]
        times = [time if isinstance(time, str) else "" for time in of_claim["ended"]]
        return self.sightings.stated(self.study, self.name, times)

    def row(self) -> dict:
        """The row of `tlstudy.storage.columns.CLAIMS`."""
        claim = self.claim
        return {
            "claim": self.name,
            "subset_size": self.size,
            "text": claim.text,
            "slide": claim.slide,
            "stated": "" if claim.open else self.stated(),
            "statistic": statistic(self.study, claim),
            "unit": "" if claim.open else quantity_of(claim.quantity).unit,
            "effect": np.nan if claim.open else least(claim),
            **self.summary.row(self.values().to_numpy()),
            "p_value": np.nan if claim.open else self.summary.p_value(least(claim)),
            **asdict(self.ruling()),
            "figure": claim.figure,
        }


def ledger(
    study: Study, tables: Tables, sightings: Sightings = NONE_SEEN
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of `tlstudy.storage.columns.CLAIMS` and `CLAIM_VALUES`; arguments as of a `Case`."""
    names = {quantity for claim in study.claims.values() for quantity, _ in _needed(claim)}
    measured = {name: values_of(tables, name) for name in names}
    cases = [
        Case(name, study, size, tables, measured, sightings)
        for name in study.claims
        for size in study.subset_size
    ]
    values = [
        (case.name, case.size, seed, value)
        for case in cases
        for seed, value in case.values().items()
    ]
    return (
        with_holm(pd.DataFrame([case.row() for case in cases], columns=list(CLAIMS))),
        pd.DataFrame(values, columns=["claim", "subset_size", "seed", "value"])[list(CLAIM_VALUES)],
    )


def _needed(claim: Claim) -> list[tuple[str, str]]:
    """Quantity and arm of all that a claim needs, its controls too."""
    controls = () if claim.open else claim.controls
    return [*sides(claim), *((control.quantity, control.arm) for control in controls)]


def _step(quantity: str) -> str:
    """The step whose results hold a quantity."""
    table = quantity_of(quantity).table
    return table if table in SELECTIONS else "train"


def _by_seeds(found: Iterable[tuple[str, int]]) -> str:
    """Each text once, with the seeds that it is true of."""
    seeds_of: dict[str, list[str]] = {}
    for text, seed in found:
        seeds_of.setdefault(text, []).append(str(seed))
    return "; ".join(
        f"{text} in seed{'' if len(seeds) == 1 else 's'} {', '.join(seeds)}"
        for text, seeds in seeds_of.items()
    )


def statistic(study: Study, claim: Claim) -> str:
    """What is compared, in words, with its unit; empty for an open claim."""
    if claim.open:
        return ""
    unit = quantity_of(claim.quantity).unit
    if claim.minus:
        return f"{_difference_of_differences(study, claim)} ({unit})"
    compared = sides(claim)
    words = [_of(study, *side) for side in compared]
    if not claim.against:
        words.append(f"{claim.above:g}")
    if claim.direction == "lower":
        words.reverse()
        compared.reverse()
    if claim.against and compared[0][0] == compared[1][0]:
        words[1] = f"that of '{label_of(study, compared[1][1])}'"
    if words[1] == "0":  # a quantity by itself
        del words[1]
    return f"{' minus '.join(words)} ({unit})"


def _difference_of_differences(study: Study, claim: Claim) -> str:
    compared = [(pair.arm, pair.against) for pair in pairs(claim).values()]
    (arm, against), other = compared if claim.direction == "higher" else reversed(compared)
    others = " and ".join(f"'{label_of(study, name)}'" for name in other)
    return (
        f"{_of(study, claim.quantity, arm)} minus that of '{label_of(study, against)}', minus the "
        f"same difference of {others}"
    )


def _of(study: Study, quantity: str, arm: str) -> str:
    return f"{quantity_of(quantity).words} of '{label_of(study, arm)}'"


# What is said where a claim was not stated as it is before its runs.
WHEN_STATED = {
    AFTER: "The claim was added, or changed, after the first of its runs.",
    CHANGED: "The claim, or an arm of it, was another one earlier.",
}


def ledger_text(claims: pd.DataFrame) -> str:
    """The ledger for a terminal: claim, verdict, interval and number of seeds, text, and why.

    Rows of `tlstudy.storage.columns.CLAIMS`, or the laboratory's, which have no subset size.
    """
    lines = []
    for row in claims.to_dict("records"):
        size = f", {row['subset_size']} images" if "subset_size" in row else ""
        scale, unit = (100, "points") if row["unit"] == "share" else (1, row["unit"])
        value = Summary.of_row(row).text(lambda number, s=scale: f"{s * number:.3g}", f" {unit}")
        told = f", {value}, claimed: above {scale * row['effect']:g}"
        told = told if row["verdict"] != "open" else ""
        lines += [f"{row['claim']}{size}: {row['verdict']}{told}", f"    {row['text']}"]
        lines.append(f"    {row['because']}")
        if row.get("stated") in WHEN_STATED:
            lines.append(f"    {WHEN_STATED[row['stated']]}")
        if (holm := row["verdict_by_holm"]) not in ("", row["verdict"]):
            lines.append(f"    Judged together with the other tests (Holm): {holm}.")
    return "\n".join(lines)
