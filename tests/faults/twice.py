"""Two of the same at once: both end well with the right result, or one is refused."""

import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

from faults.case import Case, Ending, Surroundings, assert_told_by_snakemake
from faults.kills import start_workflow
from faults.process import Running, finished
from faults.tiny_study import KEPT, WRITES, Place
from tlstudy.data.download import sha256
from tlstudy.data.images import CHECKSUMS

TIMES = {"subset": 3, "train": 4, "landscape": 2, "aggregate": 3, "claims": 3}


def _both(at: Surroundings, place: Place, stage: str) -> None:
    """Two processes of a stage, the second up to the whole time of the first later."""
    began = [place.start(stage)]
    time.sleep(at.generator.choice((0, at.generator.uniform(0, 1))))
    place.logs = at.folder  # the other's log would be written over
    began.append(place.start(stage))
    for running in began:
        ended = running.wait()
        assert ended.status == 0, ended.text


def _stage(stage: str) -> Callable[[Surroundings], Ending]:
    def make(at: Surroundings) -> Ending:
        place = at.tiny.finished_place(at.folder / "place")
        for name in WRITES[stage]:
            for file in place.results.glob(name):
                file.unlink()
        _both(at, place, stage)
        if stage == "train":  # the one of the other arm was removed as well
            assert place.run("train", "new").status == 0
        at.tiny.assert_same_results(place, WRITES[stage])
        assert not list(place.results.rglob(".*")), "a temporary file stayed"
        return Ending.RESULT

    return make


def _images(at: Surroundings) -> Ending:
    """Two processes that fill one cache with images."""
    cache = at.folder / "cache"
    cache.mkdir()
    shutil.copytree((at.tiny.cache / "mnist").resolve(), cache / "downloads")
    arguments = ["images", "--cache", str(cache)]
    both = [Running(arguments, at.folder / f"{number}.log") for number in range(2)]
    for running in both:
        ended = running.wait()
        assert ended.status == 0, ended.text
    assert {name: sha256(cache / "mnist" / name) for name in CHECKSUMS} == CHECKSUMS
    return Ending.RESULT


def _weights(at: Surroundings) -> Ending:
    """Two processes that fill one cache with weights."""
    place = at.tiny.place(at.folder / "place", at.folder / "cache")
    _both(at, place, "weights")
    (cached,) = (at.folder / "cache").rglob("weights.safetensors")
    (expected,) = at.tiny.reference.study.cache.rglob("weights.safetensors")
    assert cached.read_bytes() == expected.read_bytes()
    assert (cached.parent / "record.json").read_bytes() == (
        expected.parent / "record.json"
    ).read_bytes()
    return Ending.RESULT


def _workflows_in_a_folder(at: Surroundings) -> Ending:
    place = at.tiny.place(at.folder / "place")
    first = start_workflow(place)
    try:
        _wait_for(place.folder / ".snakemake" / "locks")
        refused = finished(start_workflow(place))
        assert_told_by_snakemake(refused, ["Directory cannot be locked"])
        ended = finished(first)
    finally:
        if first.poll() is None:
            os.killpg(first.pid, signal.SIGKILL)
    assert ended.status == 0, ended.text
    at.tiny.assert_same_results(place, KEPT)
    return Ending.SENTENCE


def _wait_for(folder: Path, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not (folder.is_dir() and any(folder.iterdir())):
        assert time.monotonic() < end, f"{folder}: nothing in it"
        time.sleep(0.05)


def _workflows_with_a_cache(at: Surroundings) -> Ending:
    """Two folders, one cache that is cold."""
    cache = at.folder / "cache"
    cache.mkdir()
    (cache / "mnist").symlink_to((at.tiny.cache / "mnist").resolve())
    places = [at.tiny.place(at.folder / name, cache) for name in ("one", "two")]
    for process in [start_workflow(place) for place in places]:
        ended = finished(process)
        assert ended.status == 0, ended.text
    for place in places:
        at.tiny.assert_same_results(place, KEPT)
    return Ending.RESULT


CASES = [
    Case(f"{stage} ({count + 1})", _stage(stage), slow=stage in ("train", "landscape") or count > 0)
    for stage, times in TIMES.items()
    for count in range(times)
]
CASES += [Case(f"images into a cache ({count + 1})", _images) for count in range(3)]
CASES += [Case(f"weights into a cache ({count + 1})", _weights) for count in range(3)]
CASES += [
    Case("two workflows in a folder", _workflows_in_a_folder),
    Case("two workflows with a cold cache", _workflows_with_a_cache),
]
