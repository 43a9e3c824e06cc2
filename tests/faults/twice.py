"""Two of the same at once: both end well with the right result, or one is refused."""

import os
import shutil
import signal
import time

from study_folder import wait_until

from faults.case import Case, Ending, Surroundings, assert_told_by_snakemake
from faults.process import Running, finished
from faults.tiny_study import KEPT, WRITES, Place, weights_in
from tlstudy.data.download import sha256
from tlstudy.data.images import CHECKSUMS

TIMES = {"subset": 3, "train": 4, "landscape": 2, "aggregate": 3, "claims": 3}


def _both(at: Surroundings, place: Place, stage: str) -> None:
    """Two processes of a stage, the second at once or within a second."""
    first = place.start(stage)
    time.sleep(at.generator.choice((0, at.generator.uniform(0, 1))))
    place.logs = at.folder  # the other's log would be written over
    second = place.start(stage)
    first.succeed()
    second.succeed()


def _stage(at: Surroundings, stage: str) -> Ending:
    place = at.tiny.finished_place(at.folder / "place").without(stage)
    _both(at, place, stage)
    if stage == "train":  # the one of the other arm was removed as well
        place.start("train", "new").succeed()
    at.tiny.assert_same_results(place, WRITES[stage])
    assert not list(place.results.rglob(".*")), "a temporary file stayed"
    return Ending.RESULT


def _images(at: Surroundings) -> Ending:
    """Two processes that fill one cache with images."""
    cache = at.folder / "cache"
    cache.mkdir()
    shutil.copytree(at.tiny.images, cache / "downloads")
    arguments = ["images", "--cache", str(cache)]
    for running in [Running(arguments, at.folder / f"{number}.log") for number in range(2)]:
        running.succeed()
    assert {name: sha256(cache / "mnist" / name) for name in CHECKSUMS} == CHECKSUMS
    return Ending.RESULT


def _weights(at: Surroundings) -> Ending:
    """Two processes that fill one cache with weights."""
    place = at.tiny.place(at.folder / "place", at.folder / "cache")
    _both(at, place, "weights")
    cached, expected = weights_in(at.folder / "cache").parent, at.tiny.cached_weights.parent
    for name in ("weights.safetensors", "record.json"):
        assert (cached / name).read_bytes() == (expected / name).read_bytes()
    return Ending.RESULT


def _workflows_in_a_folder(at: Surroundings) -> Ending:
    place = at.tiny.place(at.folder / "place")
    first, locks = place.start_workflow(), place.folder / ".snakemake" / "locks"
    try:
        wait_until(lambda: locks.is_dir() and list(locks.iterdir()), "the first one's lock")
        assert_told_by_snakemake(place.workflow(), ["Directory cannot be locked"])
        _assert_right(at, place, finished(first))
    finally:
        if first.poll() is None:
            os.killpg(first.pid, signal.SIGKILL)
    return Ending.SENTENCE


def _workflows_with_a_cache(at: Surroundings) -> Ending:
    """Two folders, one cache that is cold."""
    cache = at.tiny.cold_cache(at.folder)
    places = [at.tiny.place(at.folder / name, cache) for name in ("one", "two")]
    for place, process in [(place, place.start_workflow()) for place in places]:
        _assert_right(at, place, finished(process))
    return Ending.RESULT


def _assert_right(at: Surroundings, place: Place, ended) -> None:
    assert ended.status == 0, ended.text
    at.tiny.assert_same_results(place, KEPT)


CASES = [
    Case(
        f"{stage} ({count + 1})",
        _stage,
        (stage,),
        slow=stage in ("train", "landscape") or count > 0,
    )
    for stage, times in TIMES.items()
    for count in range(times)
]
CASES += [Case(f"images into a cache ({count + 1})", _images) for count in range(3)]
CASES += [Case(f"weights into a cache ({count + 1})", _weights) for count in range(3)]
CASES += [
    Case("two workflows in a folder", _workflows_in_a_folder),
    Case("two workflows with a cold cache", _workflows_with_a_cache),
]
