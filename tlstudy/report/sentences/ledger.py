"""The ledger of claims as the page shows it: the claim, its comparison, and the verdict."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from tlstudy.audit.statistics import Summary
from tlstudy.config.catalogue import BY_ARM, OTHER_RUNGS
from tlstudy.config.groups import label_of, other_groups
from tlstudy.config.ledger import Claim
from tlstudy.report.format import (
    POINTS,
    Cell,
    bare_points,
    count,
    join,
    number,
    quoted,
    sentence,
    spelled,
    summary_cell,
)
from tlstudy.report.inputs import Inputs
from tlstudy.report.sentences.experiments import RAW_EIGENVALUE

SIGNS = {
    "supported": "\u2713",
    "refuted": "\u2717",
    "inconclusive": "~",
    "not testable": "\u2205",
    "open": "\u2026",
}
MEANINGS = {
    "supported": "the interval lies wholly beyond the effect size stated in advance",
    "refuted": "it lies wholly on the other side of zero",
    "inconclusive": "neither, or too few seeds for an interval",
    "not testable": "a control failed or nothing was measured, so the comparison means nothing",
    "open": "there is no experiment yet",
}
# Limits of a claim's verdict, by the family of its quantity.
LIMITS = {
    "log2_hessian_eigenvalue": RAW_EIGENVALUE,
    "probe": "A probe of the pixels is not part of this comparison.",
}


@dataclass(frozen=True)
class Entry:
    """A claim with its verdict.

    Attributes:
        decides: what is compared and the effect size stated in advance; empty if it is open.
        value: the statistic with its interval or range.
        kind: the verdict as a style class.
        link: id of the figure that shows it, and its title; empty if there is none.
    """

    name: str
    text: str
    slide: str
    decides: str
    value: Cell
    verdict: str
    sign: str
    kind: str
    because: str
    link: str
    link_text: str


def of_size(inputs: Inputs, size: int) -> pd.DataFrame:
    """The ledger's rows of a subset size."""
    return inputs.claims[inputs.claims["subset_size"] == size]


def entries(inputs: Inputs, size: int) -> list[Entry]:
    """The claims in the order of the configuration."""
    return [_entry(inputs, size, row) for row in of_size(inputs, size).to_dict("records")]


def _entry(inputs: Inputs, size: int, row: dict) -> Entry:
    texts = {name: row[name] or "" for name in ("statistic", "because")}
    for arm in inputs.study.arms:  # the page's quotation marks
        label = label_of(inputs.study, arm)
        texts = {name: text.replace(f"'{label}'", quoted(label)) for name, text in texts.items()}
    if row["seeds"]:
        limit = _limit(inputs.study.claims[row["claim"]])
        texts["because"] = f"{texts['because']} {limit}".strip()
    return entry(row | texts, *figure_link(inputs, size, row))


def _limit(claim: Claim) -> str:
    """What a measured claim leaves open, in a sentence; empty where nothing is known to be."""
    family = (claim.quantity or "").partition(".")[0]
    if family == "probe" and claim.against in (None, claim.arm):
        return ""
    return LIMITS.get(family, "")


def entry(row: dict, link: str, link_text: str) -> Entry:
    """A row of a table of claims as an entry, with the link to the figure that shows it."""
    verdict = str(row["verdict"])
    return Entry(
        name=row["claim"],
        text=row["text"],
        slide=row.get("slide") or "",
        decides=_decides(row),
        value=_value(row),
        verdict=verdict,
        sign=SIGNS[verdict],
        kind=verdict.replace(" ", "-"),
        because=row["because"] or "",
        link=link,
        link_text=link_text,
    )


def shown(unit: str) -> tuple[Callable[[float], str], str]:
    """How a value of a unit is written, and the unit after it: shares are written as points."""
    if unit == "share":
        return bare_points, POINTS
    return lambda value: number(value, 3, sign=True), f" {unit}"


def _decides(row: dict) -> str:
    if not row["statistic"]:
        return ""
    factor = 100 if row["unit"] == "share" else 1
    least = f"{factor * row['effect']:g}{shown(row['unit'])[1]}" if row["effect"] else "zero"
    return f"{sentence(row['statistic'])}. Stated in advance: more than {least}."


def _value(row: dict) -> Cell:
    if not row["seeds"]:
        return Cell("", "" if row["verdict"] == "open" else "no value")
    return summary_cell(Summary.of_row(row), *shown(row["unit"] or ""))


def figure_link(inputs: Inputs, size: int, row: dict) -> tuple[str, str]:
    """Id and words of the link to a claim's figure; of its counterpart if the arm is there."""
    name = row["figure"] or ""
    claim: Claim = inputs.study.claims[row["claim"]]
    arm = inputs.study.arms.get(claim.arm)
    if name in BY_ARM and arm is not None and arm.group in other_groups(inputs.study):
        name = f"{name}{OTHER_RUNGS}"
    if name not in inputs.figures.get(size, {}):
        return "", ""
    return f"n{size}-figure-{name}", "See the figure."


def meanings(found: list[Entry]) -> dict[str, str]:
    """The meaning of each verdict that occurs."""
    verdicts = {entry.verdict for entry in found}
    return {name: words for name, words in MEANINGS.items() if name in verdicts}


def tally(inputs: Inputs, size: int) -> str:
    """How many claims have which verdict, in a sentence; empty without claims."""
    return tally_of(of_size(inputs, size), " (the slides' claims and variants of them),")


def tally_of(claims: pd.DataFrame, whose: str) -> str:
    """How many of a table's claims have which verdict, in a sentence; empty without claims."""
    verdicts = claims["verdict"].value_counts()
    parts = [
        f"{spelled(int(verdicts[verdict]))} {'is' if verdicts[verdict] == 1 else 'are'} {verdict}"
        for verdict in SIGNS
        if verdict in verdicts
    ]
    return f"Of {count(int(verdicts.sum()), 'claim')}{whose} {join(parts)}." if parts else ""
