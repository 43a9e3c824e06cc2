"""Two of the same at once: both end well with the right result, or one is refused."""

import os
import signal
import time
from pathlib import Path

from study_folder import wait_until

from faults.case import Case, Ending, Surroundings, assert_told_by_snakemake
from faults.process import finished
from faults.tiny_study import KEPT, WRITES, Place, weights_in
from tlstudy.config.targets import MNIST
from tlstudy.data.download import sha256
from tlstudy.jobs import paths

TIMES = {"subset": 3, "train": 4, "landscape": 2, "aggregate": 3, "claims": 3}


def _both(at: Surroundings, place: Place, step: str) -> None:
    """Two processes of a step, the second at once or within a second."""
    first = place.start(step)
    time.sleep(at.generator.choice((0, at.generator.uniform(0, 1))))
    place.logs = at.folder  # the other's log would be written over
    second = place.start(step)
    first.succeed()
    second.succeed()


def _step(at: Surroundings, step: str) -> Ending:
    place = at.tiny.finished_place(at.folder / "place").without(step)
    _both(at, place, step)
    if step == "train":  # the one of the other arm was removed as well
        place.start("train", "new").succeed()
    at.tiny.assert_same_results(place, WRITES[step])
    assert not list(place.results.rglob(".*")), "a temporary file stayed"
    return Ending.RESULT


def _cold_cache(at: Surroundings, step: str) -> Ending:
    """Two processes that fill one cache with images or with weights."""
    cache = at.folder / "cache"
    at.tiny.place_raw_images(cache)
    _both(at, at.tiny.place(at.folder / "place", cache), step)
    if step == "images":
        for file in paths.image_files(at.tiny.cache, MNIST):
            assert sha256(cache / "mnist" / file.name) == sha256(file)
    else:
        cached, expected = weights_in(cache).parent, at.tiny.cached_weights.parent
        for name in ("weights.safetensors", "record.json"):
            assert (cached / name).read_bytes() == (expected / name).read_bytes()
    assert not list(cache.rglob(".*")), "a temporary file stayed"
    return Ending.RESULT


def _workflows(at: Surroundings, names: tuple[str, str]) -> Ending:
    """Two workflows with a cache that is cold: in one folder the second is refused."""
    cache = at.tiny.cold_cache(at.folder)
    first, second = (at.tiny.place(at.folder / name, cache) for name in names)
    process, locks = first.start_workflow(), first.folder / ".snakemake" / "locks"
    try:
        if first.folder == second.folder:
            wait_until(lambda: has_files(locks), "the first one's lock")
            assert_told_by_snakemake(second.workflow(), ["Directory cannot be locked"])
        else:
            _assert_right(at, second, second.workflow())
        _assert_right(at, first, finished(process))
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return Ending.SENTENCE if first.folder == second.folder else Ending.RESULT


def has_files(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _assert_right(at: Surroundings, place: Place, ended) -> None:
    assert ended.status == 0, ended.text
    at.tiny.assert_same_results(place, KEPT)


CASES = [
    Case(
        f"{step} ({count + 1})",
        _step,
        (step,),
        slow=step in ("train", "landscape") or count > 0,
    )
    for step, times in TIMES.items()
    for count in range(times)
]
CASES += [
    Case(f"{step} into a cache ({count + 1})", _cold_cache, (step,), slow=count > 0)
    for step in ("images", "weights")
    for count in range(3)
]
CASES += [
    Case("two workflows in a folder", _workflows, (("one", "one"),)),
    Case("two workflows with a cold cache", _workflows, (("one", "two"),)),
]
