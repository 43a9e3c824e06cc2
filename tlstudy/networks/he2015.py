"""The weights of He et al. 2015 converted from TensorFlow.js to torchvision's ResNet-50.

They were trained in Caffe and converted by Keras. The network computes the same function here.
Three differences are folded into BatchNorm and the first convolution, in float64: convolutions
have biases there; BatchNorm's epsilon is 1e-3 there and 1e-5 here; inputs are BGR from 0 to 255
minus a mean there, and RGB in torchvision's normalisation here.

The scale of a convolution before BatchNorm is free. Made for pixels up to 255, the first one would
have 83 % of the squared norm of all weights, and Adam, whose steps have the same length whatever
the scale, could hardly turn it. Divided by `FIRST_SCALE`, a power of two, no digit of it changes,
and the variances before its BatchNorm, in which epsilon is small, have a median near 1.
"""

import json
import math
from collections.abc import Mapping

import numpy as np
import torch

from tlstudy.config.fields import IMAGENET_MEAN, IMAGENET_STD

BLOCKS = {2: "abc", 3: "abcd", 4: "abcdef", 5: "abc"}
BRANCHES = {
    "2a": ("conv1", "bn1"),
    "2b": ("conv2", "bn2"),
    "2c": ("conv3", "bn3"),
    "1": ("downsample.0", "downsample.1"),
}
KERAS_EPSILON, TORCH_EPSILON = 1e-3, 1e-5
FIRST_SCALE = 64
CAFFE_MEAN_RGB = np.array([123.68, 116.779, 103.939])


def shard_names(model: bytes) -> list[str]:
    """Names of the shards that a `model.json` lists."""
    return [path for group in json.loads(model)["weightsManifest"] for path in group["paths"]]


def read_layers_format(model: bytes, shards: Mapping[str, bytes]) -> dict[str, np.ndarray]:
    """Tensors by name from a TensorFlow.js `model.json` and its shards, all of them float32."""
    tensors = {}
    for group in json.loads(model)["weightsManifest"]:
        data, offset = b"".join(shards[path] for path in group["paths"]), 0
        for entry in group["weights"]:
            count = math.prod(entry["shape"])
            values = np.frombuffer(data, "<f4", count, offset)
            tensors[entry["name"]] = values.reshape(entry["shape"])
            offset += 4 * count
    return tensors


def convert(source: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """State dictionary of torchvision's resnet50, strides on the first 1x1 convolutions."""
    state: dict[str, np.ndarray] = {}
    state |= _convolution(source, "conv1", "bn_conv1", "conv1", "bn1")
    for number, blocks in BLOCKS.items():
        for index, block in enumerate(blocks):
            for branch, (convolution, batchnorm) in BRANCHES.items():
                name = f"{number}{block}_branch{branch}"
                if f"res{name}/kernel" in source:
                    prefix = f"layer{number - 1}.{index}."
                    state |= _convolution(
                        source, f"res{name}", f"bn{name}", prefix + convolution, prefix + batchnorm
                    )
    _take_normalised_rgb(state)
    _divide_first_convolution(state)
    state["fc.weight"] = source["fc1000/kernel"].T
    state["fc.bias"] = source["fc1000/bias"]
    return {
        name: torch.from_numpy(np.array(values, dtype=np.float32, order="C"))
        for name, values in state.items()
    }


def _convolution(
    source: Mapping[str, np.ndarray], keras: str, keras_batchnorm: str, name: str, batchnorm: str
) -> dict[str, np.ndarray]:
    """One convolution with its BatchNorm: bias and epsilon go into the running statistics."""
    kernel = source[f"{keras}/kernel"].astype(np.float64)
    statistics = {
        part: source[f"{keras_batchnorm}/{part}"].astype(np.float64)
        for part in ("gamma", "beta", "moving_mean", "moving_variance")
    }
    return {
        f"{name}.weight": kernel.transpose(3, 2, 0, 1),  # height, width, in, out
        f"{batchnorm}.weight": statistics["gamma"],
        f"{batchnorm}.bias": statistics["beta"],
        f"{batchnorm}.running_mean": statistics["moving_mean"] - source[f"{keras}/bias"],
        f"{batchnorm}.running_var": statistics["moving_variance"] + KERAS_EPSILON - TORCH_EPSILON,
    }


def _divide_first_convolution(state: dict[str, np.ndarray]) -> None:
    """Divide it by `FIRST_SCALE`; BatchNorm's running statistics and epsilon go along."""
    state["conv1.weight"] = state["conv1.weight"] / FIRST_SCALE
    state["bn1.running_mean"] = state["bn1.running_mean"] / FIRST_SCALE
    variance = (state["bn1.running_var"] + TORCH_EPSILON) / FIRST_SCALE**2
    state["bn1.running_var"] = variance - TORCH_EPSILON


def _take_normalised_rgb(state: dict[str, np.ndarray]) -> None:
    """Let the first layer take (RGB / 255 - mean) / std for BGR - Caffe's mean.

    With v the new input, the old one is 255 (std v + mean) - Caffe's mean in each channel: the
    scale goes into the kernel, the constant through the kernel's sum into the running mean.
    At the border, which is padded with zeros, this is off by less than 0.5 of 255.
    """
    kernel = state["conv1.weight"][:, ::-1]  # BGR to RGB
    constant = 255 * np.array(IMAGENET_MEAN) - CAFFE_MEAN_RGB
    shift = (kernel.sum(axis=(2, 3)) * constant).sum(axis=1)
    state["conv1.weight"] = kernel * (255 * np.array(IMAGENET_STD)).reshape(1, 3, 1, 1)
    state["bn1.running_mean"] = state["bn1.running_mean"] - shift
