"""torchvision's residual networks, with the stride where the weights expect it."""

import torchvision
from torch import nn
from torchvision.models.resnet import Bottleneck

from tlstudy.errors import UserError


def build_classifier(architecture: str, stride_on: str, outputs: int = 1000) -> nn.Module:
    """A randomly initialised network.

    Args:
        stride_on: 3x3 or 1x1, the convolution of a bottleneck that carries its stride. He et
            al. 2015 have it on the first 1x1, torchvision on the 3x3; the weights have the same
            shapes either way, and mean different functions.

    Raises:
        UserError: 1x1, and the architecture has no bottlenecks.
    """
    network = torchvision.models.get_model(architecture, num_classes=outputs)
    if stride_on == "1x1":
        bottlenecks = [block for block in network.modules() if isinstance(block, Bottleneck)]
        if not bottlenecks:
            raise UserError(
                f"stride_on: found 1x1; must be 3x3 for {architecture}, which has no bottlenecks."
            )
        for block in bottlenecks:
            block.conv1.stride, block.conv2.stride = block.conv2.stride, (1, 1)
    return network
