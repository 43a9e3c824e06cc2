"""Pretrained weights: fetched once, kept as safetensors beside a record, never unpickled."""

import logging
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tlstudy.config.architectures import HE2015, WITH_AUXILIARY
from tlstudy.config.settings import WeightsSource
from tlstudy.data.download import Unreachable, first_that_works
from tlstudy.networks.pretrained import PretrainedWeights, State
from tlstudy.networks.weight_sources import HE2015_BY_HAND, USUAL_SIDE, read_source
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

# Of DataParallel and DistributedDataParallel, and of torch.compile.
WRAPPERS = ("module.", "_orig_mod.")
BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


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
            partial(read_source, source, architecture, downloads),
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

    from tlstudy.networks.architecture import build_without_values, head_of

    state = _renamed(_unwrapped(state, name), architecture)
    side = side or _side_told_by(state)
    network = build_without_values(architecture, stride_on, image_size=side)
    expected, head = network.state_dict(), f"{head_of(network, outputs=1000)}."
    # BatchNorm's counter came later than some of torchvision's files, and changes nothing.
    counters = {key: torch.tensor(0) for key in expected if key.endswith("num_batches_tracked")}
    state = counters | dict(state)
    for key in [*expected, *(key for key in state if key not in expected)]:
        problem = _problem(key, state.get(key), expected.get(key), key.startswith(head))
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


def _problem(key: str, found: Any, expected: Any, in_head: bool) -> str:
    if expected is None:
        return "does not belong to it, must not be there"
    if found is None:
        return "is missing"
    # The last layer is replaced, so it may have been trained on any number of classes.
    if found.shape[in_head:] != expected.shape[in_head:] or found.dim() != expected.dim():
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
