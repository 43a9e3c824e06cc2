"""The network that a run starts from."""

import torch
import torchvision
from torch import nn
from torchvision.models.resnet import Bottleneck

from tlstudy.config.settings import Training
from tlstudy.networks.batchnorm import BatchNorm2d
from tlstudy.networks.pretrained import PretrainedWeights
from tlstudy.networks.rescaling import rescale
from tlstudy.storage.errors import UserError
from tlstudy.storage.randomness import Stream, derived_seed


def build_classifier(architecture: str, stride_on: str, outputs: int = 1000) -> nn.Module:
    """A randomly initialised network.

    Args:
        stride_on: 3x3 or 1x1, the convolution of a bottleneck that carries its stride. He et
            al. 2015 have it on the first 1x1, torchvision on the 3x3; the weights have the same
            shapes either way, and mean different functions.

    Raises:
        UserError: 1x1, and the architecture has no bottlenecks.
    """
    network = torchvision.models.get_model(
        architecture, num_classes=outputs, norm_layer=BatchNorm2d
    )
    if stride_on == "1x1":
        bottlenecks = [block for block in network.modules() if isinstance(block, Bottleneck)]
        if not bottlenecks:
            raise UserError(
                f"stride_on: found 1x1; must be 3x3 for {architecture}, which has no bottlenecks."
            )
        for block in bottlenecks:
            block.conv1.stride, block.conv2.stride = block.conv2.stride, (1, 1)
    return network


class Float32Linear(nn.Linear):
    """A linear layer outside autocast: logits in bfloat16 would carry three digits only."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        with torch.autocast(features.device.type, enabled=False):
            return super().forward(features.float())


def initial_network(training: Training, seed: int, weights: PretrainedWeights | None) -> nn.Module:
    """Build the network before training, on the processor.

    The head depends on the seed alone, so arms share it, up to a rescaling. So does a random body.

    Args:
        weights: None for random ones.
    """
    stride_on = weights.stride_on if weights else "3x3"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(seed, Stream.BODY))
        network = build_classifier(training.architecture, stride_on)
        features = network.fc.in_features
        if weights:
            body = {key: value for key, value in weights.state.items() if not key.startswith("fc.")}
            network.fc = nn.Identity()
            network.load_state_dict(body, strict=True)
        torch.manual_seed(derived_seed(seed, Stream.HEAD))
        network.fc = Float32Linear(features, training.target.outputs)
    rescale(network, layer_kinds(network), training.rescaling)
    return network


def layer_kinds(network: nn.Module) -> dict[str, str]:
    """Kind of every weight tensor, by name, in the order of the network's parameters."""
    kinds = {}
    for name, module in network.named_modules():
        for parameter, _ in module.named_parameters(recurse=False):
            kind = f"{'linear' if isinstance(module, nn.Linear) else 'batchnorm'}-{parameter}"
            if isinstance(module, nn.Conv2d):
                kind = "downsample" if "downsample" in name else "convolution"
            kinds[f"{name}.{parameter}"] = kind
    return {name: kinds[name] for name, _ in network.named_parameters()}
