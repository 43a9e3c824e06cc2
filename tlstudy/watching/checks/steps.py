"""What the optimiser holds, clears and moves."""

from collections.abc import Iterator

from tlstudy.watching.finding import Finding, Severity, counted, listed
from tlstudy.watching.seen import Seen

FEW_STEPS = 3  # below that nothing can be said of "every step"
SOME = 0.1  # share of the steps, for what may happen at a border
TINY = 1e-4  # of the largest gradient of a parameter


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
    lacks = [name for name, one in seen.parameters.items() if one.is_lacking]
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
            "That is right for a loss with parameters of its own, and a mistake if they are "
            "another network's.",
            "Check that the optimiser is meant to train these parameters.",
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
            f"{len(still)} of {len(ours)} trained parameters have gradients but still have their "
            f"initial values: {listed(still)}",
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
