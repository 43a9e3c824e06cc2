"""The network that a run starts from."""

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from tlstudy.config.training import Training
from tlstudy.networks.architecture import build_classifier, head_of, load_state, new_head
from tlstudy.networks.pretrained import PretrainedWeights
from tlstudy.networks.rescaling import rescale
from tlstudy.storage.errors import UserError
from tlstudy.storage.randomness import Stream, derived_seed

KINDS = {
    _BatchNorm: "batchnorm",
    nn.LayerNorm: "layernorm",
    nn.GroupNorm: "groupnorm",
    nn.Linear: "inner-linear",
    nn.MultiheadAttention: "inner-linear",
}


def initial_network(training: Training, seed: int, weights: PretrainedWeights | None) -> nn.Module:
    """Build the network before training, on the processor.

    The head depends on the seed alone, so arms share it, up to a rescaling. So does a random body.

    Args:
        weights: what the network is built for and starts from; None: as torchvision builds it,
            with random weights.

    Raises:
        UserError: the weights are of other shapes, as of images of another side.
    """
    stride_on = stride_of(weights)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(seed, Stream.BODY))
        network = build_classifier(training.architecture, stride_on, image_size=training.image_size)
        name = head_of(network, outputs=1000)
        head = network.get_submodule(name)
        if weights and weights.state is not None:
            state = weights.state.items()
            body = {key: value for key, value in state if not key.startswith(f"{name}.")}
            network.set_submodule(name, nn.Identity())
            _load(network, body, training)
        torch.manual_seed(derived_seed(seed, Stream.HEAD))
        network.set_submodule(name, new_head(head, training.target.outputs))
    rescale(network, layer_kinds(network), training.rescaling)
    return network


def stride_of(weights: PretrainedWeights | None) -> str:
    """3x3 or 1x1: the convolution of a bottleneck that carries its stride."""
    return weights.stride_on if weights else "3x3"


def _load(network: nn.Module, body: dict[str, torch.Tensor], training: Training) -> None:
    try:
        load_state(network, body)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise UserError(
            f"weights '{training.initialisation}': are not those of {training.architecture} for "
            f"images of {training.image_size} pixels a side ({reason})."
        ) from None


def layer_kinds(network: nn.Module) -> dict[str, str]:
    """Kind of every weight tensor, by name, in the order of the network's parameters.

    The last layer's are linear-weight and linear-bias, also where it is a convolution; those of
    linear layers before it are inner-linear-weight and inner-linear-bias. What is no layer of
    PyTorch's, such as a token or a position, is other.
    """
    kinds, head = {}, _head(network)
    for name, module in network.named_modules():
        for parameter, _ in module.named_parameters(recurse=False):
            kind = f"linear-{parameter}" if name == head else _kind(name, module, parameter)
            kinds[f"{name}.{parameter}".lstrip(".")] = kind
    return {name: kinds[name] for name, _ in network.named_parameters()}


def _head(network: nn.Module) -> str | None:
    try:
        return head_of(network)
    except UserError:  # a part of a network
        return None


def _kind(name: str, module: nn.Module, parameter: str) -> str:
    if isinstance(module, _ConvNd):
        if parameter == "bias":
            return "convolution-bias"
        return "downsample" if "downsample" in name else "convolution"
    # An attention's layer for queries, keys and values is in_proj_weight and in_proj_bias.
    parameter = parameter.removeprefix("in_proj_")
    named = (kind for layer, kind in KINDS.items() if isinstance(module, layer))
    kind = next(named, "") if parameter in ("weight", "bias") else ""
    return f"{kind}-{parameter}" if kind else "other"
