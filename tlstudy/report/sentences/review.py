"""The slides' assumptions one by one, and what the study's numbers say of each."""

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from tlstudy.audit.statistics import Summary
from tlstudy.config.groups import is_new, without_other_rungs
from tlstudy.config.training import Trained
from tlstudy.report.format import POINTS, bare_points, join, percent, place, sentence
from tlstudy.report.inputs import Inputs
from tlstudy.report.sentences import series

CURVES = "See the table \u201cThe curves in numbers\u201d"
HELD = "Accuracies with layers held or put back stand under \u201cEncoder and decoder\u201d."
NOT_HELD = (
    "Layers that change need not be layers that have to change. No arm here holds layers fixed, so "
    "this was not tested."
)
HOLDING = "Arms that hold layers fixed stand in the table of results."


def review(inputs: Inputs, size: int) -> list[tuple[str, list[str]]]:
    """Each assumption of the slides as a question, and what this study's numbers say of it.

    Only those that the study bears on; a study about the slides that compares pretrained networks
    with new ones has them all. On a ladder only for the rungs that figures show arm by arm.
    """
    inputs = replace(inputs, study=without_other_rungs(inputs.study))
    found = []
    pairs, held = _pairs(inputs), _measured(inputs.encoder, size)
    every = inputs.is_about_slides and bool(pairs)
    if pairs:
        found.append(
            (
                "Does a pretrained network learn from so few images where a new one does not?",
                list(_learns(inputs, size, pairs)),
            )
        )
    if every or held:
        moved = f"{CURVES} for how far the last layer and the convolutions moved."
        holding = any(arm.trained != Trained() for arm in inputs.study.arms.values())
        answers = [moved, HELD if held else HOLDING if holding else NOT_HELD]
        found.append(("Do only the last layer\u2019s weights need to change?", answers))
    smooths = _smooths(inputs, size)
    if every or (pairs and smooths):
        answers = smooths or ["This study has no landscape to judge by."]
        found.append(("Does pretraining smooth the loss landscape?", answers))
    if inputs.is_about_slides and any(is_new(inputs.study, arm) for arm in inputs.study.arms):
        answers = [f"{CURVES} for the gradient norms, and for those that add up."]
        found.append(("Do the new network\u2019s gradients explode?", answers))
    return found


def _pairs(inputs: Inputs) -> list[tuple[str, str]]:
    """Pretrained arms, each with the new one that it is compared with."""
    return [
        (arm, reference)
        for arm, reference in inputs.references.items()
        if is_new(inputs.study, reference) and not is_new(inputs.study, arm)
    ]


def _measured(table: pd.DataFrame, size: int) -> bool:
    return bool((table["subset_size"] == size).any())


def _learns(inputs: Inputs, size: int, pairs: list[tuple[str, str]]) -> Iterator[str]:
    for arm, reference in pairs:
        gap = series.difference_summary(inputs, arm, size, "balanced_accuracy")
        yield (
            f"Balanced accuracy, {inputs.named(arm)} minus {inputs.named(reference)}: "
            f"{gap.text(bare_points, POINTS)}. {_reading(inputs, (reference, arm), size, gap)}"
        ).strip()


def _reading(inputs: Inputs, pair: tuple[str, str], size: int, gap: Summary) -> str:
    """What a gap is evidence of."""
    lost = [arm for arm in pair if series.lost_at_once(inputs, arm, size)]
    if lost:
        return f"{join(map(inputs.named, lost))} diverged in the first epoch: nothing to compare."
    if any(series.never_moved(inputs, arm, size) for arm in pair):
        return "This is no evidence on pretraining: see the warnings."
    new = series.reported_summary(inputs, pair[0], size, "balanced_accuracy")
    if not new.n:
        return f"{sentence(inputs.named(pair[0]))} has no value."
    guessing = 1 / inputs.study.arms[pair[0]].target.outputs
    reached = (
        f"{inputs.named(pair[0])} reaches {new.text(percent)}; guessing gives {percent(guessing)}."
    )
    if gap.mean is None or new.mean is None:
        return reached
    return (
        f"The interval {place(gap)} zero. {reached} Its interval {place(new, guessing)} guessing."
    )


def _smooths(inputs: Inputs, size: int) -> list[str]:
    drawn = any(
        plane["status"] == "drawn"
        for record in inputs.landscapes
        if record["subset_size"] == size and record["arm"] in inputs.study.arms
        for plane in record["planes"].values()
    )
    found = []
    if drawn:
        found.append(
            "The range of the loss on one plane is not smoothness. The surfaces under \u201cLoss "
            "landscapes\u201d are single planes and do not decide between networks."
        )
    if _measured(inputs.curvature, size):
        found.append("Curvatures are compared under \u201cCurvature of the loss\u201d.")
    return found
