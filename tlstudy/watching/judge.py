"""From what was seen of a training to findings."""

from tlstudy.watching.checks.examples import same_batch, test_among_training
from tlstudy.watching.checks.modes import mode
from tlstudy.watching.checks.steps import (
    frozen_that_moved,
    gradients_not_cleared,
    no_step,
    optimiser_of_other_parameters,
    parameters_that_stay,
)
from tlstudy.watching.checks.values import (
    batchnorm_lags,
    inputs_on_another_scale,
    loss_broadcasts,
    loss_of_wrong_inputs,
    not_finite,
)
from tlstudy.watching.finding import Finding
from tlstudy.watching.seen import Seen

# Each takes what was seen and yields findings; in the order of the report.
CHECKS = (
    not_finite,
    optimiser_of_other_parameters,
    gradients_not_cleared,
    loss_of_wrong_inputs,
    loss_broadcasts,
    parameters_that_stay,
    frozen_that_moved,
    inputs_on_another_scale,
    mode,
    batchnorm_lags,
    same_batch,
    test_among_training,
)


def findings(seen: Seen) -> list[Finding]:
    """All findings, in the order of the checks."""
    found = []
    for check in CHECKS if seen.steps else [no_step]:
        try:
            found.extend(check(seen))
        except Exception as error:  # a mistake here must not end a training; the report says so
            seen.failed_checks[check.__name__] = f"{type(error).__name__}: {error}"
    return found


def unjudged(seen: Seen) -> list[str]:
    """What cannot be judged, in sentences."""
    if not seen.steps:
        return ["anything more: the optimiser made no step."]
    told = [
        f"{name.replace('_', ' ')}: failed ({why})." for name, why in seen.failed_checks.items()
    ]
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
