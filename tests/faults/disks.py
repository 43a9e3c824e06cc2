"""Disks that are full or read-only, files where folders must be, folders that vanish."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from faults.case import Case, Ending, Surroundings, assert_clear_sentence, assert_told_by_snakemake
from faults.kills import start_workflow
from faults.process import finished
from faults.tiny_study import WRITES, Place, run_files

MOUNTING = 21  # the number of CAP_SYS_ADMIN
DISK_MIB = 700
# Most bytes left free when a stage begins: less than it writes.
ROOM = {
    "weights": 40 * 2**20,
    "subset": 12_000,
    "train": 180 * 2**20,
    "landscape": 2000,
    "aggregate": 60_000,
    "claims": 10_000,
    "report": 60_000,
}
STAGES = [stage for stage in ROOM if stage != "weights"]
TIMES = 3


def can_mount() -> bool:
    """Whether this process may mount file systems: root in a container may not."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    effective = next((line.split()[1] for line in lines if line.startswith("CapEff")), "0")
    return bool(int(effective, 16) >> MOUNTING & 1)


@contextmanager
def disk(folder: Path) -> Iterator[Path]:
    """A file system of its own in memory."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def _fill(folder: Path, room: int) -> Path:
    """Leave only so many bytes free, in whole pages."""
    filler = folder / "filler"
    free = os.statvfs(folder)
    size = max(0, free.f_bavail * free.f_frsize - room)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)
    return filler


def _without_results(place: Place, stage: str) -> None:
    for name in WRITES.get(stage, ()):
        for file in place.results.glob(name):
            file.unlink()
    if stage == "train":
        for file in place.results.rglob("plane.safetensors"):
            file.unlink()


def _full(stage: str) -> Callable[[Surroundings], Ending]:
    """The disk fills while a stage writes: a sentence, and with room again the right result."""

    def make(at: Surroundings) -> Ending:
        with disk(at.folder / "disk") as mounted:
            cache = mounted / "cache" if stage == "weights" else None
            place = at.tiny.finished_place(mounted / "place", cache)
            _without_results(place, stage)
            filler = _fill(mounted, at.generator.choice((0, at.generator.randrange(ROOM[stage]))))
            place.logs = at.folder  # what the command says must be read
            ended = place.run(stage)
            assert not list(mounted.rglob(".*")), "a temporary file stayed"
            filler.unlink()
            if ended.status == 0:
                return _right(at, place, stage)
            assert_clear_sentence(ended, [str(mounted)])
            place.succeed(stage)
            _right(at, place, stage)
        return Ending.SENTENCE

    return make


def _right(at: Surroundings, place: Place, stage: str) -> Ending:
    if stage == "weights":
        (cached,) = place.study.cache.rglob("weights.safetensors")
        (expected,) = at.tiny.cache.rglob("weights.safetensors")
        assert cached.read_bytes() == expected.read_bytes()
    at.tiny.assert_same_results(place, WRITES.get(stage, ()))
    return Ending.RESULT


def _read_only(stage: str) -> Callable[[Surroundings], Ending]:
    def make(at: Surroundings) -> Ending:
        with disk(at.folder / "disk") as mounted:
            cache = mounted / "cache" if stage == "weights" else None
            place = at.tiny.finished_place(mounted / "place", cache)
            place.logs = at.folder
            subprocess.run(["mount", "-o", "remount,ro", mounted], check=True)
            return assert_clear_sentence(place.run(stage), [str(mounted)])

    return make


def _read_only_cache(at: Surroundings) -> Ending:
    """Training only reads the cache."""
    with disk(at.folder / "disk") as mounted:
        shutil.copytree(at.tiny.reference.study.cache, mounted / "cache", symlinks=True)
        place = at.tiny.finished_place(at.folder / "place", mounted / "cache")
        _without_results(place, "train")
        subprocess.run(["mount", "-o", "remount,ro", mounted], check=True)
        place.succeed("train")
        return _right(at, place, "train")


def _file_in_the_way(stage: str, part: str) -> Callable[[Surroundings], Ending]:
    def make(at: Surroundings) -> Ending:
        cache = at.folder / "cache"
        shutil.copytree(at.tiny.reference.study.cache, cache, symlinks=True)
        place = at.tiny.finished_place(at.folder / "place", cache)
        in_the_way = (cache if part in ("mnist", "weights") else place.results) / part
        if in_the_way.is_symlink():
            in_the_way.unlink()
        shutil.rmtree(in_the_way, ignore_errors=True)
        in_the_way.write_text("a file")
        return assert_clear_sentence(place.run(stage), [str(in_the_way)])

    return make


def _vanishing(what: str) -> Callable[[Surroundings], Ending]:
    """A folder goes while a run is trained."""

    def make(at: Surroundings) -> Ending:
        place = at.tiny.finished_place(at.folder / "place")
        folder = {
            "results": place.results,
            "runs": place.results / "runs",
            "run": run_files(place),
        }[what]
        _without_results(place, "train")
        running = place.start("train")
        time.sleep(at.generator.uniform(0, at.tiny.reference.seconds["train"]))
        shutil.rmtree(folder, ignore_errors=True)
        ended = running.wait()
        if ended.status != 0:
            return assert_clear_sentence(ended, [str(place.results)])
        place.succeed("subset", "train")
        return _right(at, place, "train")

    return make


def _workflow_full(at: Surroundings) -> Ending:
    """Snakemake and its jobs on a disk that fills."""
    with disk(at.folder / "disk") as mounted:
        place = at.tiny.place(mounted / "place")
        filler = _fill(mounted, at.generator.randrange(2**20, 40 * 2**20))
        ended = finished(start_workflow(place))
        assert_told_by_snakemake(ended, ["No space left on device"])
        filler.unlink()
        ended = finished(start_workflow(place))
        assert ended.status == 0, ended.text
        _right(at, place, "train")
        _right(at, place, "claims")
    return Ending.SENTENCE


def _workflow_read_only(at: Surroundings) -> Ending:
    with disk(at.folder / "disk") as mounted:
        place = at.tiny.place(mounted / "place")
        subprocess.run(["mount", "-o", "remount,ro", mounted], check=True)
        return assert_told_by_snakemake(finished(start_workflow(place)), [str(place.folder)])


def _workflow_file_in_the_way(name: str) -> Callable[[Surroundings], Ending]:
    def make(at: Surroundings) -> Ending:
        place = at.tiny.place(at.folder / "place", at.folder / "place" / "cache")
        in_the_way = place.folder / name
        in_the_way.parent.mkdir(parents=True, exist_ok=True)
        in_the_way.write_text("a file")
        return assert_told_by_snakemake(
            finished(start_workflow(place)), [f"{in_the_way}: is a file"]
        )

    return make


CASES = [
    *(
        Case(f"{name} is a file, workflow", _workflow_file_in_the_way(name))
        for name in ("results", "results/tiny", "results/tiny/tables", "cache", "cache/mnist")
    ),
    *(
        Case(f"{part} is a file, {stage}", _file_in_the_way(stage, part), slow=False)
        for stage, part in (
            ("images", "mnist"),
            ("weights", "weights"),
            ("subset", "subsets"),
            ("train", "subsets"),
            ("landscape", "runs"),
            ("aggregate", "runs"),
            ("aggregate", "tables"),
            ("report", "tables"),
        )
    ),
    *(
        Case(f"{what} vanishes ({count + 1})", _vanishing(what))
        for what in ("results", "runs", "run")
        for count in range(TIMES)
    ),
]
if can_mount():
    CASES += [
        Case(f"full, {stage} ({count + 1})", _full(stage), slow=count > 0 or stage == "train")
        for stage in ROOM
        for count in range(TIMES)
    ]
    CASES += [Case(f"read-only, {stage}", _read_only(stage)) for stage in STAGES]
    CASES += [
        Case("read-only, weights", _read_only("weights")),
        Case("read-only cache, train", _read_only_cache),
        Case("full, workflow", _workflow_full),
        Case("read-only, workflow", _workflow_read_only),
    ]
