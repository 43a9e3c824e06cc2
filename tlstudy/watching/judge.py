"""From what was seen of a training to findings.

The limits are reasoned here; none was fitted to a training.
"""

from collections import Counter
from collections.abc import Iterator

from tlstudy.watching.finding import Finding, Severity, counted, listed, percent
from tlstudy.watching.seen import Seen

FEW_STEPS = 3  # below that nothing can be said of "every step"
# Share of BatchNorm's first statistics that may be left; at a momentum of 0.1: 29 and 22 steps.
MOST_INITIAL, MUCH_INITIAL = 0.05, 0.1
# Deviations behind the first layer of a ResNet-50, over those of its pretraining: 0.9 (grey digits)
# and 1.2 (photographs) if normalised; 0.17 and 0.28 of 0 to 1; 43 and 71 of 0 to 255. What is
# normalised has negative values, so without any less is wanted for a finding.
NARROW, NARROW_POSITIVE, WIDE = 0.3, 0.6, 4.0
FAR = 0.5  # deviations between a batch's means and the running ones, beside the noise
FEW_SAMPLES = 16
OFTEN = 0.5  # share of the looks at which something must be seen
SOME = 0.1  # share of the steps, for what may happen at a border
TINY = 1e-4  # of the largest gradient of a parameter
LARGE = 50.0  # inputs beyond that are no normalised ones
RARE, MANY = 0.002, 0.05  # shares of equal examples: by nature, and surely by a mistake


def findings(seen: Seen) -> list[Finding]:
    """All findings, in the order of the checks."""
    if not seen.steps:
        return list(no_step(seen))
    return [finding for check in CHECKS for finding in check(seen)]


def no_step(seen: Seen) -> Iterator[Finding]:
    """Backward passes, but no step."""
    number = seen.without_step
    if number >= FEW_STEPS and not any(one.moved for one in seen.parameters.values()):
        yield Finding(
            "optimiser-never-stepped",
            "error",
            f"after {number} backward passes the optimiser made no step, and no parameter changed",
            "Nothing was trained.",
            "Call optimizer.step() after backward(), of the optimiser that is watched.",
        )


def optimiser_of_other_parameters(seen: Seen) -> Iterator[Finding]:
    """The optimiser holds parameters that the network does not have, or lacks some."""
    lacks = [name for name, one in seen.parameters.items() if one.trainable and not one.held]
    held = [name for name, one in seen.parameters.items() if one.held]
    if seen.foreign and (lacks or not held):
        yield Finding(
            "optimiser-of-other-parameters",
            "error",
            f"{seen.foreign} of {seen.foreign + len(held)} parameters of the optimiser are not the "
            f"network's, and it lacks {len(lacks)} of the network's: {listed(lacks)}",
            "It trains something else: another network, or layers that were replaced after the "
            "optimiser was made.",
            "Make the optimiser from model.parameters() when the network is complete.",
        )
    elif seen.foreign:
        yield Finding(
            "optimiser-of-other-parameters",
            "note",
            f"the optimiser holds {counted(seen.foreign, 'parameter')} beside the network's",
            "A loss with parameters of its own is trained so; another network would be a mistake.",
            "Check that they are meant.",
        )
    elif lacks:
        yield Finding(
            "optimiser-lacks-parameters",
            "warning",
            f"the optimiser lacks {len(lacks)} of {len(seen.parameters)} parameters that require "
            f"a gradient: {listed(lacks)}",
            "They keep their first values, and their gradients are computed for nothing.",
            "Give them to the optimiser, or set requires_grad = False if they are to stay.",
        )


def gradients_not_cleared(seen: Seen) -> Iterator[Finding]:
    """At backward passes after a step the gradients of before were still there."""
    if seen.optimisers > 1 or seen.clear_checks < FEW_STEPS or not any_held(seen):
        return
    if seen.not_cleared > SOME * seen.clear_checks:
        yield Finding(
            "gradients-not-cleared",
            "error",
            f"before {seen.not_cleared} of {seen.clear_checks} steps the gradients of earlier "
            "steps were still there when new ones were added",
            "Each step follows the sum of all gradients since they were last cleared.",
            "Call optimizer.zero_grad() once a step, before backward().",
        )


def any_held(seen: Seen) -> bool:
    """Whether the optimiser has a parameter of the network."""
    return any(one.held for one in seen.parameters.values())


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
        "Gradients become small or wrong, and the loss cannot fall to zero: from ten classes "
        "a softmax before the cross-entropy leaves at least 1.46."
        if loss == "cross_entropy"
        else "Gradients become small or wrong, and the loss is not the one that is meant.",
        "Use log_softmax before nll_loss."
        if loss == "nll_loss"
        else "Leave out the softmax or sigmoid at the end of the network.",
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


def parameters_that_stay(seen: Seen) -> Iterator[Finding]:
    """Trainable parameters that never got a gradient, or did not move."""
    ours = {name: one for name, one in seen.parameters.items() if one.trainable and one.held}
    without = [name for name, one in ours.items() if one.gradient == 0 and not one.moved]
    largest = max((one.gradient for one in ours.values()), default=0.0)
    # A bias before BatchNorm has a gradient of rounding errors, which may move nothing.
    still = [n for n, one in ours.items() if one.gradient > TINY * largest and not one.moved]
    if not any_held(seen):  # which is said already
        return
    if seen.parameters and not any(one.moved for one in seen.parameters.values()):
        yield Finding(
            "no-parameter-moved",
            "error",
            f"none of {len(seen.parameters)} parameters changed in {counted(seen.steps, 'step')}"
            f"; {len(without)} never had a gradient when the optimiser stepped",
            "Nothing was trained.",
            "Look for gradients that are cleared between backward() and step(), a learning rate "
            "of 0, frozen parameters, an optimiser of another network, or a detached output.",
        )
        return
    if without:
        yield Finding(
            "parameters-without-gradient",
            # A last bias has none if the loss is a difference of outputs.
            "note" if all(name.endswith("bias") for name in without) else "warning",
            f"{len(without)} of {len(ours)} trained parameters never had a gradient other than 0: "
            f"{listed(without)}",
            "The loss does not depend on them: they are not used, or cut off by detach(), "
            "no_grad(), or a unit that is always zero.",
            "Connect them to the loss, or leave them out of the optimiser.",
        )
    if still:
        yield Finding(
            "parameters-never-moved",
            "warning",
            f"{len(still)} of {len(ours)} trained parameters have gradients and the value of the "
            f"start: {listed(still)}",
            "Their learning rate is 0, or too small for their precision.",
            "Look at the learning rates of the optimiser's groups.",
        )


def frozen_that_moved(seen: Seen) -> Iterator[Finding]:
    """Parameters that require no gradient changed, or BatchNorm beside frozen weights did."""
    moved = [name for name, one in seen.parameters.items() if one.moved_frozen]
    held = [name for name in moved if seen.parameters[name].held]
    if moved:
        severity: Severity = "warning" if held else "note"
        by = "the optimiser holds" if held else "the optimiser does not hold"
        yield Finding(
            "frozen-parameters-moved",
            severity,
            f"{len(moved)} parameters that require no gradient changed; {by} them: {listed(moved)}",
            "Momentum and weight decay move what the optimiser holds; anything else is done by "
            "the code, as with a moving average.",
            "Leave frozen parameters out of the optimiser, and set their gradients to None.",
        )
    if names := seen.frozen_batchnorm_updates:
        yield Finding(
            "frozen-batchnorm-updates",
            "note",
            f"{len(names)} BatchNorm layers with frozen weights update their statistics: "
            f"{listed(names)}",
            "The frozen part does not stay as it was: its outputs change with the new data.",
            "If it is to stay, put these layers into evaluation mode after model.train().",
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
            f"after {counted(one.updates, 'update')} the running statistics of {name} still "
            f"consist to {percent(one.initial_left)} of those of before the training; "
            f"{len(left)} of {len(seen.batchnorm)} BatchNorm layers have more than "
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


def is_trained_in_evaluation_mode(seen: Seen) -> bool:
    """Whether more than a few training steps were in evaluation mode."""
    wrong, right = seen.trained.evaluation_mode, seen.trained.training_mode
    return wrong > SOME * (wrong + right)


def mode(seen: Seen) -> Iterator[Finding]:
    """Evaluation in training mode, or training in evaluation mode."""
    if not seen.modes_differ:
        return
    what = "There are layers of dropout or BatchNorm, which do other things in the two modes."
    if is_trained_in_evaluation_mode(seen):
        wrong, right = seen.trained.evaluation_mode, seen.trained.training_mode
        yield Finding(
            "trained-in-evaluation-mode",
            "warning",
            f"{wrong} of {wrong + right} forward passes of training steps were in evaluation mode, "
            f"the first at step {seen.first_in_evaluation_mode}",
            what,
            "Call model.train() before the training steps of each epoch.",
        )
    if seen.evaluated.evaluation_mode or seen.idle.evaluation_mode:
        return
    wrong = seen.evaluated.training_mode + seen.idle.training_mode
    if wrong:
        is_sure = seen.evaluated.training_mode or seen.idle_at_end or seen.test_values_given
        yield Finding(
            "evaluated-in-training-mode",
            "warning" if is_sure else "note",
            f"{wrong} forward passes that trained nothing were in training mode, none in "
            "evaluation mode",
            f"{what} In training mode the test data change BatchNorm's statistics as well.",
            "Call model.eval() before the evaluation, and model.train() after it.",
        )


def same_batch(seen: Seen) -> Iterator[Finding]:
    """Every step had the same examples."""
    if seen.steps < FEW_STEPS or len(seen.batches) != 1:
        return
    if seen.longest_epoch > 1:
        yield Finding(
            "same-batch",
            "warning",
            f"all {seen.steps} steps had the same examples, up to {seen.longest_epoch} steps an "
            "epoch",
            "The network sees one batch, whatever the data set holds.",
            "Take the next batch at every step: next(iter(loader)) gives the first one again.",
        )
    else:
        yield Finding(
            "same-batch",
            "note",
            f"all {seen.steps} steps had the same examples",
            "So it is if the data set is one batch.",
            "If it is larger, look at how the batches are drawn.",
        )


def test_among_training(seen: Seen) -> Iterator[Finding]:
    """Test examples that had been trained on."""
    examples = seen.examples
    if seen.not_finite:  # then examples may be alike
        return
    why = "The test values are in part those of training, so they are too good."
    advice = "Split the data once, before anything else, and keep the parts apart."
    # Evaluating the training set as well is no leak; a small part of it among others is one.
    is_training_set = len(examples.pure) > OFTEN * len(examples.trained)
    training_set = examples.pure if is_training_set else set()
    shared = examples.mixed | (examples.pure - training_set)
    tested = examples.evaluated - training_set | shared
    if examples.given is not None:
        shared, tested = examples.given & examples.trained, examples.given
    elif examples.pure and examples.pure == examples.evaluated:
        is_sure = seen.test_values_given or not is_training_set
        yield Finding(
            "test-examples-in-training",
            "warning" if is_sure else "note",
            f"all {len(examples.pure)} examples that were evaluated had been trained on",
            "There was no test of anything new.",
            "Evaluate on data that is kept out of the training.",
        )
        return
    if shared:
        share = len(shared) / len(tested)
        is_sure = share > MANY and (examples.given is not None or examples.mixed)
        severity: Severity = "error" if is_sure else "warning" if share > RARE else "note"
        yield Finding(
            "test-examples-in-training",
            severity,
            f"{len(shared)} of {len(tested)} different test examples ({percent(share)}) were "
            "trained on",
            why,
            advice,
        )


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


CHECKS = (
    *(not_finite, optimiser_of_other_parameters, gradients_not_cleared, loss_of_wrong_inputs),
    *(parameters_that_stay, frozen_that_moved, inputs_on_another_scale, mode, batchnorm_lags),
    *(same_batch, test_among_training),
)


def unjudged(seen: Seen) -> list[str]:
    """What cannot be judged, in sentences."""
    if not seen.steps:
        return ["anything more: the optimiser made no step."]
    told = []
    if not seen.trained.training_mode + seen.trained.evaluation_mode:
        told.append("the training: no backward pass went through the watched network.")
    if seen.optimisers > 1:
        told.append("whether gradients are cleared, with several optimisers.")
    if not seen.loss_checks:
        told.append("what enters the loss: none of PyTorch's usual losses was seen.")
    evaluations = (seen.evaluated, seen.idle)
    if seen.modes_differ and not any(o.training_mode + o.evaluation_mode for o in evaluations):
        told.append("the mode of the evaluation: none was seen.")
    examples = seen.examples
    if not (examples.evaluated or examples.given):
        told.append("whether test examples were trained on: none were seen (test_images=...).")
    elif not seen.epochs > 1 or examples.new > examples.repeated:
        told.append(
            "whether test examples were trained on, beyond exact copies: no training example came "
            "twice, as with augmentation or in a single epoch."
        )
    return told
