"""The ledger of claims as the page shows it: the claim, its comparison, and the verdict."""

from collections.abc import Callable, Iterable

import pandas as pd

from tlstudy.audit.claims import WHEN_STATED
from tlstudy.audit.statistics import Summary
from tlstudy.config.catalogue import BY_ARM, OTHER_RUNGS
from tlstudy.config.groups import other_groups
from tlstudy.config.ledger import Claim
from tlstudy.report.format import (
    POINTS,
    Cell,
    bare_points,
    count,
    join,
    number,
    sentence,
    signed,
    summary_cell,
)
from tlstudy.report.inputs import Inputs

SIGNS = {
    "supported": "\u2713",
    "contradicted": "\u2260",
    "refuted": "\u2717",
    "inconclusive": "~",
    "not testable": "\u2205",
    "open": "\u2026",
}
MEANINGS = {
    "supported": "the interval lies wholly beyond the effect size that was stated; of a claim of "
    "no difference: wholly above the loss that it allows",
    "contradicted": "the interval lies wholly short of the effect size, not beyond zero",
    "refuted": "the interval lies wholly on the other side of zero; of a claim of no difference: "
    "wholly below the loss that it allows",
    "inconclusive": "the interval contains the effect size or that loss, or there is none (too few "
    "seeds), or the value is only a bound",
    "not testable": "a control failed or nothing was measured, so the comparison means nothing",
    "open": "there is no experiment yet",
}


def of_size(inputs: Inputs, size: int) -> pd.DataFrame:
    """The ledger's rows of a subset size."""
    return inputs.claims[inputs.claims["subset_size"] == size]


def entries(inputs: Inputs, size: int) -> list[dict]:
    """The claims in the order of the configuration."""
    return [
        entry(row, figure_link(inputs, size, row), _limit(inputs, size, row["claim"]))
        for row in of_size(inputs, size).to_dict("records")
    ]


def _limit(inputs: Inputs, size: int, name: str) -> str:
    """What a measured claim leaves open, in a sentence; empty where nothing is known to be."""
    claim = inputs.study.claims[name]
    family, _, point = (claim.quantity).partition(".")
    if family in ("log2_normalised_eigenvalue", "log2_rise") and point == "final" and claim.against:
        return _train_losses(inputs, size, claim, f"{family}.matched")
    if family == "log2_hessian_eigenvalue":
        return "The raw eigenvalue does not say which network is smoother."
    if family == "probe" and claim.against not in ("", claim.arm):
        return "A probe of the pixels is not part of this comparison."
    return ""


def _train_losses(inputs: Inputs, size: int, claim: Claim, matched: str) -> str:
    """At which train losses the curvatures at the end were taken.

    Args:
        matched: the quantity at the same train loss.
    """
    table = inputs.curvature
    rows = table[(table["subset_size"] == size) & (table["point"] == "final")]
    losses = [
        number(rows.loc[rows["arm"] == arm, "train_loss"].mean(), 2)
        for arm in (claim.arm, claim.against)
    ]
    pair = {claim.arm, claim.against}
    others = inputs.study.claims.values()
    there = any(it.quantity == matched and {it.arm, it.against} == pair for it in others)
    one, other = losses
    ends = f"end at different ones ({one} and {other} nats on average)"
    ends = f"end at {one} nats on average" if one == other else ends
    see = ": see the claim at the same train loss" * there
    return f"Curvature of cross-entropy falls with the train loss, and these {ends}{see}."


def entry(row: dict, link: str, limit: str = "") -> dict:
    """A row of a table of claims as the template shows it.

    Args:
        link: id of the figure that shows the claim; empty if there is none.
        limit: what a measured claim leaves open.
    """
    verdict, because = str(row["verdict"]), row["because"] or ""
    value = Cell("", "" if verdict == "open" else "no value")
    if row.get("stated") in WHEN_STATED:
        because = f"{because} {WHEN_STATED[row['stated']]}"
    if row["seeds"]:
        because = f"{because} {limit}".strip()
        value = summary_cell(Summary.of_row(row), *shown(row["unit"] or ""))
    return {
        "name": row["claim"],
        "text": row["text"],
        "slide": row.get("slide") or "",
        "decides": _decides(row),
        "value": value,
        "verdict": verdict,
        "sign": SIGNS[verdict],
        "kind": verdict.replace(" ", "-"),
        "because": because,
        "holm": _together(row),
        "link": link,
    }


def _together(row: dict) -> str:
    """The verdict among the other tests, where it is another one."""
    holm = row["verdict_by_holm"] or ""
    if holm in ("", row["verdict"]):
        return ""
    return f"Judged together with the other tests (Holm): {holm}."


def holm_rule(claims: pd.DataFrame) -> str:
    """What is said of all tests of a ledger together; empty for a single one.

    Args:
        claims: the whole table: the claims of all subset sizes are judged together.
    """
    tested = claims[claims["verdict_by_holm"].fillna("") != ""]
    if len(tested) < 2:
        return ""
    changed = int((tested["verdict"] != tested["verdict_by_holm"]).sum())
    kept = "all verdicts stay" if not changed else f"{count(changed, 'verdict')} would change"
    sizes = tested["subset_size"].nunique()
    tests = f"tests (with {sizes} numbers of training images)" if sizes > 1 else "tested claims"
    return (
        "With Holm\u2019s correction for multiple testing (Holm 1979; "
        f"95\u202f% for the {len(tested)} {tests} together), {kept}."
    )


def shown(unit: str) -> tuple[Callable[[float], str], str]:
    """How a value of a unit is written, and the unit after it: shares are written as points."""
    if unit == "share":
        return bare_points, POINTS
    return lambda value: number(value, 3, sign=True), f" {unit}"


def _decides(row: dict) -> str:
    if not row["statistic"]:
        return ""
    least = row["effect"] * (100 if row["unit"] == "share" else 1)
    unit = shown(row["unit"])[1].removesuffix("s" if abs(least) == 1 else "")
    least = signed(f"{least:g}{unit}") if least else "zero"
    told = {"before": "Stated in advance", "after": "Stated afterwards"}
    when = told.get(row.get("stated"), "Stated in the configuration")
    return f"{sentence(row['statistic'])}. {when}: more than {least}."


def figure_link(inputs: Inputs, size: int, row: dict) -> str:
    """Id of a claim's figure, of its counterpart if the arm is there; empty without one."""
    name = row["figure"] or ""
    arm = inputs.study.arms.get(inputs.study.claims[row["claim"]].arm)
    if name in BY_ARM and arm is not None and arm.group in other_groups(inputs.study):
        name = f"{name}{OTHER_RUNGS}"
    return f"n{size}-figure-{name}" if name in inputs.figures.get(size, {}) else ""


def meanings(verdicts: Iterable[str]) -> dict[str, str]:
    """The meaning of each verdict that occurs."""
    there = set(verdicts)
    return {name: words for name, words in MEANINGS.items() if name in there}


def tally(claims: pd.DataFrame, whose: str) -> str:
    """How many of a table's claims have which verdict, in a sentence; empty without claims."""
    verdicts = claims["verdict"].value_counts()
    parts = [f"{verdicts[verdict]} {verdict}" for verdict in SIGNS if verdict in verdicts]
    return f"{count(int(verdicts.sum()), 'claim')} {whose}: {join(parts)}." if parts else ""
