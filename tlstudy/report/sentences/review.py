"""The slides' assumptions one by one, and what the study's numbers say of each."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from tlstudy.audit.statistics import reference_arms, summarise
from tlstudy.config.groups import arms_of_kind, is_new, without_other_rungs
from tlstudy.report.format import is_number, join, percent
from tlstudy.report.inputs import Inputs
from tlstudy.report.sentences import series
from tlstudy.report.sentences.findings import (
    GUESSING,
    GUESSING_TEXT,
    gap_sentence,
    gap_with_warning,
    gradient_phrase,
    trend,
    untrained_clause,
)

NOTHING_TO_COMPARE = "so there is nothing to compare"


def review(inputs: Inputs, size: int) -> list[tuple[str, list[str]]]:
    """Each assumption of the slides as a question, and what this study's numbers say of it.

    On a ladder arm by arm only for the rungs that figures show one by one.
    """
    inputs = replace(inputs, study=without_other_rungs(inputs.study))
    questions: list[tuple[str, Callable[[Inputs, int], Iterator[str]]]] = [
        ("Does a pretrained network learn from so few images where a new one does not?", _learns),
        ("Do only the last layer\u2019s weights need to change?", _last_layer),
        ("Does pretraining smooth the loss landscape?", _landscape),
        ("Do the new network\u2019s gradients explode?", _explodes),
    ]
    return [(question, list(answer(inputs, size))) for question, answer in questions]


def _learns(inputs: Inputs, size: int) -> Iterator[str]:
    pairs = [
        (arm, reference)
        for arm, reference in reference_arms(inputs.study).items()
        if is_new(inputs.study, reference) and not is_new(inputs.study, arm)
    ]
    if not pairs:
        yield "No pretrained arm here is compared with one that starts from random weights."
    for arm, reference in pairs:
        lost = [name for name in (reference, arm) if series.lost_at_once(inputs, name, size)]
        if lost:
            diverged = f"{join(map(inputs.named, lost))} diverged in the first epoch"
            yield f"{gap_sentence(inputs, arm, size)} {diverged}, {NOTHING_TO_COMPARE}."
        elif untrained_clause(inputs, arm, size):
            yield gap_with_warning(inputs, arm, size)
        else:
            yield f"{gap_sentence(inputs, arm, size)} {_trained(inputs, reference, size)}"


def _trained(inputs: Inputs, reference: str, size: int) -> str:
    """How far the reference's weights and loss went, and whether it beats guessing."""
    falls = trend(series.by_epoch(inputs, reference, size, "train_loss"))
    moved = percent(series.last(inputs, reference, size, "displacement_from_start"))
    text = (
        f"Both were trained: the weights of {inputs.named(reference)} moved by {moved} of their "
        f"norm and its training loss {falls}."
    )
    item = summarise(series.reported(inputs, reference, size, "balanced_accuracy").to_numpy())
    if item.n == 0:
        return text
    reached = f"{text} It reaches {item.text(percent)}"
    if item.mean is None:
        return f"{reached}; guessing gives {GUESSING_TEXT}."
    where = "contains"
    if item.low > GUESSING or item.high < GUESSING:
        where = "lies above" if item.low > GUESSING else "lies below"
    return f"{reached}: the interval {where} the {GUESSING_TEXT} of guessing."


def _last_layer(inputs: Inputs, size: int) -> Iterator[str]:
    for arm in inputs.study.arms:
        drift = series.layer_drift(inputs, arm, size)
        if series.lost_at_once(inputs, arm, size):
            text = f"diverged in the first epoch, {NOTHING_TO_COMPARE}."
        elif drift is None or not series.moved(inputs, arm, size):
            text = f"no layer moved, {NOTHING_TO_COMPARE}."
        else:
            text = (
                f"the last layer\u2019s weights end {percent(drift.head)} of their norm from "
                f"their start, the median convolution {percent(drift.convolution)}."
                + _prediction(drift)
            )
        yield f"{inputs.named(arm)}: {text}"
    if (inputs.encoder["subset_size"] == size).any():
        yield "Accuracies with layers held or put back stand under \u201cEncoder and decoder\u201d."
    else:
        yield (
            "Layers that change need not be layers that have to change. No arm here holds layers "
            "fixed, so this was not tested."
        )


def _prediction(drift: series.LayerDrift) -> str:
    if not is_number(drift.correlation):
        return " The optimiser gives no prediction to compare this with."
    text = (
        " The order of the layers agrees with what Adam\u2019s step size alone predicts at a rank "
        f"correlation of {drift.correlation:.2f}"
    )
    if drift.follows_step_size:
        return f"{text}: that order follows the weights\u2019 sizes, whatever the layers are for."
    return f"{text}: the step size alone does not account for the pattern."


def _landscape(inputs: Inputs, size: int) -> Iterator[str]:
    drawn = any(
        plane["status"] == "drawn"
        for record in inputs.landscapes
        if record["subset_size"] == size and record["arm"] in inputs.study.arms
        for plane in record["planes"].values()
    )
    if drawn:
        yield (
            "The range of the loss on one plane is not smoothness. The surfaces under \u201cLoss "
            "landscapes\u201d are single planes and do not decide between networks."
        )
    if (inputs.curvature["subset_size"] == size).any():
        yield "Curvatures are compared under \u201cCurvature of the loss\u201d."
    elif not drawn:
        yield "This study has no landscape to judge by."


def _explodes(inputs: Inputs, size: int) -> Iterator[str]:
    for arm in arms_of_kind(inputs.study, new=True):
        text = f"The gradient norm of {gradient_phrase(inputs, arm, size)}."
        if series.slope_of_added_up(inputs, arm, size) is not None:
            text += (
                " Its gradients were never set back to zero, so they add up: the growth here comes "
                "from that."
            )
        yield text
