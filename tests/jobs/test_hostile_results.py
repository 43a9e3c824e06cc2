"""Results from somebody else: they execute nothing, write nothing elsewhere, and end in words."""

import json
import random
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile import command, follow

from tlstudy.config.study import finished_study
from tlstudy.jobs import paths
from tlstudy.jobs.attempts import read_attempt

# Values of every type, and some that are not numbers to compute with.
ODD = [None, True, -1, 0, 10**400, 1.5, "", "\x1b[2J", "nan", [], [[]], {}, {"a": 1}]


@pytest.fixture
def folder(small_results, tmp_path) -> Path:
    return shutil.copytree(small_results.folder, tmp_path / "theirs" / "small")


def test_links_that_lead_out_of_the_folder_are_not_written_through(folder, tmp_path):
    for name, step in {"attempts": "claims", "tables": "claims", "provenance": "report"}.items():
        elsewhere = tmp_path / f"mine-{name}"
        shutil.copytree(folder / name, elsewhere) if (folder / name).is_dir() else elsewhere.mkdir()
        before = {file: file.read_bytes() for file in elsewhere.rglob("*") if file.is_file()}
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).symlink_to(elsewhere)
        result = command(step, "--config", folder)
        assert result.exit_code == 1
        assert f"leads to {elsewhere}, out of {folder}; nothing is written there" in result.output
        assert before == {f: f.read_bytes() for f in elsewhere.rglob("*") if f.is_file()}
        (folder / name).unlink()
        shutil.copytree(elsewhere, folder / name)


def test_a_results_folder_that_is_a_link_itself_is_written_to(folder, tmp_path):
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "small").symlink_to(folder)
    assert command("claims", "--config", tmp_path / "linked" / "small").exit_code == 0


@pytest.mark.parametrize("key", ["command", "folder", "host", "process", "began", "error"])
def test_any_note_of_a_job_is_read_or_left(folder, key):
    study = finished_study(folder)
    note = {"command": "tlstudy train", "folder": "/", "host": "", "process": 1, "began": 0.0}
    file = paths.attempt_file(paths.study_folder(study), "aggregate")
    file.parent.mkdir(exist_ok=True)
    for odd in ODD:
        file.write_text(json.dumps({**note, "error": "", key: odd}))
        found = read_attempt(file)
        if found:
            assert found.told()
            found.may_run()
        assert command("status", "--config", folder).exit_code == 0


def changed_inside(file: Path, dice: random.Random) -> None:
    """A value somewhere in a JSON file becomes another, of any type."""
    content = json.loads(file.read_text())
    place = content
    while True:
        key = dice.choice(list(place) if isinstance(place, dict) else range(len(place)))
        if not isinstance(place[key], dict | list) or not place[key] or dice.random() < 0.3:
            break
        place = place[key]
    place[key] = dice.choice(ODD)
    file.write_text(json.dumps(content))


@pytest.mark.parametrize("seed", range(3))
def test_whatever_stands_in_records_each_command_ends_in_words(folder, seed):
    dice = random.Random(seed)
    for file in sorted(folder.rglob("*.json")):
        kept = file.read_bytes()
        changed_inside(file, dice)
        for name in ("verify", "pack"):
            command(name, folder, *(["--output", folder.parent / "a.tar.gz"] * (name == "pack")))
        command("status", "--config", folder)
        if file.name != "study.json" and dice.random() < 0.1:
            command("report", "--config", folder)
        file.write_bytes(kept)


def changed_rows(file: Path, dice: random.Random) -> None:
    """A column of a table gets other values of its type, or the table other rows."""
    table = pq.read_table(file)
    place, way = dice.randrange(table.num_columns), dice.randrange(4)
    column = table.column(place)
    if way == 0:
        table = table.slice(0, table.num_rows // 2)
    elif way == 1:
        table = pa.concat_tables([table, table])
    elif way == 2:
        table = table.set_column(place, table.field(place), pa.nulls(len(table), column.type))
    else:
        odd = {"double": 1e308, "int64": -(2**62), "string": "\x1b[2J", "binary": b"", "int16": -1}
        value = odd.get(str(column.type))
        if value is not None:
            table = table.set_column(
                place, table.field(place), pa.array([value] * len(table), column.type)
            )
    pq.write_table(table, file)


def changed_type(file: Path, dice: random.Random) -> None:
    """A column of a table gets values of another type, or is left out."""
    table = pq.read_table(file)
    place = dice.randrange(table.num_columns)
    field, count = table.field(place), table.num_rows
    others = {"string": pa.int64()}.get(str(field.type), pa.string())
    values = pa.array(["1"] * count if others == pa.string() else [1] * count, others)
    if dice.random() < 0.2:
        table = table.remove_column(place)
    else:
        table = table.set_column(place, field.name, values)
    pq.write_table(table, file)


READ_BY_THE_REPORT = ("run.json", "landscape.json", "subset.json", "*.parquet")


@pytest.mark.parametrize("seed", range(3))
def test_a_report_of_types_that_agree_with_their_records_ends_in_words(folder, seed):
    dice = random.Random(seed)
    files = [file for name in READ_BY_THE_REPORT for file in sorted(folder.rglob(name))]
    for file in dice.sample(files, 3):
        kept = file.read_bytes()
        (changed_type if file.suffix == ".parquet" else changed_inside)(file, dice)
        follow(folder)
        command("report", "--config", folder)
        file.write_bytes(kept)


def test_results_that_were_altered_are_told_before_they_are_used(folder):
    table = pq.read_table(folder / "tables" / "metrics.parquet")
    pq.write_table(pa.concat_tables([table, table]), folder / "tables" / "metrics.parquet")
    result = command("figures", "--config", folder)
    assert result.exit_code == 1
    assert "metrics.parquet" in result.output


READ_BY_AUDIT = ("run.json", "landscape.json", "subset.json", "metrics.parquet", "layers.parquet")


@pytest.mark.parametrize("seed", range(3))
def test_an_audit_of_whatever_stands_in_a_study_ends_in_words(folder, seed):
    dice = random.Random(seed)
    for name in READ_BY_AUDIT:
        file = dice.choice(sorted(folder.rglob(name)))
        kept = file.read_bytes()
        (changed_rows if file.suffix == ".parquet" else changed_inside)(file, dice)
        assert command("audit", folder).exit_code in (0, 1, 2, 3)
        file.write_bytes(kept)


@pytest.mark.parametrize(
    ("name", "column", "told"),
    [
        ("metrics", "epoch", "an epoch stands there twice"),
        ("metrics", "train_accuracy", "train_accuracy has values that are no shares from 0 to 1"),
        ("layers", "layer", "layer is missing in a row"),
        ("layers", "angle_from_start", "angle_from_start is of type timestamp[us], must be"),
    ],
)
def test_a_table_of_a_run_that_none_can_be_is_named(folder, name, column, told):
    file = sorted(folder.glob(f"runs/**/{name}.parquet"))[0]
    table = pq.read_table(file)
    place, count = table.schema.get_field_index(column), table.num_rows
    values = {
        "epoch": pa.array([1] * count),
        "train_accuracy": pa.array([7.0] * count),
        "layer": pa.nulls(count, pa.string()),
        "angle_from_start": pa.array([1] * count, pa.timestamp("us")),
    }[column]
    pq.write_table(table.set_column(place, column, values), file)
    result = command("audit", file.parent)
    assert result.exit_code == 2
    assert f"{file}: is damaged ({told}" in result.output


def test_a_record_that_is_no_file_is_not_passed_over_by_an_audit(folder):
    file = sorted(folder.rglob("run.json"))[0]
    file.unlink()
    file.mkdir()
    result = command("audit", folder)
    assert f"{file}: is no file; remove it and run the study again." in result.output
