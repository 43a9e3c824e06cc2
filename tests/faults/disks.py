"""Disks that are full or read-only, and files where folders must be."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faults.case import Case, Ending, Surroundings, assert_clear_sentence, assert_told_by_snakemake
from faults.tiny_study import KEPT, WRITES, Place, weights_in

MOUNTING = 21  # the number of CAP_SYS_ADMIN
DISK_MIB = 700
# Most bytes left free when a step begins: less than it writes.
ROOM = {
    "weights": 40 * 2**20,
    "subset": 12_000,
    "train": 180 * 2**20,
    "landscape": 2000,
    "aggregate": 60_000,
    "claims": 10_000,
    "report": 60_000,
}
TIMES = 3
# A file where a step's folder must be.
IN_THE_WAY = (
    ("images", "cache/mnist"),
    ("weights", "cache/weights"),
    ("subset", "results/tiny/subsets"),
    ("train", "results/tiny/subsets"),
    ("landscape", "results/tiny/runs"),
    ("aggregate", "results/tiny/runs"),
    ("aggregate", "results/tiny/tables"),
    ("report", "results/tiny/tables"),
)


def can_mount() -> bool:
    """Whether this process may mount file systems: root in a container may not."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    effective = next((line.split()[1] for line in lines if line.startswith("CapEff")), "0")
    return bool(int(effective, 16) >> MOUNTING & 1)


@contextmanager
def disk(at: Surroundings) -> Iterator[Path]:
    """A file system of its own in memory."""
    folder = at.folder / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def _make_read_only(mounted: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", mounted], check=True)


def _fill(folder: Path, room: int) -> Path:
    """Leave only so many bytes free, in whole pages."""
    filler = folder / "filler"
    free = os.statvfs(folder)
    size = max(0, free.f_bavail * free.f_frsize - room)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)
    return filler


def _place_on(mounted: Path, at: Surroundings, step: str) -> Place:
    """A finished place on a disk, whose log, which must be read, is elsewhere."""
    cache = mounted / "cache" if step == "weights" else None
    place = at.tiny.finished_place(mounted / "place", cache)
    place.logs = at.folder
    return place


def _full(at: Surroundings, step: str) -> Ending:
    """The disk fills while a step writes: a sentence, and with room again the right result."""
    with disk(at) as mounted:
        place = _place_on(mounted, at, step).without(step)
        filler = _fill(mounted, at.generator.choice((0, at.generator.randrange(ROOM[step]))))
        ended = place.run(step)
        assert not list(mounted.rglob(".*")), "a temporary file stayed"
        filler.unlink()
        if ended.status != 0:
            assert_clear_sentence(ended, [str(mounted)])
            place.succeed(step)
        if step == "weights":
            cached = weights_in(place.study.cache)
            assert cached.read_bytes() == at.tiny.cached_weights.read_bytes()
        at.tiny.assert_same_results(place, WRITES.get(step, ()))
        return Ending.SENTENCE if ended.status else Ending.RESULT


def _read_only(at: Surroundings, step: str) -> Ending:
    with disk(at) as mounted:
        place = _place_on(mounted, at, step)
        _make_read_only(mounted)
        return assert_clear_sentence(place.run(step), [str(mounted)])


def _read_only_cache(at: Surroundings) -> Ending:
    """Training only reads the cache."""
    with disk(at) as mounted:
        cache = at.tiny.copy_of_cache(mounted)
        place = at.tiny.finished_place(at.folder / "place", cache).without("train")
        _make_read_only(mounted)
        place.succeed("train")
        at.tiny.assert_same_results(place, WRITES["train"])
        return Ending.RESULT


def _file_in_the_way(at: Surroundings, step: str, name: str) -> Ending:
    place = at.tiny.finished_place(at.folder, at.tiny.copy_of_cache(at.folder))
    in_the_way = at.folder / name
    shutil.rmtree(in_the_way)
    in_the_way.write_text("a file")
    return assert_clear_sentence(place.run(step), [str(in_the_way)])


def _workflow_full(at: Surroundings) -> Ending:
    """Snakemake and its jobs on a disk that fills."""
    with disk(at) as mounted:
        place = at.tiny.place(mounted / "place")
        filler = _fill(mounted, at.generator.randrange(2**20, 40 * 2**20))
        assert_told_by_snakemake(place.workflow(), ["No space left on device"])
        filler.unlink()
        ended = place.workflow()
        assert ended.status == 0, ended.text
        at.tiny.assert_same_results(place, KEPT)
    return Ending.SENTENCE


def _workflow_read_only(at: Surroundings) -> Ending:
    with disk(at) as mounted:
        place = at.tiny.place(mounted / "place")
        _make_read_only(mounted)
        return assert_told_by_snakemake(place.workflow(), [str(place.folder)])


def _workflow_file_in_the_way(at: Surroundings, name: str) -> Ending:
    place = at.tiny.place(at.folder, at.folder / "cache")
    in_the_way = at.folder / name
    in_the_way.parent.mkdir(parents=True, exist_ok=True)
    in_the_way.write_text("a file")
    return assert_told_by_snakemake(place.workflow(), [f"{in_the_way}: is a file"])


CASES = [
    Case(f"{name} is a file, workflow", _workflow_file_in_the_way, (name,))
    for name in ("results", "results/tiny", "results/tiny/tables", "cache", "cache/mnist")
]
CASES += [
    Case(f"{name} is a file, {step}", _file_in_the_way, (step, name), slow=False)
    for step, name in IN_THE_WAY
]
if can_mount():
    CASES += [
        Case(f"full, {step} ({count + 1})", _full, (step,), slow=count > 0 or step == "train")
        for step in ROOM
        for count in range(TIMES)
    ]
    CASES += [Case(f"read-only, {step}", _read_only, (step,)) for step in ROOM]
    CASES += [
        Case("read-only cache, train", _read_only_cache),
        Case("full, workflow", _workflow_full),
        Case("read-only, workflow", _workflow_read_only),
    ]
