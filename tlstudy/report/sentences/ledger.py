"""The ledger of claims as the page shows it: what was said, what decides it, the verdict."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from tlstudy.config.catalogue import BY_ARM, OTHER_RUNGS
from tlstudy.config.groups import other_groups
from tlstudy.config.settings import Claim
from tlstudy.report.format import THIN, count, is_number, join, number, points, sentence, spelled
from tlstudy.report.inputs import Inputs
from tlstudy.report.sentences.experiments import RAW_EIGENVALUE
from tlstudy.report.sentences.protocol import label
from tlstudy.report.sentences.results import Cell

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
# What a claim's verdict does not say, by the family of its quantity.
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
    quoted = {name: _quoted(inputs, row[name] or "") for name in ("statistic", "because")}
    if row["seeds"]:
        limit = _limit(inputs.study.claims[row["claim"]])
        quoted["because"] = f"{quoted['because']} {limit}".strip()
    return entry(row | quoted, *figure_link(inputs, size, row))


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
        return lambda value: points(value, unit=False), f"{THIN}points"
    return lambda value: number(value, 3, sign=True), f" {unit}"


def _decides(row: dict) -> str:
    if not row["statistic"]:
        return ""
    factor, unit = (100, f"{THIN}points") if row["unit"] == "share" else (1, f" {row['unit']}")
    least = f"{factor * row['effect']:g}{unit}" if row["effect"] else "zero"
    return f"{sentence(row['statistic'])}. Stated in advance: more than {least}."


def _quoted(inputs: Inputs, text: str) -> str:
    """The text with arms' labels in the page's quotation marks."""
    for name, arm in inputs.study.arms.items():
        text = text.replace(f"'{label(name, arm)}'", f"\u201c{label(name, arm)}\u201d")
    return text


def _value(row: dict) -> Cell:
    write, unit = shown(row["unit"] or "")
    seeds = int(row["seeds"])
    if not seeds:
        return Cell("", "" if row["verdict"] == "open" else "no value")
    if is_number(row["mean"]):
        ends = f"{write(row['low'])} to {write(row['high'])}"
        return Cell(f"{write(row['mean'])}{unit}", f"{ends}; {count(seeds, 'seed')}")
    if seeds == 1:
        return Cell(f"{write(row['smallest'])}{unit}", "one seed: no interval")
    ends = f"{write(row['smallest'])} to {write(row['largest'])}{unit}"
    return Cell(ends, f"range of {count(seeds, 'seed')}, too few for an interval")


def figure_link(inputs: Inputs, size: int, row: dict) -> tuple[str, str]:
    """Id and words of the link to a claim's figure; of its counterpart if the arm is there."""
    name = row["figure"] or ""
    drawings = inputs.figures.get(size, {})
    claim: Claim = inputs.study.claims[row["claim"]]
    arm = inputs.study.arms.get(claim.arm)
    if name in BY_ARM and arm is not None and arm.group in other_groups(inputs.study):
        name = f"{name}{OTHER_RUNGS}"
    if name not in drawings:
        return "", ""
    return f"n{size}-figure-{name}", "See the figure."


def tally(inputs: Inputs, size: int) -> str:
    """How many claims have which verdict, in a sentence; empty without claims."""
    return tally_of(of_size(inputs, size), ", the slides' and variants of them,")


def tally_of(claims: pd.DataFrame, whose: str) -> str:
    """How many of a table's claims have which verdict, in a sentence; empty without claims."""
    verdicts = claims["verdict"].value_counts()
    parts = [
        f"{spelled(int(verdicts[verdict]))} {'is' if verdicts[verdict] == 1 else 'are'} {verdict}"
        for verdict in SIGNS
        if verdict in verdicts
    ]
    total = count(int(verdicts.sum()), "claim")
    return f"Of {total}{whose} {join(parts)}." if parts else ""
