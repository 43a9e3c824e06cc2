"""Values of a forward pass: the first that is not finite, the inputs, what enters BatchNorm."""

from typing import Any

import torch
from torch import nn

from tlstudy.watching.finding import listed
from tlstudy.watching.looks import compare_statistics, is_bad
from tlstudy.watching.seen import BatchNormSeen, InputsSeen
from tlstudy.watching.weights import Weights

# Layers without others inside, in the order of the pass, with what they got and gave.
Passed = list[tuple[nn.Module, Any, Any]]


def first_not_finite(
    module: nn.Module, batch: torch.Tensor | None, passed: Passed, weights: Weights, at: str
) -> str:
    """Where values of a pass stop being finite, in words.

    Args:
        module: the network, whose output is not finite.
        at: when that was, in words.
    """
    if batch is not None and is_bad(batch):
        return f"the input is not finite {at}"
    layer = next((one for one, _, result in passed if is_bad(result)), module)
    name, kind = weights.modules[layer] or "the network", type(layer).__name__
    wrong = weights.not_finite()
    by_then = f"; by then {listed(wrong)} is not finite" if wrong else ""
    return f"{name} ({kind}) gives the first value that is not finite, {at}{by_then}"


def inputs_seen(batch: torch.Tensor, passed: Passed, weights: Weights) -> InputsSeen | None:
    """The first batch and its first BatchNorm layer; None if it is not made of real numbers."""
    if not batch.is_floating_point() or batch.numel() < 2:
        return None
    values = batch.detach().float()
    ends = map(float, (values.min(), values.max(), values.mean(), values.std()))
    seen = InputsSeen(*ends, is_image=batch.dim() == 4)
    layers = ((one, inputs) for one, inputs, _ in passed if one in weights.batchnorm_start)
    for layer, inputs in list(layers)[:1]:
        mean, variance, _ = weights.batchnorm_start[layer]
        if bool(mean.any()) or bool((variance != 1).any()):  # not as they begin
            seen.layer = weights.modules[layer]
            seen.first = compare_statistics(inputs[0], mean, variance)
    return seen


def batchnorm_seen(passed: Passed, weights: Weights) -> dict[str, BatchNormSeen]:
    """A middle and the last BatchNorm layer by name: all of them would take too long."""
    layers = [(one, inputs) for one, inputs, _ in passed if one in weights.batchnorm_start]
    return {
        weights.modules[layer]: compare_statistics(inputs[0], layer.running_mean, layer.running_var)
        for layer, inputs in layers[len(layers) // 2 :: max(1, (len(layers) - 1) // 2)][:2]
        if layer.training and layer.running_mean is not None
    }
