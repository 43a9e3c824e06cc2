"""Fingerprints of examples: which of them a network was given, in bounded memory."""

import random
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from tlstudy.watching.seen import MOST

LABELS = ("label", "labels", "target", "targets")  # not given in every call, so left out by name
MOST_TENSORS = 8  # of a call: to copy more would take time
ELEMENTS = 512  # of each example: enough to tell images apart, little to copy


def tensors_in(value: Any, depth: int = 4, inputs: bool = False) -> Iterator[torch.Tensor]:
    """All tensors in nested lists, tuples, mappings, and objects that hold some.

    inputs: leave out what a mapping calls labels.
    """
    if isinstance(value, torch.Tensor):
        yield value
    elif depth and not isinstance(value, str | bytes | torch.nn.Module):
        parts: Iterable = ()
        if isinstance(value, Mapping):
            parts = [part for name, part in value.items() if not (inputs and name in LABELS)]
        elif isinstance(value, list | tuple):
            parts = value
        elif hasattr(value, "__dict__"):
            parts = vars(value).values()
        for part in parts:
            yield from tensors_in(part, depth - 1, inputs)


def input_of(arguments: Any) -> torch.Tensor | None:
    """The batch among the arguments of a network: the first with more than one dimension."""
    found = [tensor for tensor in tensors_in(arguments) if tensor.dim() > 0]
    return next((tensor for tensor in found if tensor.dim() > 1), found[0] if found else None)


def tensors_of_examples(arguments: Any) -> list[torch.Tensor]:
    """All tensors among the arguments of a network with a row for each example, but labels."""
    batch = input_of(arguments)
    size = len(batch) if batch is not None else 0
    found = tensors_in(arguments, inputs=True)
    return [one for one in found if one.dim() and len(one) == size][:MOST_TENSORS]


def joint_fingerprints(tensors: list[torch.Tensor]) -> list[int]:
    """A number for each example, of its rows in all tensors; see `fingerprints`."""
    if len(tensors) == 1:
        return fingerprints(tensors[0])
    return [hash(rows) for rows in zip(*map(fingerprints, tensors), strict=False)]


@torch.no_grad()
def fingerprints(batch: torch.Tensor) -> list[int]:
    """A number for each example (B, ...), the same wherever the example comes again.

    It is made of elements as they are, since a sum could depend on the place in the batch. Zeros
    at the end do not count, so that a padded text stays the same.
    """
    if batch.dim() == 0 or batch.is_sparse or batch.numel() == 0:
        return []
    rows = batch.detach().reshape(len(batch), -1)
    width = rows.shape[1]
    if width > ELEMENTS:
        places = torch.arange(ELEMENTS, device=rows.device) * width // ELEMENTS
        rows = rows[:, places]
    if rows.dtype == torch.bfloat16:  # NumPy has no such type
        rows = rows.float()
    return [hash(row.tobytes().rstrip(b"\0")) for row in rows.cpu().contiguous().numpy()]


def fingerprints_of(images: Any, tensors: int) -> set[int]:
    """Fingerprints of a tensor (N, ...), of a data set, or of the batches of a loader.

    tensors: how many the network gets of an example; labels may come after them.
    """
    if isinstance(images, torch.Tensor):
        return set(fingerprints(images))
    found: set[int] = set()
    with same_random_numbers():
        is_one_by_one = isinstance(images, torch.utils.data.Dataset)
        has_places = is_one_by_one and not isinstance(images, torch.utils.data.IterableDataset)
        batches = map(images.__getitem__, range(len(images))) if has_places else images
        for batch in batches:
            if is_one_by_one:
                rows = [one[None] for one in tensors_in(batch, inputs=True)]
            else:
                rows = tensors_of_examples(batch)
            if rows:
                found.update(joint_fingerprints(rows[:tensors]))
            if len(found) >= MOST:
                break
    return found


@contextmanager
def same_random_numbers() -> Iterator[None]:
    """Leave the random numbers of Python, NumPy and torch as they were: a loader draws some."""
    python, numpy = random.getstate(), sys.modules.get("numpy")
    drawn = numpy.random.get_state() if numpy else None
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(python)
        if numpy:
            numpy.random.set_state(drawn)
