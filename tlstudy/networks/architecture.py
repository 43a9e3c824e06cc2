"""Networks by name: how they are built, and where their last layer is."""

from collections import OrderedDict
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module

import torch
import torchvision
from torch import nn
from torchvision.models.resnet import Bottleneck

from tlstudy.config.architecture_setting import digest_of_module
from tlstudy.config.architectures import PYTHON, TIMM, WITH_AUXILIARY, python_parts
from tlstudy.networks.batchnorm import make_exact
from tlstudy.storage.errors import UserError


def _without_autocast(values: torch.Tensor) -> AbstractContextManager:
    kind = values.device.type
    return nullcontext() if kind == "meta" else torch.autocast(kind, enabled=False)


class Float32Linear(nn.Linear):
    """A linear layer outside autocast: logits in bfloat16 would carry three digits only."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        with _without_autocast(features):
            return super().forward(features.float())


class Float32Conv2d(nn.Conv2d):
    """The same of a convolution, where that is a network's last layer."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        with _without_autocast(features):
            return super().forward(features.float())


def build_classifier(
    architecture: str, stride_on: str, outputs: int = 1000, image_size: int = 224
) -> nn.Module:
    """A randomly initialised network, with exact BatchNorm.

    Args:
        architecture: as `tlstudy.config.architecture_setting.Architecture` has it.
        stride_on: 3x3 or 1x1, the convolution of a bottleneck that carries its stride. He et
            al. 2015 have it on the first 1x1, torchvision on the 3x3; the weights have the same
            shapes either way, and mean different functions.
        image_size: side of the images, for networks that are built for one.

    Raises:
        UserError: 1x1, and the architecture has no bottlenecks; or it cannot be built.
    """
    if architecture.startswith(PYTHON):
        network = _own(architecture, outputs)
    elif architecture.startswith(TIMM):
        network = _timm(architecture.removeprefix(TIMM), outputs, image_size)
    else:
        network = _torchvision(architecture, outputs, image_size)
    if stride_on == "1x1":
        bottlenecks = [block for block in network.modules() if isinstance(block, Bottleneck)]
        if not bottlenecks:
            raise UserError(
                f"stride_on: found 1x1; must be 3x3 for {architecture}, which has no bottlenecks."
            )
        for block in bottlenecks:
            block.conv1.stride, block.conv2.stride = block.conv2.stride, (1, 1)
    make_exact(network)
    return network


def build_without_values(
    architecture: str, stride_on: str, outputs: int = 1000, image_size: int = 224
) -> nn.Module:
    """The same on the meta device, where tensors have shapes and no values."""
    with torch.random.fork_rng(devices=[]):
        try:
            with torch.device("meta"):
                return build_classifier(architecture, stride_on, outputs, image_size)
        except NotImplementedError:  # some compute their shapes with tensors
            return build_classifier(architecture, stride_on, outputs, image_size).to("meta")


def _torchvision(name: str, outputs: int, image_size: int) -> nn.Module:
    options = {"num_classes": outputs}
    if name.startswith("vit_"):
        options["image_size"] = image_size
    elif name == "maxvit_t":
        options["input_size"] = (image_size, image_size)
    elif name in WITH_AUXILIARY:
        # torchvision's weights want inputs from -1 to 1. With `transform_input` the network makes
        # them of inputs normalised by ImageNet's mean and std. New networks do the same.
        options |= {"aux_logits": False, "transform_input": True, "init_weights": True}
    network = torchvision.models.get_model(name, **options)
    network.is_torchvisions = True  # `fused` asks for it: all parts are known
    return network


def _timm(name: str, outputs: int, image_size: int) -> nn.Module:
    timm = import_module("timm")
    fixed = timm.get_pretrained_cfg(name).fixed_input_size
    side = {"img_size": image_size} if fixed else {}
    return timm.create_model(name, num_classes=outputs, **side)


def _own(architecture: str, outputs: int) -> nn.Module:
    module, function, digest = python_parts(architecture)
    if digest_of_module(module) != digest:
        raise UserError(
            f"architecture: the code of '{module}' is not what it was when the study was read; "
            "start the workflow again."
        )
    network = getattr(import_module(module), function)(num_classes=outputs)
    if not isinstance(network, nn.Module):
        raise UserError(
            f"architecture: {module}:{function} gave {type(network).__name__}; must give a "
            "torch.nn.Module."
        )
    return network


def head_of(network: nn.Module, outputs: int | None = None) -> str:
    """Name of the last layer: the last linear one, or convolution, with so many outputs.

    Args:
        outputs: None for a network that has its new head already, or for any number.

    Raises:
        UserError: there is none.
    """
    new = [name for name, layer in network.named_modules() if _is_new_head(layer)]
    if outputs is None and new:
        return new[-1]
    for kind in (nn.Linear, nn.Conv2d):
        found = [
            name
            for name, layer in network.named_modules()
            if isinstance(layer, kind) and outputs in (None, len(layer.weight))
        ]
        if found:
            return found[-1]
    raise UserError(
        f"architecture: found no last linear layer or convolution with {outputs} outputs; a "
        "network must end in one."
    )


def _is_new_head(layer: nn.Module) -> bool:
    return isinstance(layer, Float32Linear | Float32Conv2d)


def new_head(old: nn.Module, outputs: int) -> nn.Module:
    """A layer like the old head, with other outputs, weights as PyTorch initialises them."""
    if isinstance(old, nn.Conv2d):
        shape = {"stride": old.stride, "padding": old.padding, "bias": old.bias is not None}
        return Float32Conv2d(old.in_channels, outputs, old.kernel_size, **shape)
    return Float32Linear(old.in_features, outputs, bias=old.bias is not None)


def load_state(network: nn.Module, state: Mapping[str, torch.Tensor]) -> None:
    """Load tensors by name, all of them and no others."""
    known = OrderedDict(state)
    # Some networks look for the version of their format, which is in no file of tensors.
    known._metadata = network.state_dict()._metadata
    network.load_state_dict(known, strict=True)
