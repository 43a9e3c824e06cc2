"""Damaged caches and results: the next step makes them anew, or says which file is damaged.

Damage that leaves a readable result is held against the record of who made it. In files from
somebody whose records agree with them, a value of another type is told in a sentence.
"""

import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from faults.case import Case, Ending, Surroundings, assert_clear_sentence, assert_told_by_snakemake
from faults.tiny_study import KEPT, WRITES, own
from tlstudy.jobs import paths
from tlstudy.jobs.study_files import write_settings
from tlstudy.storage.files import sha256

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


def _another_value(file: Path, dice: random.Random) -> None:
    """One value inside, of the same type."""
    _change_inside(file, dice, _similar)


def _another_type(file: Path, dice: random.Random) -> None:
    _change_inside(file, dice, lambda value: 3 if isinstance(value, str | list | dict) else "3")


def _similar(value: object) -> object:
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str | bytes):
        return value + value[:1]
    return value[:-1] if isinstance(value, list) else dict(list(value.items())[:-1])


def _change_inside(file: Path, dice: random.Random, change: Callable[[object], object]) -> None:
    """Change a value of a JSON file, or a column of a table, which stays readable."""
    if file.suffix == ".parquet":
        table = pq.read_table(file)
        place = dice.randrange(table.num_columns)
        field = table.field(place)
        values = [value if value is None else change(value) for value in table[place].to_pylist()]
        if change is not _similar:
            text = pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
            field = field.with_type(pa.int64() if text else pa.string())
            values = [3 if text else "3"] * len(values)
        changed = table.set_column(place, field, pa.array(values, field.type))
        pq.write_table(changed, file)
        return
    content = json.loads(file.read_text())
    inner, key = dice.choice(list(_places(content)))
    inner[key] = change(inner[key])
    file.write_text(json.dumps(content))


def _places(content: dict | list) -> Iterator[tuple[dict | list, str | int]]:
    """Every place inside, as what it is in and its key there; of long lists the first."""
    keys = content if isinstance(content, dict) else range(min(2, len(content)))
    for key in keys:
        yield content, key
        if isinstance(content[key], dict | list):
            yield from _places(content[key])


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
# The same for files that stay readable, JSON and tables.
INSIDE = {"another value": _another_value, "another type": _another_type}
TIMES_INSIDE = 2
IMAGES = ("train-images.npy", "train-labels.npy", "test-images.npy", "test-labels.npy")
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
    if kind in INSIDE:
        INSIDE[kind](damaged, at.generator)
    else:
        DAMAGES[kind][0](damaged, at.generator)
    if step == "images":
        at.tiny.place_raw_images(cache)
    ended = place.run(step)
    if ended.status != 0 or step == "subset":
        return assert_clear_sentence(ended, [str(damaged), str(damaged.parent)])
    if step in ("images", "weights"):
        assert damaged.read_bytes() == before
        return Ending.RESULT
    # The step took the damaged file: what it made of it must be right.
    at.tiny.assert_same_results(place, WRITES.get(step, ["tables/*.parquet"]))
    return Ending.RESULT


def _from_somebody(at: Surroundings, name: str, step: str) -> Ending:
    """A value of another type, in a file whose provenance agrees with it: a sentence, if read.

    What is made of it is that somebody's results, and no one can say that they are wrong.
    """
    cache = at.tiny.copy_of_cache(at.folder)
    place = at.tiny.finished_place(at.folder, cache)
    run = str(place.run_files().relative_to(at.folder))
    file = own(next(at.folder.glob(READ[name][0].format(run=run))))
    INSIDE["another type"](file, at.generator)
    for record in (place.results / "provenance").rglob("*.json"):
        provenance = json.loads(record.read_text())
        for written, output in provenance["outputs"].items():
            if place.results / written == file:
                output |= {"sha256": sha256(file), "bytes": file.stat().st_size}
        record.write_text(json.dumps(provenance))
    file.with_name("record.sha256").unlink(missing_ok=True)
    ended = place.run(step)
    if ended.status != 0:
        return assert_clear_sentence(ended, [str(file), str(file.parent)])
    assert "Traceback" not in ended.text, ended.text
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
READABLE = [name for name, (place, _) in READ.items() if place.endswith((".json", ".parquet"))]
CASES += [
    Case(f"{name} {kind}, {step} ({number + 1})", _file, (name, kind, step))
    for kind in INSIDE
    for name in READABLE
    for step in READ[name][1]
    for number in range(TIMES_INSIDE)
]
CASES += [
    Case(f"{name} another type, from somebody, {step} ({number + 1})", _from_somebody, (name, step))
    for name in READABLE
    for step in READ[name][1]
    for number in range(TIMES_INSIDE)
]
CASES += [
    Case(f"{which} {kind}, workflow", _configuration, (which, kind))
    for kind in DAMAGES
    for which in ("study.json", "settings of the jobs")
]
