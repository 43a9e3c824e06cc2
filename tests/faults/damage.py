"""Damaged caches and results: the next stage makes them anew, or says which file is damaged.

What still reads as a result after the damage only a checksum can tell: that is for
`tlstudy verify`.
"""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from faults.case import Case, Ending, Surroundings, assert_clear_sentence, assert_told_by_snakemake
from faults.kills import start_workflow
from faults.process import Running, finished
from faults.tiny_study import KEPT, Place, copy_or_link, own, run_files
from tlstudy.data.images import CHECKSUMS
from tlstudy.jobs import paths
from tlstudy.jobs.study_files import write_settings

Damage = Callable[[Path, random.Random], None]


def _truncate(file: Path, generator: random.Random) -> None:
    os.truncate(file, generator.randrange(file.stat().st_size))


def _flip_bit(file: Path, generator: random.Random) -> None:
    place = generator.randrange(file.stat().st_size)
    with file.open("r+b") as opened:
        opened.seek(place)
        byte = opened.read(1)[0]
        opened.seek(place)
        opened.write(bytes([byte ^ 1 << generator.randrange(8)]))


def _zero_block(file: Path, generator: random.Random) -> None:
    """What a lost page of the disk leaves."""
    size = file.stat().st_size
    place = generator.randrange(size)
    with file.open("r+b") as opened:
        opened.seek(place)
        opened.write(bytes(min(4096, size - place)))


def _empty(file: Path, _: random.Random) -> None:
    os.truncate(file, 0)


def _append(file: Path, generator: random.Random) -> None:
    with file.open("ab") as opened:
        opened.write(generator.randbytes(100))


def _other_content(file: Path, _: random.Random) -> None:
    file.write_text("{}" if file.suffix == ".json" else "column\n1\n")


def _remove(file: Path, _: random.Random) -> None:
    file.unlink()


def _folder(file: Path, _: random.Random) -> None:
    file.unlink()
    file.mkdir()


DAMAGES: dict[str, Damage] = {
    "truncated": _truncate,
    "a bit flipped": _flip_bit,
    "a block of zeros": _zero_block,
    "empty": _empty,
    "longer": _append,
    "something else": _other_content,
    "removed": _remove,
    "a folder": _folder,
}
# Those that can leave a file that reads well, and are tried at several places.
SUBTLE = ("truncated", "a bit flipped", "a block of zeros")
TIMES = 3


def _cache_of_its_own(at: Surroundings) -> Path:
    """A copy of the cache in which large files are links."""
    cache = at.folder / "cache"
    weights = at.tiny.reference.study.cache / "weights"
    shutil.copytree(weights, cache / "weights", copy_function=copy_or_link)
    (cache / "mnist").mkdir()
    for file in (at.tiny.cache / "mnist").iterdir():
        (cache / "mnist" / file.name).symlink_to(file.resolve())
    return cache


def _image(name: str, damage: Damage, stage: str) -> Callable[[Surroundings], Ending]:
    """Of the raw images: `images` makes them anew, the stages that read them refuse."""

    def make(at: Surroundings) -> Ending:
        cache = _cache_of_its_own(at)
        place = at.tiny.finished_place(at.folder / "place", cache)
        damaged = own(cache / "mnist" / name)
        damage(damaged, at.generator)
        if stage != "images":
            return assert_clear_sentence(place.run(stage), [str(damaged)])
        (cache / "downloads").mkdir()
        (cache / "downloads" / name).symlink_to((at.tiny.cache / "mnist" / name).resolve())
        ended = place.run(stage)
        if ended.status != 0:
            return assert_clear_sentence(ended, [str(damaged)])
        assert damaged.read_bytes() == (at.tiny.cache / "mnist" / name).read_bytes()
        return Ending.RESULT

    return make


def _weights(name: str, damage: Damage, stage: str) -> Callable[[Surroundings], Ending]:
    def make(at: Surroundings) -> Ending:
        cache = _cache_of_its_own(at)
        place = at.tiny.finished_place(at.folder / "place", cache)
        damaged = own(next(cache.glob(f"weights/*/*/{name}")))
        before = damaged.read_bytes()
        damage(damaged, at.generator)
        ended = place.run(stage)
        if ended.status != 0:
            return assert_clear_sentence(ended, [str(damaged), str(damaged.parent)])
        if stage == "weights":
            assert damaged.read_bytes() == before
            return Ending.RESULT
        return _same_or_for_verify(at, place, damaged)

    return make


def _same_or_for_verify(at: Surroundings, place: Place, damaged: Path) -> Ending:
    """A stage took the damaged file: its result is right, or `tlstudy verify` names the file."""
    try:
        at.tiny.assert_same_results(place, ["runs/*/*/*/*", "tables/*.parquet"])
    except AssertionError:
        arguments = ["verify", str(place.results)]
        ended = Running(arguments, at.folder / "verify.log").wait()
        assert ended.status != 0, f"{damaged}: nothing noticed that it was altered"
        assert damaged.name in ended.text, ended.text
        return Ending.VERIFY
    return Ending.RESULT


# File of the results, by a name: where it is, and the stages that read it.
READ: dict[str, tuple[Callable[[Place], Path], tuple[str, ...]]] = {
    "subset.json": (
        lambda place: paths.subset_folder(place.study, "stratified", 10, 26) / "subset.json",
        ("train", "aggregate"),
    ),
    "run.json": (lambda place: run_files(place) / "run.json", ("landscape", "aggregate")),
    "metrics.parquet": (lambda place: run_files(place) / "metrics.parquet", ("aggregate",)),
    "layers.parquet": (lambda place: run_files(place) / "layers.parquet", ("aggregate",)),
    "plane.safetensors": (
        lambda place: run_files(place) / "plane.safetensors",
        ("landscape", "curvature"),
    ),
    "landscape.json": (lambda place: run_files(place) / "landscape.json", ("aggregate",)),
    "runs.parquet": (lambda place: _table(place, "runs"), ("claims", "report")),
    "table of metrics": (lambda place: _table(place, "metrics"), ("claims", "report")),
    "claims.parquet": (lambda place: _table(place, "claims"), ("report",)),
}


def _table(place: Place, name: str) -> Path:
    return paths.tables_folder(place.study) / f"{name}.parquet"


def _result(name: str, damage: Damage, stage: str) -> Callable[[Surroundings], Ending]:
    def make(at: Surroundings) -> Ending:
        place = at.tiny.finished_place(at.folder / "place")
        damaged = own(READ[name][0](place))
        damage(damaged, at.generator)
        ended = place.run(stage)
        if ended.status != 0:
            return assert_clear_sentence(ended, [str(damaged)])
        return _same_or_for_verify(at, place, damaged)

    return make


def _configuration(which: str, damage: Damage) -> Callable[[Surroundings], Ending]:
    """Of a finished study's configuration: the next call of Snakemake writes it anew."""

    def make(at: Surroundings) -> Ending:
        place = at.tiny.finished_place(at.folder / "place")
        of_jobs = write_settings(place.study)
        damaged = paths.study_file(place.study) if which == "study.json" else of_jobs
        before = damaged.read_bytes()
        damage(damaged, at.generator)
        ended = finished(start_workflow(place))
        if ended.status != 0:
            return assert_told_by_snakemake(ended, [str(damaged)])
        assert damaged.read_bytes() == before, f"{damaged}: still damaged"
        at.tiny.assert_same_results(place, KEPT)
        return Ending.RESULT

    return make


def _cases() -> list[Case]:
    made = []
    for kind, damage in DAMAGES.items():
        for which in ("study.json", "settings of the jobs"):
            made.append(Case(f"{which} {kind}, workflow", _configuration(which, damage)))
        for number in range(TIMES if kind in SUBTLE else 1):
            for name in sorted(CHECKSUMS)[:: 2 if number else 1]:
                for stage in ("images", "subset") if name.startswith("train") else ("images",):
                    title = f"{name} {kind}, {stage} ({number + 1})"
                    made.append(Case(title, _image(name, damage, stage)))
            for name in ("weights.safetensors", "record.json"):
                for stage in ("weights", "train"):
                    title = f"cached {name} {kind}, {stage} ({number + 1})"
                    made.append(Case(title, _weights(name, damage, stage)))
            for name, (_, stages) in READ.items():
                for stage in stages:
                    title = f"{name} {kind}, {stage} ({number + 1})"
                    made.append(Case(title, _result(name, damage, stage)))
    return made


CASES = _cases()
