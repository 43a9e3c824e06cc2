"""Sentences on the results and on each figure, computed from the tables."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pandas as pd

from tlstudy.audit.statistics import reference_arms, summarise
from tlstudy.config.catalogue import BY_ARM
from tlstudy.config.fields import CLASSES
from tlstudy.config.groups import arms_of_kind, without_other_rungs
from tlstudy.report.format import (
    POINTS,
    THIN,
    bare_points,
    is_number,
    join,
    loss,
    number,
    percent,
    sentence,
    whole,
)
from tlstudy.report.inputs import Inputs
from tlstudy.report.sentences import series
from tlstudy.report.sentences.experiments import (
    convergence_sentence,
    curvature_sentences,
    reuse_sentences,
)

MOST_FINDINGS = 4  # more sentences than this would repeat the table beside them
GUESSING = 1 / CLASSES  # balanced accuracy of a constant or random answer among ten digits
GUESSING_TEXT = f"10{THIN}%"


def trend(values: pd.Series, shown: Callable[[float], str] = loss) -> str:
    """stays at a; falls from a to b; rises from a to b."""
    if not len(values):
        return "has no finite value"
    first, final = float(values.iloc[0]), float(values.iloc[-1])
    if abs(final - first) <= series.STEADY * abs(first):
        return f"stays at {shown(final)}"
    return f"{'falls' if final < first else 'rises'} from {shown(first)} to {shown(final)}"


def opening(inputs: Inputs, size: int) -> list[str]:
    """The gap of each group of arms, in a sentence; none where there are many."""
    references = reference_arms(inputs.study)
    if len(references) > MOST_FINDINGS:
        return []
    return [gap_with_warning(inputs, arm, size) for arm in references]


def gap_with_warning(inputs: Inputs, arm: str, size: int) -> str:
    """An arm's gap, and a warning where the weights of either arm never moved."""
    return f"{gap_sentence(inputs, arm, size)} {untrained_clause(inputs, arm, size)}".rstrip()


def untrained_clause(inputs: Inputs, arm: str, size: int) -> str:
    """A warning where the weights of an arm or of its reference never moved; or nothing."""
    pair = (reference_arms(inputs.study)[arm], arm)
    if any(series.lost_at_once(inputs, name, size) for name in pair):
        return ""
    unmoved = [name for name in pair if not series.moved(inputs, name, size)]
    if len(unmoved) == 2:
        return "But the weights of neither moved: nothing was trained."
    if unmoved:
        return (
            f"But the weights of {inputs.named(unmoved[0])} did not move, so this compares a "
            "trained network with an untrained one and is no evidence on pretraining."
        )
    return ""


def gap_sentence(inputs: Inputs, arm: str, size: int) -> str:
    """How far an arm's balanced accuracy is from its reference's, with its interval."""
    ours, other = inputs.named(arm), inputs.named(reference_arms(inputs.study)[arm])
    gap = summarise(series.differences(inputs, arm, size, "balanced_accuracy").to_numpy())
    if gap.n == 0:
        return f"{ours} and {other} have no finished seed in common."
    text = f"Balanced accuracy of {ours} minus that of {other}: {gap.text(bare_points, POINTS)}."
    if gap.mean is not None and gap.low <= 0 <= gap.high:
        return f"{text} The interval contains zero, so neither is known to be ahead."
    return text


def see(inputs: Inputs, size: int, figure: str) -> str:
    """What a figure shows, in numbers; empty if there is nothing to say."""
    if figure in (*BY_ARM, "results"):
        inputs = replace(inputs, study=without_other_rungs(inputs.study))
    return sentence(FIGURES[figure](inputs, size)) if figure in FIGURES else ""


def _spread(inputs: Inputs, size: int) -> str:
    parts = []
    for arm in inputs.study.arms:
        values = series.reported(inputs, arm, size, "balanced_accuracy")
        ends = dict.fromkeys(map(percent, (values.min(), values.max()))) if len(values) else []
        parts.append(f"{inputs.named(arm)} {' to '.join(ends) or 'without a result'}")
    return f"Balanced accuracy from the lowest to the highest seed: {join(parts)}."


def _losses(inputs: Inputs, size: int, new: bool) -> str:
    parts = [
        f"that of {inputs.named(arm)} {trend(series.by_epoch(inputs, arm, size, 'train_loss'))}"
        for arm in arms_of_kind(inputs.study, new)
    ]
    return f"Training loss: {join(parts)}." if parts else ""


def _accuracies(inputs: Inputs, size: int) -> str:
    parts = []
    for name, arm in inputs.study.arms.items():
        column = f"test_balanced_accuracy_{arm.batchnorm}"
        parts.append(f"{percent(series.last(inputs, name, size, column))} ({inputs.named(name)})")
    images = whole(inputs.study.evaluation.epoch_images)
    return (
        f"Balanced accuracy after the last epoch, on the {images} test images of the curves: "
        f"{join(parts)}; guessing gives {GUESSING_TEXT}."
    )


def _gradients(inputs: Inputs, size: int) -> str:
    phrases = [gradient_phrase(inputs, arm, size) for arm in inputs.study.arms]
    return f"Gradient norm: {'; '.join(phrases)}."


def gradient_phrase(inputs: Inputs, arm: str, size: int) -> str:
    """An arm's gradient norm: its trend, and whether it merely grows with the epoch."""
    values = series.by_epoch(inputs, arm, size, "gradient_norm")
    slope = series.slope_of_added_up(inputs, arm, size)
    phrase = f"{inputs.named(arm)} {trend(values, number)}"
    if slope is not None:
        phrase += f", in proportion to the epoch (log-log slope {number(slope)})"
    return phrase


def _drift(inputs: Inputs, size: int, column: str, shown: Callable[[float], str]) -> str:
    parts = []
    for arm in inputs.study.arms:
        if series.lost_at_once(inputs, arm, size):
            words = "diverged in the first epoch"
        elif series.moved(inputs, arm, size):
            words = shown(series.last(inputs, arm, size, column))
        else:
            words = "has not moved"
        parts.append(f"{inputs.named(arm)} {words}")
    return f"Distance from the start after the last epoch: {join(parts)}."


def _magnitudes(inputs: Inputs, size: int) -> str:
    """Distances, and a warning where they mostly show one tensor."""
    text = _drift(inputs, size, "displacement_from_start", percent)
    parts = [
        f"in {inputs.named(arm)} {layer_name(found.layer)}, {percent(found.share)} (all other "
        f"layers together end {percent(found.others)} of their norm from their start)"
        for arm in inputs.study.arms
        if (found := series.heaviest_tensor(inputs, arm, size)) is not None
    ]
    if not parts:
        return text
    return (
        f"{text} One layer holds more than half of the squared norm of all weights: "
        f"{'; '.join(parts)}. There, changes and angles of the whole network mostly show that one "
        "layer."
    )


def _layers(inputs: Inputs, size: int) -> str:
    parts = [
        f"{inputs.named(arm)} {drift.correlation:.2f}"
        for arm in inputs.study.arms
        if series.moved(inputs, arm, size)
        and (drift := series.layer_drift(inputs, arm, size)) is not None
        and is_number(drift.correlation)
    ]
    if not parts:
        return "No arm has both layers that moved and a prediction to compare them with."
    return (
        "Rank correlation over layers between the measured change and the one that Adam\u2019s "
        f"step size alone predicts: {join(parts)}."
    )


def _layer_angles(inputs: Inputs, size: int) -> str:
    parts = []
    for arm in inputs.study.arms:
        rows = series.of_arm(inputs.layers, arm, size)
        rows = rows[rows["kind"].isin(series.WEIGHT_KINDS)]
        if rows.empty or not series.moved(inputs, arm, size):
            continue
        largest = rows.loc[rows["angle_from_previous"].idxmax()]
        parts.append(
            f"{number(largest['angle_from_previous'])}\u00b0 for {inputs.named(arm)} "
            f"({layer_name(largest['layer'])}, epoch {largest['epoch']})"
        )
    return f"Largest angle that a layer turned in one epoch: {join(parts)}." if parts else ""


def _curvature(inputs: Inputs, size: int) -> str:
    lines = [*curvature_sentences(inputs, size), convergence_sentence(inputs, size)]
    return " ".join(filter(None, lines))


FIGURES: dict[str, Callable[[Inputs, int], str]] = {
    "results": _spread,
    "loss-new": partial(_losses, new=True),
    "loss-pretrained": partial(_losses, new=False),
    "balanced-accuracy": _accuracies,
    "gradient-norm": _gradients,
    "magnitude-change": _magnitudes,
    "angle-change": partial(
        _drift, column="angle_from_start", shown=lambda value: f"{number(value)}\u00b0"
    ),
    "layerwise-magnitude": _layers,
    "layerwise-angle": _layer_angles,
    "curvature": _curvature,
    "reuse": lambda inputs, size: " ".join(reuse_sentences(inputs, size)),
}


def layer_name(layer: str) -> str:
    """A tensor's place in words: fc.weight is the last layer, layer1.0.conv2 stage 1, block 1."""
    parts = layer.split(".")
    if parts[0] == "fc":
        return f"the last layer\u2019s {'biases' if parts[-1] == 'bias' else 'weights'}"
    if parts[0].startswith("layer"):
        kind = "BatchNorm" if parts[2].startswith("bn") else "convolution"
        kind = "downsampling" if "downsample" in parts else f"{kind} {parts[2][-1]}"
        return f"stage {parts[0][-1]}, block {int(parts[1]) + 1}, {kind}"
    return "the first BatchNorm" if parts[0] == "bn1" else "the first convolution"
