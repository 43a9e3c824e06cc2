"""Values that enter the network, its BatchNorm layers and its loss."""

from collections import Counter
from collections.abc import Iterator

from tlstudy.watching.checks.modes import is_trained_in_evaluation_mode
from tlstudy.watching.checks.steps import FEW_STEPS
from tlstudy.watching.finding import Finding, counted, percent
from tlstudy.watching.seen import Seen

# Share of BatchNorm's first statistics that may be left; at a momentum of 0.1: 29 and 22 steps.
MOST_INITIAL, MUCH_INITIAL = 0.05, 0.1
# Deviations behind the first layer of a ResNet-50, over those of its pretraining: 0.9 (grey digits)
# and 1.2 (photographs) if normalised; 0.17 and 0.28 of 0 to 1; 43 and 71 of 0 to 255. What is
# normalised has negative values, so without any less is wanted for a finding.
NARROW, NARROW_POSITIVE, WIDE = 0.3, 0.6, 4.0
FAR = 0.5  # deviations between a batch's means and the running ones, beside the noise
FEW_SAMPLES = 16
OFTEN = 0.5  # share of the looks at which something must be seen
LARGE = 50.0  # inputs beyond that are no normalised ones


def not_finite(seen: Seen) -> Iterator[Finding]:
    """The first value that is not finite."""
    if seen.not_finite:
        yield Finding(
            "not-finite",
            "error",
            seen.not_finite,
            "From there on everything that is computed with it is nan.",
            "Look at what this place computes: a division, a logarithm or root of 0, a learning "
            "rate that is too large, half precision.",
        )


def loss_of_wrong_inputs(seen: Seen) -> Iterator[Finding]:
    """What enters the loss is not what the loss expects."""
    if not seen.wrong_inputs or len(seen.wrong_inputs) < OFTEN * seen.loss_checks:
        return
    (loss, what), number = Counter(seen.wrong_inputs).most_common(1)[0]
    if number < min(FEW_STEPS, seen.steps):
        return
    expects = "logarithms of probabilities" if loss == "nll_loss" else "raw scores (logits)"
    yield Finding(
        "loss-of-wrong-inputs",
        "error",
        f"{what} entered {loss} at {number} of the {seen.loss_checks} looks; it expects {expects}",
        "Gradients become small or wrong, and the loss cannot fall to zero: a softmax before "
        "the cross-entropy leaves at least 0.31 with two classes and 1.46 with ten."
        if loss == "cross_entropy"
        else "Gradients become small or wrong, and the loss is not the one that is meant.",
        "Use log_softmax before nll_loss."
        if loss == "nll_loss"
        else "Leave out the softmax or sigmoid at the end of the network.",
    )


def loss_broadcasts(seen: Seen) -> Iterator[Finding]:
    """Outputs were repeated in the loss to fit targets of another shape."""
    if not seen.broadcasts:
        return
    (loss, outputs, target), _ = seen.broadcasts.most_common(1)[0]
    yield Finding(
        "loss-broadcasts",
        "warning",  # one such loss is enough: the shapes alone decide
        f"outputs of shape {outputs} and targets of shape {target} entered {loss} "
        f"({seen.broadcasts.total()} times with such shapes)",
        "Outputs are repeated to fit, so that they are compared with targets of other examples: "
        "the network learns their mean.",
        "Give both the same shape: targets.unsqueeze(1), or outputs.squeeze(1).",
    )


def inputs_on_another_scale(seen: Seen) -> Iterator[Finding]:
    """The first BatchNorm layer sees other values than in the pretraining."""
    inputs = seen.inputs
    if inputs is None:
        return
    what = (
        f"the first batch has values from {inputs.least:.3g} to {inputs.most:.3g} (mean "
        f"{inputs.mean:.3g}, deviation {inputs.deviation:.3g})"
    )
    first, least = inputs.first, NARROW if inputs.least < 0 else NARROW_POSITIVE
    if first and first.samples >= FEW_SAMPLES and not least <= first.ratio <= WIDE:
        yield Finding(
            "inputs-on-another-scale",
            "warning",
            f"{what}; behind the first layers, in {inputs.layer}, they deviate {first.ratio:.2g} "
            "times as much as in the pretraining",
            "The pretrained layers see other inputs than they were trained on.",
            "Scale the inputs to 0 to 1, and normalise them with the mean and deviation that "
            "belong to the weights.",
        )
    elif inputs.is_image and inputs.most > LARGE and not first:
        yield Finding(
            "inputs-on-another-scale",
            "note",
            what,
            "Most networks are made for inputs near 0 and 1.",
            "Divide images by 255, and normalise them.",
        )


def batchnorm_lags(seen: Seen) -> Iterator[Finding]:
    """Running statistics of BatchNorm that are not those of the network."""
    evaluated = seen.evaluated.evaluation_mode or seen.idle.evaluation_mode
    if not evaluated or is_trained_in_evaluation_mode(seen):
        return
    left = {
        name: one
        for name, one in seen.batchnorm.items()
        if one.updates and one.initial_left > MOST_INITIAL
    }
    if left:
        name, one = max(left.items(), key=lambda item: item[1].initial_left)
        yield Finding(
            "batchnorm-lags",
            "warning" if one.initial_left > MUCH_INITIAL else "note",
            f"after {counted(one.updates, 'update')} the running statistics of layer '{name}' "
            f"still hold {percent(one.initial_left)} of their values from before training; "
            f"{len(left)} of {len(seen.batchnorm)} BatchNorm layers hold more than "
            f"{percent(MOST_INITIAL)}",
            "In evaluation mode the network uses these statistics, so test values are not yet "
            "those of the trained network.",
            "Train for more steps, raise the momentum, or compute the statistics anew on the "
            "training data before the evaluation.",
        )
        return
    far = [
        (name, one)
        for name, one in seen.batchnorm.items()
        if not seen.not_finite
        and one.samples >= FEW_SAMPLES
        and (one.shift > FAR + one.samples**-0.5 or not 0.5 <= one.ratio <= 2)
    ]
    if far:
        name, one = max(far, key=lambda item: item[1].shift)
        yield Finding(
            "batchnorm-lags",
            "warning",
            f"in {name} a batch's means lie {one.shift:.2f} deviations from the running ones, and "
            f"its deviations are {one.ratio:.2f} times theirs, at the last look",
            "The weights change faster than the statistics, so test values are not those of the "
            "trained network.",
            "Lower the learning rate towards the end, or compute the statistics anew on the "
            "training data before the evaluation.",
        )
