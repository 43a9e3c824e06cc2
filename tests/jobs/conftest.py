"""Results of a small study, as tests of what becomes of results need them."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def original(small_results) -> Path:
    """Results of a small study, away from its cache, which lies beside them as `aside`."""
    return small_results.folder


@pytest.fixture
def moved(original, tmp_path) -> Path:
    """A copy in another place, which a test may damage."""
    return shutil.copytree(original, tmp_path / "elsewhere" / "small")
