"""Faster imports of large libraries."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def slow_imports() -> Iterator[None]:
    """Import without garbage collection.

    PyTorch's modules make hundreds of thousands of objects and hardly any garbage. Looking for
    garbage takes a sixth of the import's time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
