"""Which test images stand behind the rungs of the ladder, and what that adds to their spread."""

import math

import pandas as pd

from tlstudy.audit.ladder import arms_of_rung
from tlstudy.audit.statistics import Summary, summarise
from tlstudy.report.format import join, percent, points, whole
from tlstudy.report.inputs import Inputs
from tlstudy.report.sentences import ladder

EXAMPLE = 0.6  # an accuracy in the middle of those here


def sentences(inputs: Inputs, size: int) -> str:
    """How many test images each rung is judged on, what more of them do, and their own spread."""
    amounts = by_rung(inputs, size)
    if not amounts:
        return ""
    fewest = min(amounts.values())
    others = [
        f"{ladder.short_amount(gap)} on {_title(inputs, rung)}"
        for rung, amount in amounts.items()
        if amount > fewest and (gap := gap_on_first(inputs, size, rung)).n
    ]
    again = f" On the first {whole(fewest)} of them the gap is {join(others)}." if others else ""
    deviation = math.sqrt(EXAMPLE * (1 - EXAMPLE) / fewest)
    return (
        f"All seeds are tested on the same images: {_amounts(inputs, amounts)}.{again} Intervals "
        f"are over seeds: another choice of {whole(fewest)} test images would move an accuracy of "
        f"{percent(EXAMPLE)} by {points(deviation).lstrip('+')} (one standard deviation), which "
        "they do not contain."
    )


def by_rung(inputs: Inputs, size: int) -> dict[int, int]:
    """Test images behind the reported values, by rung; the fewest where its arms differ."""
    runs = inputs.runs[inputs.runs["subset_size"] == size].dropna(subset="reported_test_images")
    amounts = runs.groupby("arm")["reported_test_images"].min()
    found = {
        rung: [amounts[arm] for arm in arms_of_rung(inputs.study, rung).values() if arm in amounts]
        for rung in range(len(inputs.study.ladder))
    }
    return {rung: int(min(values)) for rung, values in found.items() if values}


def gap_on_first(inputs: Inputs, size: int, rung: int) -> Summary:
    """Pretrained less new after the last epoch on the images that are looked at every epoch."""
    arms = arms_of_rung(inputs.study, rung)
    values = {part: _last(inputs, size, arm) for part, arm in arms.items()}
    return summarise((values["pretrained"] - values["new"]).to_numpy(dtype=float))


def _last(inputs: Inputs, size: int, arm: str) -> pd.Series:
    """Balanced accuracy after the last epoch, by seed, as the arm's BatchNorm policy has it."""
    settings = inputs.study.arms[arm]
    rows = inputs.metrics
    rows = rows[
        (rows["arm"] == arm) & (rows["subset_size"] == size) & (rows["epoch"] == settings.epochs)
    ]
    return rows.set_index("seed")[f"test_balanced_accuracy_{settings.batchnorm}"]


def _amounts(inputs: Inputs, amounts: dict[int, int]) -> str:
    rungs: dict[int, list[int]] = {}
    for rung, amount in amounts.items():
        rungs.setdefault(amount, []).append(rung)
    if len(rungs) == 1:
        return whole(next(iter(rungs)))
    return " and ".join(
        f"{whole(amount)} on {join(_title(inputs, rung) for rung in found)}"
        for amount, found in rungs.items()
    )


def _title(inputs: Inputs, rung: int) -> str:
    return ladder.rung_title(inputs.study.ladder[rung].group)
