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

from tlstudy.config.settings import Rescaling

ENCODER = ("convolution", "downsample", "inner-linear-weight")
HEAD = ("linear-weight", "linear-bias")
PARTS = {"encoder": ENCODER, "head": HEAD, "both": (*ENCODER, *HEAD)}


def _is_in(kind: str, rescaling: Rescaling) -> bool:
    """Whether the part holds weight tensors of a kind."""
    return rescaling.part == "all" or kind in PARTS[rescaling.part]


def rescale(network: nn.Module, kinds: dict[str, str], rescaling: Rescaling) -> None:
    """Multiply a network's weights in place, and its running statistics if that is set.

    Args:
        kinds: kind of every weight tensor by name, as of `tlstudy.networks.build.layer_kinds`.
    """
    if rescaling.factor == 1:
        return
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if _is_in(kinds[name], rescaling):
                weight.mul_(rescaling.factor)
        for module in network.modules():
            if rescaling.running_statistics == "rescaled" and isinstance(module, _BatchNorm):
                module.running_mean.mul_(rescaling.factor)
                module.running_var.mul_(rescaling.factor**2)


def learning_rate_factors(kinds: dict[str, str], rescaling: Rescaling) -> list[float]:
    """Each weight tensor's learning rate over the optimiser's, in the order of the kinds."""
    return [
        rescaling.learning_rate_factor if _is_in(kind, rescaling) else 1.0
        for kind in kinds.values()
    ]
