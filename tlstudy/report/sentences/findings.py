"""Sentences that the numbers bear out, each computed: nothing here is known beforehand."""

from collections.abc import Callable
from dataclasses import replace

from tlstudy.audit.statistics import reference_arms, summarise
from tlstudy.config.catalogue import BY_ARM
from tlstudy.config.groups import without_other_rungs
from tlstudy.report.format import (
    THIN,
    count,
    is_number,
    join,
    loss,
    number,
    percent,
    points,
    sentence,
    whole,
)
from tlstudy.report.inputs import Inputs
from tlstudy.report.sentences import results, series
from tlstudy.report.sentences.experiments import (
    convergence_sentence,
    curvature_sentences,
    encoder_sentence,
)
from tlstudy.report.sentences.landscapes import surfaces
from tlstudy.report.sentences.protocol import label
from tlstudy.report.sentences.reuse import reuse_sentences

MOST_FINDINGS = 4  # more sentences than this are a table, and the table stands there already
GUESSING = 0.1  # balanced accuracy of a constant or random answer among ten digits
GUESSING_TEXT = f"10{THIN}%"
IN_WORDS = {"trajectory": "the plane of the path", "random": "the random plane"}


def named(inputs: Inputs) -> dict[str, str]:
    return {name: f"\u201c{label(name, arm)}\u201d" for name, arm in inputs.study.arms.items()}


def trend(values, shown: Callable[[float], str] = loss) -> str:
    """stays at a; falls from a to b; rises from a to b."""
    if not len(values):
        return "has no finite value"
    first, final = float(values.iloc[0]), float(values.iloc[-1])
    if abs(final - first) <= series.STEADY * abs(first):
        return f"stays at {shown(final)}"
    return f"{'falls' if final < first else 'rises'} from {shown(first)} to {shown(final)}"


def opening(inputs: Inputs, size: int) -> list[str]:
    """The headline finding of each group of arms, in a sentence; none where they are many."""
    if len(reference_arms(inputs.study)) > MOST_FINDINGS:
        return []
    return [
        " ".join(filter(None, (gap, untrained_clause(inputs, arm, reference, size))))
        for arm, reference in reference_arms(inputs.study).items()
        if (gap := gap_sentence(inputs, arm, size))
    ]


def untrained_clause(inputs: Inputs, arm: str, reference: str, size: int) -> str:
    """What a gap is worth where weights of one arm or both never moved; empty if they did."""
    pair = (reference, arm)
    if any(series.lost_at_once(inputs, name, size) for name in pair):
        return ""
    unmoved = [name for name in pair if not series.moved(inputs, name, size)]
    if len(unmoved) == 2:
        return "But the weights of neither moved: nothing was trained."
    if unmoved:
        return (
            f"But the weights of {named(inputs)[unmoved[0]]} did not move, so this compares a "
            "trained network with an untrained one and is no evidence on pretraining."
        )
    return ""


def gap_sentence(inputs: Inputs, arm: str, size: int) -> str:
    """How far an arm is ahead of its reference, and what stands behind that."""
    names, reference = named(inputs), reference_arms(inputs.study)[arm]
    summary = summarise(results.differences(inputs, arm, size, "balanced_accuracy").to_numpy())
    if summary.n == 0:
        return f"{names[arm]} and {names[reference]} have no finished seed in common."
    if summary.mean is not None:
        return _with_interval(names[arm], names[reference], summary)
    if summary.n > 1:
        return (
            f"{names[arm]} differs from {names[reference]} by "
            f"{points(summary.smallest, unit=False)} to {points(summary.largest)} of balanced "
            f"accuracy over {count(summary.n, 'seed')}, too few for an interval."
        )
    ours, other = (
        float(results.reported(inputs, name, size, "balanced_accuracy").iloc[0])
        for name in (arm, reference)
    )
    return (
        f"{names[arm]} reaches {percent(ours)} balanced accuracy, {names[reference]} "
        f"{percent(other)}: a difference of {points(summary.smallest)} with one seed, "
        "so without an interval."
    )


def _with_interval(arm: str, reference: str, summary) -> str:
    interval = (
        f"(bootstrap interval {points(summary.low, unit=False)} to "
        f"{points(summary.high, unit=False)}, {count(summary.n, 'seed')})"
    )
    if summary.low > 0 or summary.high < 0:
        way = "ahead of" if summary.low > 0 else "behind"
        size = points(abs(summary.mean)).lstrip("+")
        return f"{arm} is {way} {reference} by {size} of balanced accuracy {interval}."
    return (
        f"{arm} and {reference} differ by {points(summary.mean)} of balanced accuracy "
        f"{interval}: the interval contains zero."
    )


def see(inputs: Inputs, size: int, figure: str) -> str:
    """The one sentence that says what to see in a figure; empty if there is nothing to say."""
    if figure in (*BY_ARM, "results"):
        inputs = replace(inputs, study=without_other_rungs(inputs.study))
    makers: dict[str, Callable[[Inputs, int], str]] = {
        "encoder": encoder_sentence,
        "curvature": lambda inputs, size: " ".join(
            [*curvature_sentences(inputs, size), convergence_sentence(inputs, size)]
        ),
        "reuse": lambda inputs, size: " ".join(reuse_sentences(inputs, size)),
        "results": _spread,
        "loss-new": lambda inputs, size: _losses(inputs, size, "random"),
        "loss-pretrained": lambda inputs, size: _losses(inputs, size, "pretrained"),
        "balanced-accuracy": _accuracies,
        "gradient-norm": _gradients,
        "magnitude-change": lambda inputs, size: _drift(
            inputs, size, "displacement_from_start", lambda value: percent(value)
        ),
        "angle-change": lambda inputs, size: _drift(
            inputs, size, "angle_from_start", lambda value: f"{number(value)}\u00b0"
        ),
        "layerwise-magnitude": _layers,
        "layerwise-angle": _layer_angles,
        "landscape-trajectory": lambda inputs, size: relief_sentence(inputs, size, "trajectory"),
        "landscape-random": lambda inputs, size: relief_sentence(inputs, size, "random"),
    }
    return sentence(makers[figure](inputs, size)) if figure in makers else ""


def _spread(inputs: Inputs, size: int) -> str:
    parts = []
    for name, shown in named(inputs).items():
        summary = summarise(results.reported(inputs, name, size, "balanced_accuracy").to_numpy())
        ends = dict.fromkeys(map(percent, (summary.smallest, summary.largest)))
        parts.append(f"{shown} {' to '.join(ends)}" if summary.n else f"{shown} without a result")
    return f"Balanced accuracy from the lowest to the highest seed: {join(parts)}."


def _losses(inputs: Inputs, size: int, role: str) -> str:
    names = named(inputs)
    parts = [
        f"that of {names[name]} " + trend(series.by_epoch(inputs, name, size, "train_loss"))
        for name, arm in inputs.study.arms.items()
        if results.role(arm) == role
    ]
    return f"Training loss: {join(parts)}." if parts else ""


def _accuracies(inputs: Inputs, size: int) -> str:
    names = named(inputs)
    parts = [
        f"{percent(series.last(inputs, name, size, column))} for {names[name]}"
        for name, arm in inputs.study.arms.items()
        for column in [f"test_balanced_accuracy_{arm.batchnorm}"]
    ]
    every = inputs.study.evaluation.after_epochs == "all"
    images = f"{epoch_images(inputs)} test images"
    which = f"{images} looked at after every epoch" if every else f"{images} behind the curves"
    return (
        f"After the last epoch balanced accuracy on the {which} is {join(parts)}; guessing gives "
        f"{GUESSING_TEXT}."
    )


def epoch_images(inputs: Inputs) -> str:
    """Number of test images behind the curves."""
    return whole(inputs.study.evaluation.epoch_images)


def _gradients(inputs: Inputs, size: int) -> str:
    return (
        "Gradient norm: "
        + "; ".join(gradient_phrase(inputs, name, size) for name in inputs.study.arms)
        + "."
    )


def gradient_phrase(inputs: Inputs, arm: str, size: int) -> str:
    """An arm's gradient norm: its trend, and whether it merely grows with the epoch."""
    values = series.by_epoch(inputs, arm, size, "gradient_norm")
    slope = series.slope_of_added_up(inputs, arm, size)
    phrase = f"{named(inputs)[arm]} {trend(values, number)}"
    if slope is not None:
        phrase += f", in proportion to the epoch (log-log slope {number(slope)})"
    return phrase


def _drift(inputs: Inputs, size: int, column: str, shown: Callable[[float], str]) -> str:
    names = named(inputs)
    parts = []
    for name in inputs.study.arms:
        if series.lost_at_once(inputs, name, size):
            parts.append(f"{names[name]} diverged in the first epoch")
        elif series.moved(inputs, name, size):
            parts.append(f"{names[name]} {shown(series.last(inputs, name, size, column))}")
        else:
            parts.append(f"{names[name]} has not moved")
    return f"From its start, after the last epoch: {join(parts)}.{_heaviest(inputs, size)}"


def _heaviest(inputs: Inputs, size: int) -> str:
    """Where one tensor holds most of the squared norm, and how far all others went; or nothing."""
    parts = [
        f"in {shown} {layer_name(found.layer)}, {percent(found.share)} (all other layers together "
        f"end {percent(found.others)} of their norm from their start)"
        for name, shown in named(inputs).items()
        if (found := series.heaviest_tensor(inputs, name, size)) is not None
    ]
    if not parts:
        return ""
    return (
        " Values of the whole network mostly show one layer where it holds more than half of "
        f"the squared norm of all weights: {'; '.join(parts)}."
    )


def _layers(inputs: Inputs, size: int) -> str:
    parts = [
        f"{named(inputs)[name]} {drift.correlation:.2f}"
        for name in inputs.study.arms
        if series.moved(inputs, name, size)
        and (drift := series.layer_drift(inputs, name, size)) is not None
        and is_number(drift.correlation)
    ]
    if not parts:
        return "No arm has both layers that moved and a prediction to compare them with."
    return (
        "Rank correlation, over layers, of the measured change with the one that Adam\u2019s "
        f"step size alone predicts: {join(parts)}."
    )


def _layer_angles(inputs: Inputs, size: int) -> str:
    parts = []
    for name in inputs.study.arms:
        rows = series.of_arm(inputs.layers, name, size)
        rows = rows[rows["kind"].isin(series.WEIGHT_KINDS)]
        if rows.empty or not series.moved(inputs, name, size):
            continue
        largest = rows.loc[rows["angle_from_previous"].idxmax()]
        parts.append(
            f"{number(largest['angle_from_previous'])}\u00b0 for {named(inputs)[name]} "
            f"({layer_name(largest['layer'])}, epoch {largest['epoch']})"
        )
    return f"The largest turn of a layer in one epoch is {join(parts)}." if parts else ""


def relief_sentence(inputs: Inputs, size: int, plane: str) -> str:
    """The range of losses on a plane, surface by surface."""
    seeds = len(inputs.study.landscape.seeds) > 1
    parts = [
        f"{loss(min(surface.losses()))} to {loss(max(surface.losses()))} for "
        f"\u201c{surface.label}\u201d" + (f" (seed {surface.seed})" if seeds else "")
        for surface in surfaces(inputs, size, plane)
        if surface.drawn
    ]
    return f"On {IN_WORDS[plane]} the loss goes from {join(parts)}." if parts else ""


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
