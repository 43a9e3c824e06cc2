"""Damaged caches and results: the next step makes them anew, or says which file is damaged.

Damage that leaves a readable result is for `tlstudy verify`, which compares checksums.
"""

import os
import random
from collections.abc import Callable
from pathlib import Path

from faults.case import Case, Ending, Surroundings, assert_clear_sentence, assert_told_by_snakemake
from faults.process import Running
from faults.tiny_study import KEPT, Place, own
from tlstudy.jobs import paths
from tlstudy.jobs.study_files import write_settings

Damage = Callable[[Path, random.Random], object]


def _flip_bit(file: Path, dice: random.Random) -> None:
    content = bytearray(file.read_bytes())
    content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    file.write_bytes(content)


def _zero_block(file: Path, dice: random.Random) -> None:
    """What a lost page of the disk leaves."""
    content = bytearray(file.read_bytes())
    place = dice.randrange(len(content))
    length = min(4096, len(content) - place)
    content[place : place + length] = bytes(length)
    file.write_bytes(content)


def _append(file: Path, dice: random.Random) -> None:
    file.write_bytes(file.read_bytes() + dice.randbytes(100))


def _other_content(file: Path, _: random.Random) -> None:
    file.write_text("{}" if file.suffix == ".json" else "column\n1\n")


def _folder(file: Path, _: random.Random) -> None:
    file.unlink()
    file.mkdir()


# What is done to a file, and how often each is tried: those that can leave a file that reads well
# at three places.
DAMAGES: dict[str, tuple[Damage, int]] = {
    "truncated": (lambda file, dice: os.truncate(file, dice.randrange(file.stat().st_size)), 3),
    "a bit flipped": (_flip_bit, 3),
    "a block of zeros": (_zero_block, 3),
    "empty": (lambda file, _: os.truncate(file, 0), 1),
    "longer": (_append, 1),
    "something else": (_other_content, 1),
    "removed": (lambda file, _: file.unlink(), 1),
    "a folder": (_folder, 1),
}
IMAGES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
IMAGES += ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
WEIGHTS, RUN, TABLES = "cache/weights/*/*", "{run}", "results/tiny/tables"
# File by a name: where it is, and the steps that read it.
READ: dict[str, tuple[str, tuple[str, ...]]] = {
    **{
        name: (f"cache/mnist/{name}", ("images", "subset")[: 1 + name.startswith("train")])
        for name in IMAGES
    },
    "cached weights.safetensors": (f"{WEIGHTS}/weights.safetensors", ("weights", "train")),
    "cached record.json": (f"{WEIGHTS}/record.json", ("weights", "train")),
    "subset.json": ("results/tiny/subsets/*/*/*/*/subset.json", ("train", "aggregate")),
    "run.json": (f"{RUN}/run.json", ("landscape", "aggregate")),
    "metrics.parquet": (f"{RUN}/metrics.parquet", ("aggregate",)),
    "layers.parquet": (f"{RUN}/layers.parquet", ("aggregate",)),
    "answers.parquet": (f"{RUN}/answers.parquet", ("aggregate",)),
    "plane.safetensors": (f"{RUN}/plane.safetensors", ("landscape", "curvature")),
    "landscape.json": (f"{RUN}/landscape.json", ("aggregate",)),
    "runs.parquet": (f"{TABLES}/runs.parquet", ("claims", "report")),
    "table of metrics": (f"{TABLES}/metrics.parquet", ("claims", "report")),
    "claims.parquet": (f"{TABLES}/claims.parquet", ("report",)),
}


def _file(at: Surroundings, name: str, kind: str, step: str) -> Ending:
    """`images` and `weights` make their files anew; the steps that read a file may refuse it."""
    cache = at.tiny.copy_of_cache(at.folder)
    place = at.tiny.finished_place(at.folder, cache)
    run = str(place.run_files().relative_to(at.folder))
    damaged = own(next(at.folder.glob(READ[name][0].format(run=run))))
    before = damaged.read_bytes()
    DAMAGES[kind][0](damaged, at.generator)
    if step == "images":
        (cache / "downloads").mkdir()
        (cache / "downloads" / damaged.name).symlink_to((at.tiny.images / damaged.name).resolve())
    ended = place.run(step)
    if ended.status != 0 or step == "subset":
        return assert_clear_sentence(ended, [str(damaged), str(damaged.parent)])
    if step in ("images", "weights"):
        assert damaged.read_bytes() == before
        return Ending.RESULT
    return _same_or_for_verify(at, place, damaged)


def _same_or_for_verify(at: Surroundings, place: Place, damaged: Path) -> Ending:
    """A step took the damaged file: its result is right, or `tlstudy verify` names the file."""
    try:
        at.tiny.assert_same_results(place, ["runs/*/*/*/*", "tables/*.parquet"])
    except AssertionError:
        ended = Running(["verify", str(place.results)], at.folder / "verify.log").wait()
        assert ended.status != 0, f"{damaged}: nothing noticed that it was altered"
        assert damaged.name in ended.text, ended.text
        return Ending.VERIFY
    return Ending.RESULT


def _configuration(at: Surroundings, which: str, kind: str) -> Ending:
    """Of a finished study's configuration: the next call of Snakemake writes it anew."""
    place = at.tiny.finished_place(at.folder / "place")
    of_jobs = write_settings(place.study)
    damaged = paths.study_file(place.study) if which == "study.json" else of_jobs
    before = damaged.read_bytes()
    DAMAGES[kind][0](damaged, at.generator)
    ended = place.workflow()
    if ended.status != 0:
        return assert_told_by_snakemake(ended, [str(damaged)])
    assert damaged.read_bytes() == before, f"{damaged}: still damaged"
    at.tiny.assert_same_results(place, KEPT)
    return Ending.RESULT


CASES = [
    Case(f"{name} {kind}, {step} ({number + 1})", _file, (name, kind, step))
    for kind, (_, times) in DAMAGES.items()
    for name, (_, steps) in READ.items()
    for step in steps
    for number in range(times)
    if number == 0 or name not in IMAGES[1::2]
]
CASES += [
    Case(f"{which} {kind}, workflow", _configuration, (which, kind))
    for kind in DAMAGES
    for which in ("study.json", "settings of the jobs")
]
