"""Weights multiplied before training, and the learning rates that go with them.

BatchNorm follows each convolution, so multiplying a convolution changes no output and divides its
gradient by the factor. That acts like a learning rate divided by the factor's square under
gradient descent, and by the factor under Adam, whose steps do not depend on the gradient's size.

The part `all` multiplies BatchNorm's scale and shift too, as Lippl & Lindsey (2024) do. That
changes outputs, as a layer's scale is that of its BatchNorm.
"""

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from tlstudy.config.rescaling import Rescaling

ENCODER = ("convolution", "downsample", "inner-linear-weight")
HEAD = ("linear-weight", "linear-bias")
PARTS = {"encoder": ENCODER, "head": HEAD, "both": (*ENCODER, *HEAD)}


def _names(kinds: dict[str, str], rescaling: Rescaling) -> set[str]:
    """Names of the weight tensors in the part."""
    if rescaling.part == "all":
        return set(kinds)
    if rescaling.part == "first":
        return set([name for name, kind in kinds.items() if kind in ENCODER][:1])
    return {name for name, kind in kinds.items() if kind in PARTS[rescaling.part]}


def rescale(network: nn.Module, kinds: dict[str, str], rescaling: Rescaling) -> None:
    """Multiply a network's weights in place, and its running statistics if that is set.

    Args:
        kinds: kind of every weight tensor by name, as of `tlstudy.networks.build.layer_kinds`.
    """
    if rescaling.factor == 1:
        return
    names = _names(kinds, rescaling)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if name in names:
                weight.mul_(rescaling.factor)
        for module in network.modules():
            if rescaling.running_statistics == "rescaled" and isinstance(module, _BatchNorm):
                module.running_mean.mul_(rescaling.factor)
                module.running_var.mul_(rescaling.factor**2)


def learning_rate_factors(kinds: dict[str, str], rescaling: Rescaling) -> list[float]:
    """Each weight tensor's learning rate over the optimiser's, in the order of the kinds."""
    names = _names(kinds, rescaling)
    return [rescaling.learning_rate_factor if name in names else 1.0 for name in kinds]
