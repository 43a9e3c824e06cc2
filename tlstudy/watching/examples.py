"""Fingerprints of examples: which of them a network was given, in bounded memory."""

import random
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from tlstudy.watching.seen import MOST

ELEMENTS = 512  # of each example: enough to tell images apart, little to copy


def tensors_in(value: Any, depth: int = 4) -> Iterator[torch.Tensor]:
    """All tensors in nested lists, tuples, mappings, and objects that hold some."""
    if isinstance(value, torch.Tensor):
        yield value
    elif depth and not isinstance(value, str | bytes | torch.nn.Module):
        parts: Iterable = ()
        if isinstance(value, Mapping):
            parts = value.values()
        elif isinstance(value, list | tuple):
            parts = value
        elif hasattr(value, "__dict__"):
            parts = vars(value).values()
        for part in parts:
            yield from tensors_in(part, depth - 1)


def input_of(arguments: Any) -> torch.Tensor | None:
    """The batch among the arguments of a network: the first with more than one dimension."""
    found = [tensor for tensor in tensors_in(arguments) if tensor.dim() > 0]
    return next((tensor for tensor in found if tensor.dim() > 1), found[0] if found else None)


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


def fingerprints_of(images: Any) -> set[int]:
    """Fingerprints of a tensor (N, ...), of a data set, or of the batches of a loader."""
    if isinstance(images, torch.Tensor):
        return set(fingerprints(images))
    found: set[int] = set()
    with same_random_numbers():
        is_one_by_one = isinstance(images, torch.utils.data.Dataset)
        batches = map(images.__getitem__, range(len(images))) if is_one_by_one else images
        for batch in batches:
            tensor = input_of(batch)
            if tensor is not None and len(found) < MOST:
                found.update(fingerprints(tensor[None] if is_one_by_one else tensor))
    return found


@contextmanager
def same_random_numbers() -> Iterator[None]:
    """Leave the random numbers of Python, NumPy and torch as they were: a loader draws some."""
    python, numpy = random.getstate(), sys.modules.get("numpy")
    drawn = numpy.random.get_state() if numpy else None
    with torch.random.fork_rng():
        yield
    random.setstate(python)
    if numpy:
        numpy.random.set_state(drawn)
