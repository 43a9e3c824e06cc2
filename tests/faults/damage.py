"""Damaged caches and results: the next stage makes them anew, or says which file is damaged.

Damage that leaves a readable result is for `tlstudy verify`, which compares checksums.
"""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from faults.case import Case, Ending, Surroundings, assert_clear_sentence, assert_told_by_snakemake
from faults.process import Running
from faults.tiny_study import KEPT, Place, copy_or_link, own
from tlstudy.data.images import CHECKSUMS
from tlstudy.jobs import paths
from tlstudy.jobs.study_files import write_settings

Damage = Callable[[Path, random.Random], object]


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


def _append(file: Path, generator: random.Random) -> None:
    with file.open("ab") as opened:
        opened.write(generator.randbytes(100))


def _other_content(file: Path, _: random.Random) -> None:
    file.write_text("{}" if file.suffix == ".json" else "column\n1\n")


def _folder(file: Path, _: random.Random) -> None:
    file.unlink()
    file.mkdir()


DAMAGES: dict[str, Damage] = {
    "truncated": _truncate,
    "a bit flipped": _flip_bit,
    "a block of zeros": _zero_block,
    "empty": lambda file, _: os.truncate(file, 0),
    "longer": _append,
    "something else": _other_content,
    "removed": lambda file, _: file.unlink(),
    "a folder": _folder,
}
# Those that can leave a file that reads well, and are tried at several places.
SUBTLE = ("truncated", "a bit flipped", "a block of zeros")
TIMES = 3


def _cache_of_its_own(at: Surroundings) -> Path:
    """A copy of the cache in which large files are links."""
    cache, weights = at.folder / "cache", at.tiny.cached_weights.parents[2]
    shutil.copytree(weights, cache / "weights", copy_function=copy_or_link)
    (cache / "mnist").mkdir()
    for file in at.tiny.images.iterdir():
        (cache / "mnist" / file.name).symlink_to(file.resolve())
    return cache


def _image(at: Surroundings, name: str, damage: Damage, stage: str) -> Ending:
    """Of the raw images: `images` makes them anew, the stages that read them refuse."""
    cache = _cache_of_its_own(at)
    place = at.tiny.finished_place(at.folder / "place", cache)
    damaged = own(cache / "mnist" / name)
    damage(damaged, at.generator)
    if stage == "images":
        (cache / "downloads").mkdir()
        (cache / "downloads" / name).symlink_to((at.tiny.images / name).resolve())
    ended = place.run(stage)
    if stage != "images" or ended.status != 0:
        return assert_clear_sentence(ended, [str(damaged)])
    assert damaged.read_bytes() == (at.tiny.images / name).read_bytes()
    return Ending.RESULT


def _weights(at: Surroundings, name: str, damage: Damage, stage: str) -> Ending:
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


def _same_or_for_verify(at: Surroundings, place: Place, damaged: Path) -> Ending:
    """A stage took the damaged file: its result is right, or `tlstudy verify` names the file."""
    try:
        at.tiny.assert_same_results(place, ["runs/*/*/*/*", "tables/*.parquet"])
    except AssertionError:
        ended = Running(["verify", str(place.results)], at.folder / "verify.log").wait()
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
    "run.json": (lambda place: place.run_files() / "run.json", ("landscape", "aggregate")),
    "metrics.parquet": (lambda place: place.run_files() / "metrics.parquet", ("aggregate",)),
    "layers.parquet": (lambda place: place.run_files() / "layers.parquet", ("aggregate",)),
    "plane.safetensors": (
        lambda place: place.run_files() / "plane.safetensors",
        ("landscape", "curvature"),
    ),
    "landscape.json": (lambda place: place.run_files() / "landscape.json", ("aggregate",)),
    "runs.parquet": (lambda place: place.results / "tables/runs.parquet", ("claims", "report")),
    "table of metrics": (
        lambda place: place.results / "tables/metrics.parquet",
        ("claims", "report"),
    ),
    "claims.parquet": (lambda place: place.results / "tables/claims.parquet", ("report",)),
}


def _result(at: Surroundings, name: str, damage: Damage, stage: str) -> Ending:
    place = at.tiny.finished_place(at.folder / "place")
    damaged = own(READ[name][0](place))
    damage(damaged, at.generator)
    ended = place.run(stage)
    if ended.status != 0:
        return assert_clear_sentence(ended, [str(damaged)])
    return _same_or_for_verify(at, place, damaged)


def _configuration(at: Surroundings, which: str, damage: Damage) -> Ending:
    """Of a finished study's configuration: the next call of Snakemake writes it anew."""
    place = at.tiny.finished_place(at.folder / "place")
    of_jobs = write_settings(place.study)
    damaged = paths.study_file(place.study) if which == "study.json" else of_jobs
    before = damaged.read_bytes()
    damage(damaged, at.generator)
    ended = place.workflow()
    if ended.status != 0:
        return assert_told_by_snakemake(ended, [str(damaged)])
    assert damaged.read_bytes() == before, f"{damaged}: still damaged"
    at.tiny.assert_same_results(place, KEPT)
    return Ending.RESULT


def _of_files(kind: str, number: int) -> list[Case]:
    """Cases of a kind of damage to each file, for each stage that reads it."""
    files = [
        (name, name, _image, ("images", "subset") if name.startswith("train") else ("images",))
        for name in sorted(CHECKSUMS)[:: 2 if number else 1]
    ]
    weights = ("weights.safetensors", "record.json")
    files += [(f"cached {name}", name, _weights, ("weights", "train")) for name in weights]
    files += [(name, name, _result, stages) for name, (_, stages) in READ.items()]
    return [
        Case(f"{title} {kind}, {stage} ({number + 1})", make, (name, DAMAGES[kind], stage))
        for title, name, make, stages in files
        for stage in stages
    ]


CASES: list[Case] = []
for each in DAMAGES:
    for configuration in ("study.json", "settings of the jobs"):
        arguments = (configuration, DAMAGES[each])
        CASES.append(Case(f"{configuration} {each}, workflow", _configuration, arguments))
    for count in range(TIMES if each in SUBTLE else 1):
        CASES += _of_files(each, count)
