"""Importing what takes seconds, as fast as it goes."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def slow_imports() -> Iterator[None]:
    """Import without looking for garbage, which starts afterwards as it would have.

    PyTorch's modules make hundreds of thousands of objects and next to no garbage: looking for
    some all the while takes a sixth of the import.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
