"""Networks, stages and layers in words."""

import re

from tlstudy.config.architectures import PYTHON, TIMM, python_parts

RESNETS = {f"resnet{depth}": f"ResNet-{depth}" for depth in (18, 34, 50, 101, 152)}
# Names of containers and of what is in them, which tell stages not apart.
CONTAINERS = ("features", "encoder", "layers", "blocks", "trunk_output")
STAGE_PREFIXES = ("encoder_layer_", "layer")


def network_name(architecture: str) -> str:
    """ResNet-50; others by the name under which they are configured."""
    if architecture.startswith(PYTHON):
        module, function, _ = python_parts(architecture)
        return f"{module}:{function}"
    if architecture.startswith(TIMM):
        return f"timm/{architecture.removeprefix(TIMM)}"
    return RESNETS.get(architecture, architecture)


def stage_label(name: str) -> str:
    """A stage, or the stage of a layer, as short as axes need it: layer3 and features.3 are 3."""
    parts = [part for part in name.split(".") if part not in CONTAINERS] or [name]
    for prefix in STAGE_PREFIXES:
        number = parts[0].removeprefix(prefix)
        if number.isdigit():
            return number
    return parts[0]


def stage_words(stage: str) -> str:
    """A stage in a sentence: stage 3, last layer."""
    known = {"head": "last layer", "encoder": "all before the last layer", "stem": "stem"}
    return known.get(stage) or f"stage {stage_label(stage)}"


def layer_name(layer: str) -> str:
    """A tensor's place in words: fc.weight is the last layer, layer1.0.conv2 stage 1, block 1."""
    parts = layer.split(".")
    if parts[0] == "fc":
        return f"last layer\u2019s {'biases' if parts[-1] == 'bias' else 'weights'}"
    if parts[0] in ("bn1", "conv1"):
        return "first BatchNorm" if parts[0] == "bn1" else "first convolution"
    if not re.fullmatch(r"layer\d+\.\d+\.(conv\d|bn\d|downsample\.\d)\.\w+", layer):
        return layer
    kind = "BatchNorm" if parts[2].startswith("bn") else "convolution"
    kind = "downsampling" if "downsample" in parts else f"{kind} {parts[2][-1]}"
    return f"stage {parts[0][-1]}, block {int(parts[1]) + 1}, {kind}"
