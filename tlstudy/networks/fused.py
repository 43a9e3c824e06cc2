"""Faster evaluation of residual networks on a processor.

BatchNorm is folded into the convolution before it, and oneDNN adds the shortcut and applies ReLU
while it writes a convolution's outputs: this saves passes over memory.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights
from torchvision.models import ResNet
from torchvision.models.resnet import BasicBlock, Bottleneck

WIDE_VECTORS = ("AVX2", "AVX512")  # processors on which it was tried
Forward = Callable[[torch.Tensor], torch.Tensor]
# Private operations of PyTorch, which another version or build may not have.
_convolve = getattr(torch.ops.mkldnn, "_convolution_pointwise", None)
_has_bfloat16 = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)


@dataclass(frozen=True)
class Convolution:
    """A convolution with the BatchNorm after it folded in.

    Attributes:
        weight: (outputs, inputs, height, width), in the precision that it computes in.
        geometry: padding, stride, dilation, groups.
    """

    weight: torch.Tensor
    bias: torch.Tensor
    geometry: tuple

    def __call__(self, values: torch.Tensor, then: str = "none") -> torch.Tensor:
        """Outputs, after `then`: none or relu."""
        return _convolve(values, self.weight, self.bias, *self.geometry, then, [], "")

    def add(self, values: torch.Tensor, shortcut: torch.Tensor) -> torch.Tensor:
        """ReLU of the sum of the outputs and the shortcut."""
        rest = ("add", 1.0, "relu", [], "")
        return _convolve.binary(values, shortcut, self.weight, self.bias, *self.geometry, *rest)


def can_be_fused(network: nn.Module) -> bool:
    """Whether it is torchvision's residual network on a processor that can do it.

    A user's own function may give one whose parts differ anywhere: only one that
    `architecture.build_classifier` had from torchvision is known, and nothing changes its parts
    afterwards. A network whose weights are not all finite is not fused: oneDNN's ReLU makes 0 of
    NaN.
    """
    return (
        type(network) is ResNet
        and getattr(network, "is_torchvisions", False)
        and computes_in(precision_now())
        and network.fc.weight.device.type == "cpu"
        and network.fc.weight.dtype == torch.float32
        and all(value.isfinite().all() for value in network.state_dict().values())
    )


def precision_now() -> torch.dtype:
    """What convolutions compute in on a processor."""
    return torch.bfloat16 if torch.is_autocast_enabled("cpu") else torch.float32


def computes_in(precision: torch.dtype) -> bool:
    """Whether this processor and PyTorch have what it takes."""
    if _convolve is None or not torch.backends.mkldnn.is_available():
        return False
    if precision == torch.bfloat16:
        return _has_bfloat16 is not None and _has_bfloat16()
    return torch.backends.cpu.get_cpu_capability() in WIDE_VECTORS


def _blocks(network: ResNet) -> list[nn.Module]:
    stages = (network.layer1, network.layer2, network.layer3, network.layer4)
    return [block for stage in stages for block in stage]


def fused(network: ResNet) -> Forward:
    """A network in evaluation mode as a function, with its present weights and statistics.

    Returns:
        From inputs (N, 3, H, W) to logits (N, outputs); the last layer is in float32.
    """
    precision = precision_now()
    stem = _folded(network.conv1, network.bn1, precision)
    blocks = [_block(block, precision) for block in _blocks(network)]

    def forward(inputs: torch.Tensor) -> torch.Tensor:
        values = network.maxpool(stem(inputs.to(precision), "relu"))
        for block in blocks:
            values = block(values)
        return network.fc(network.avgpool(values.float()).flatten(1))

    return forward


def _block(block: BasicBlock | Bottleneck, precision: torch.dtype) -> Forward:
    *inner, last = (
        _folded(getattr(block, f"conv{number}"), getattr(block, f"bn{number}"), precision)
        for number in ((1, 2) if isinstance(block, BasicBlock) else (1, 2, 3))
    )
    shortcut = block.downsample and _folded(*block.downsample, precision)

    def forward(inputs: torch.Tensor) -> torch.Tensor:
        values = inputs
        for convolution in inner:
            values = convolution(values, "relu")
        return last.add(values, shortcut(inputs) if shortcut else inputs)

    return forward


def _folded(convolution: nn.Conv2d, norm: nn.BatchNorm2d, precision: torch.dtype) -> Convolution:
    weight, bias = fuse_conv_bn_weights(
        convolution.weight,
        convolution.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
    )
    weight = weight.detach().to(precision, memory_format=torch.channels_last)
    geometry = (
        list(convolution.padding),
        list(convolution.stride),
        list(convolution.dilation),
        convolution.groups,
    )
    return Convolution(weight, bias.detach().to(precision), geometry)
