"""The slides' assumptions one by one, and what the numbers of the study say of each.

Whether a sentence is said depends on the numbers alone; a control that fails is said first.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from tlstudy.audit.statistics import reference_arms, summarise
from tlstudy.config.groups import without_other_rungs
from tlstudy.report.format import is_number, join, percent
from tlstudy.report.inputs import Inputs
from tlstudy.report.sentences import results, series
from tlstudy.report.sentences.experiments import curvature_sentences, encoder_sentence
from tlstudy.report.sentences.findings import (
    GUESSING,
    GUESSING_TEXT,
    IN_WORDS,
    gap_sentence,
    gradient_phrase,
    named,
    relief_sentence,
    trend,
    untrained_clause,
)
from tlstudy.report.sentences.landscapes import surfaces


def review(inputs: Inputs, size: int) -> list[tuple[str, list[str]]]:
    """Each assumption of the slides as a question, and what this study's numbers say of it.

    On a ladder arm by arm for the rungs that are looked at one by one only.
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
    names, arms = named(inputs), inputs.study.arms
    pairs = [
        (arm, reference)
        for arm, reference in reference_arms(inputs.study).items()
        if (results.role(arms[arm]), results.role(arms[reference])) == ("pretrained", "random")
    ]
    if not pairs:
        yield "No pretrained arm here is compared with one that starts from random weights."
    for arm, reference in pairs:
        gap = gap_sentence(inputs, arm, size)
        lost = [name for name in (reference, arm) if series.lost_at_once(inputs, name, size)]
        if lost:
            diverged = join(names[name] for name in lost)
            yield f"{gap} {diverged} diverged in the first epoch, so there is nothing to compare."
            continue
        untrained = untrained_clause(inputs, arm, reference, size)
        if untrained:
            yield f"{gap} {untrained}"
            continue
        falls = trend(series.by_epoch(inputs, reference, size, "train_loss"))
        yield (
            f"{gap} Both were trained: the weights of {names[reference]} moved by "
            f"{percent(series.last(inputs, reference, size, 'displacement_from_start'))} of "
            f"their norm and its training loss {falls}." + _above_guessing(inputs, reference, size)
        )


def _above_guessing(inputs: Inputs, arm: str, size: int) -> str:
    """Whether the reference learned anything, as far as the number of seeds lets one say."""
    summary = summarise(results.reported(inputs, arm, size, "balanced_accuracy").to_numpy())
    if summary.n == 0:
        return ""
    if summary.mean is None:
        ends = dict.fromkeys(map(percent, (summary.smallest, summary.largest)))
        return f" It reaches {' to '.join(ends)}; guessing gives {GUESSING_TEXT}."
    if summary.low > GUESSING:
        return f" Its interval lies above the {GUESSING_TEXT} of guessing."
    if summary.high < GUESSING:
        return f" Its interval lies below the {GUESSING_TEXT} of guessing."
    return f" Its interval contains the {GUESSING_TEXT} of guessing."


def _last_layer(inputs: Inputs, size: int) -> Iterator[str]:
    names = named(inputs)
    for name in inputs.study.arms:
        if series.lost_at_once(inputs, name, size):
            yield f"{names[name]}: diverged in the first epoch, so there is nothing to compare."
            continue
        drift = series.layer_drift(inputs, name, size)
        if drift is None or not series.moved(inputs, name, size):
            yield f"{names[name]}: no layer moved, so there is nothing to compare."
            continue
        yield (
            f"{names[name]}: the last layer\u2019s weights end {percent(drift.head)} of their "
            f"norm from where they began, the median convolution {percent(drift.convolution)}."
            + _prediction(drift)
        )
    encoder = encoder_sentence(inputs, size)
    yield encoder or (
        "What changes is not what needs to change: no arm here holds layers fixed, so need is "
        "not tested."
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
    reliefs = [text for plane in IN_WORDS if (text := relief_sentence(inputs, size, plane))]
    yield from reliefs
    for plane, words in IN_WORDS.items():
        for surface in surfaces(inputs, size, plane):
            if not surface.drawn:
                yield (
                    f"\u201c{surface.label}\u201d has no landscape on {words} "
                    f"(seed {surface.seed}): {surface.reason}."
                )
    yield from curvature_sentences(inputs, size)
    if reliefs:
        yield (
            "A range of losses on one plane is not smoothness, and these are single planes: "
            "they show surfaces and decide nothing between them."
        )
    elif not curvature_sentences(inputs, size):
        yield "This study has no landscape to judge by."


def _explodes(inputs: Inputs, size: int) -> Iterator[str]:
    for name, arm in inputs.study.arms.items():
        if results.role(arm) != "random":
            continue
        text = f"The gradient norm of {gradient_phrase(inputs, name, size)}."
        if series.slope_of_added_up(inputs, name, size) is not None:
            text += (
                " Its gradients were never set back to zero, so they add up: growth here is "
                "bookkeeping."
            )
        values = series.by_epoch(inputs, name, size, "gradient_norm")
        if len(values) and not np.isfinite(values).all():
            text += " Some values are not finite."
        yield text
