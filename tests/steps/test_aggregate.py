"""The tables of a study: what is in them, how they are read and written, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import made
from benchmarks.plain_tables import plain_tables, values_that_differ
from tlstudy.config.study import runs
from tlstudy.jobs import paths, run_results
from tlstudy.jobs.run_results import AHEAD, results_of_runs, write_measured
from tlstudy.steps.aggregate import aggregate_study
from tlstudy.storage import table_files
from tlstudy.storage.columns import KEYS, LAYERS, METRICS, schema
from tlstudy.storage.errors import UserError
from tlstudy.storage.table_files import table_file, write_frames

MOVES = ("norm", "displacement", "angle")


@pytest.fixture
def study(cache, tmp_path):
    return made.make_results(tmp_path / "results", cache, 4)


def folder_of(study, number: int) -> Path:
    return paths.folder_of_run(study, runs(study)[number])


def rewrite(file: Path, change) -> None:
    change(pd.read_parquet(file)).to_parquet(file, index=False)


def table(study, name: str) -> pd.DataFrame:
    return pd.read_parquet(paths.tables_folder(study) / f"{name}.parquet")


def diverge_at_once(folder: Path) -> None:
    """As a training leaves it whose first loss is not finite: no changes, and no layers."""
    record = json.loads((folder / "run.json").read_text())
    record |= {"status": "diverged", "epochs": 1, "final": {}, "checkpoint_train_loss": None}
    (folder / "run.json").write_text(json.dumps(record))
    first = pd.read_parquet(folder / "metrics.parquet").head(1)
    moves = [name for name in first if name.startswith(MOVES)]
    write_measured(folder, first.drop(columns=moves).to_dict("records"), [])


def test_the_tables_are_those_of_a_plain_loop_over_the_runs(study):
    diverge_at_once(folder_of(study, 1))
    aggregate_study(study)
    assert values_that_differ(plain_tables(study), paths.tables_folder(study)) == 0
    lost = table(study, "metrics").query("seed == 1 and arm == 'new'")
    assert len(lost) == 1
    assert lost["norm"].isna().all()
    rows = table(study, "runs").set_index(["arm", "seed"])
    assert rows.loc[("new", 1), "status"] == "diverged"
    assert "diverged" in rows.loc[("new", 1), "findings"].split()
    assert np.isnan(rows.loc[("new", 1), "reported_loss"])


def test_the_columns_have_the_types_that_are_described(study):
    aggregate_study(study)
    for name, columns in (("metrics", METRICS), ("layers", LAYERS)):
        found = pq.read_schema(paths.tables_folder(study) / f"{name}.parquet")
        assert found.equals(schema(columns), check_metadata=True)
        of_run = pq.read_schema(folder_of(study, 0) / f"{name}.parquet")
        assert list(of_run) == [field for field in schema(columns) if field.name not in KEYS]


def test_every_file_of_a_run_is_read_once(study, monkeypatch):
    read = []
    for name in ("read_arrow", "read_run_record"):
        reader = getattr(run_results, name)

        def counting(file, *more, reader=reader):
            read.append(file)
            return reader(file, *more)

        monkeypatch.setattr(run_results, name, counting)
    aggregate_study(study)
    assert len(read) == len(set(read)) == len(paths.KEPT) * len(runs(study))


def test_runs_are_not_read_long_before_they_are_asked_for(study, monkeypatch):
    read = []
    monkeypatch.setattr(run_results, "runs_of_step", lambda study, step: list(range(100)))
    monkeypatch.setattr(run_results, "read_results", lambda study, run: read.append(run) or run)
    results = results_of_runs(study)
    assert [next(results), next(results)] == [0, 1]
    assert len(read) <= AHEAD + 2
    assert list(results) == list(range(2, 100))


def test_a_table_is_written_in_row_groups_of_many_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(table_files, "ROWS_OF_A_GROUP", 100)
    file = tmp_path / "table.parquet"
    piece = pa.table({"epoch": list(range(30)), "unknown": [1] * 30})
    with table_file(file, METRICS) as writer:
        for seed in range(10):
            writer.add(piece, seed=seed)
    content = pq.ParquetFile(file)
    assert [content.metadata.row_group(i).num_rows for i in range(3)] == [120, 120, 60]
    rows = content.read().to_pandas()
    assert rows["seed"].tolist() == [seed for seed in range(10) for _ in range(30)]
    assert rows["epoch"].tolist() == list(range(30)) * 10
    assert rows["train_loss"].isna().all()


def test_a_table_that_is_not_finished_is_not_there(tmp_path):
    file = tmp_path / "table.parquet"
    with pytest.raises(pa.ArrowInvalid), table_file(file, METRICS) as writer:
        writer.add(pa.table({"epoch": ["first"]}))
    assert list(tmp_path.iterdir()) == []


def test_what_has_no_value_is_empty_and_no_nan(tmp_path):
    file = tmp_path / "table.parquet"
    write_frames(file, METRICS, [pd.DataFrame({"epoch": [1, 2], "norm": [np.nan, 1.0]})])
    assert pq.read_table(file)["norm"].to_pylist() == [None, 1.0]


@pytest.mark.parametrize(
    ("name", "damage", "told"),
    [
        ("metrics.parquet", lambda file: file.write_bytes(b"PAR1"), "is damaged"),
        ("layers.parquet", lambda file: file.write_bytes(file.read_bytes()[:-9]), "is damaged"),
        ("layers.parquet", Path.unlink, "missing; run the study again (its step `tlstudy train`)"),
        ("run.json", lambda file: file.write_text("{"), "is damaged"),
        ("run.json", lambda file: file.write_text("{}"), "it lacks 'run'"),
        (
            "metrics.parquet",
            lambda file: rewrite(file, lambda rows: rows.drop(columns="training_seconds")),
            "it lacks the column 'training_seconds'",
        ),
        (
            "metrics.parquet",
            lambda file: rewrite(file, lambda rows: rows.assign(train_loss="low")),
            "is damaged",
        ),
    ],
)
def test_a_damaged_file_is_told_in_a_sentence_and_no_table_is_left(study, name, damage, told):
    file = folder_of(study, 2) / name
    damage(file)
    with pytest.raises(UserError) as raised:
        aggregate_study(study)
    assert str(file) in raised.value.message
    assert told in raised.value.message
    assert "\n" not in raised.value.message
    assert list(paths.tables_folder(study).iterdir()) == []


def test_runs_on_different_weights_of_one_name_are_refused(study):
    file = folder_of(study, 3) / "run.json"
    record = json.loads(file.read_text())
    record["weights"]["sha256"] = "1" * 64
    file.write_text(json.dumps(record))
    with pytest.raises(UserError, match="used 2 different files"):
        aggregate_study(study)
    assert list(paths.tables_folder(study).iterdir()) == []
