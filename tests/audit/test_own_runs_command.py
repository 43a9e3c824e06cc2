"""`tlstudy audit`: tables and folders of runs, told in text, JSON and an exit status."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from audited import audit, findings, words
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from real_runs import published_new_run, sound_run

from tlstudy.audit.own_runs.columns import COLUMNS, PLAIN
from tlstudy.audit.published import published_evidence


@pytest.fixture
def tables(tmp_path) -> dict[str, Path]:
    """The epochs of a flawed and of a sound real run, and of the published ones, as CSV."""
    runs = {"flawed": published_new_run(), "sound": sound_run()}
    frames = {name: run.metrics for name, run in runs.items()}
    frames |= {run.arm: run.metrics for run in published_evidence()}
    files = {name: tmp_path / f"{name}.csv" for name in frames}
    for name, frame in frames.items():
        frame.to_csv(files[name], index=False)
    return files


def test_a_flawed_run_is_told_with_what_was_seen_why_and_what_to_do(tables):
    result = audit(tables["flawed"])
    assert result.exit_code == 1
    counts = "2 errors, 4 warnings, 1 note"
    assert result.output.startswith(f"flawed ({tables['flawed']}): {counts}")
    assert re.search(r"error: no-weight-moved \(F1\)\n +saw .*\n +why .*\n +do ", result.output)
    assert "Looked (" in result.output
    assert re.search("the folder of a run of tlstudy: [^:]*path-without-plane", words(result))
    assert result.output.rstrip().endswith(f"1 run: {counts}.")


def test_a_sound_run_is_clean(tables):
    """But for the running statistics, which a table cannot say are not what is reported."""
    frame = pd.read_csv(tables["sound"])
    frame = frame.drop(columns=[name for name in frame if name.endswith("_running")])
    frame.to_csv(tables["sound"], index=False)
    result = audit(tables["sound"], "--fail-on", "warning")
    assert result.exit_code == 0
    assert "sound.csv): nothing found" in result.output
    assert "Skipped (" in result.output


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_formats_and_ways_to_tell_runs_apart(tmp_path, suffix):
    new, pretrained = (run.metrics for run in published_evidence())
    expected = {
        "gradients-add-up",
        "loss-of-guessing",
        "test-accuracy-of-guessing",
        "train-loss-did-not-fall",
    }
    for keys, name in (
        ({"run": "a"}, "a"),
        ({"arm": "a"}, "a"),
        ({"arm": "a", "subset_size": 50, "seed": 26}, "a, n = 50, seed 26"),
    ):
        other = {key: "b" if value == "a" else value for key, value in keys.items()}
        frame = pd.concat([new.assign(**keys), pretrained.assign(**other)])
        frame = frame.sort_values("epoch", kind="stable")  # rows of runs may alternate
        file = tmp_path / f"runs{suffix}"
        frame.to_csv(file, index=False) if suffix == ".csv" else frame.to_parquet(file)
        found = findings(file)
        assert len(found) == 3
        assert found[name] == expected
        assert found[f"2 runs of {file.name} compared"] == set()


def test_columns_of_other_names_and_epochs_from_0(tmp_path):
    new = published_evidence()[0].metrics
    file = tmp_path / "board.csv"
    frame = pd.DataFrame(
        {"Step": new["epoch"] - 1, "grad/norm": new["gradient_norm"], "beta": 0.001, "epoch": "x"}
    )
    frame.to_csv(file, index=False)
    options = ("--column", "epoch=Step", "--column", "gradient_norm=grad/norm")
    assert findings(file, *options) == {"board": {"gradients-add-up"}}
    assert "  no sentinel reads beta." in audit(file, *options).output


def test_plain_test_values_are_those_of_running_statistics(tmp_path):
    new = published_evidence()[0].metrics
    plain = new.rename(columns={full: name for name, full in PLAIN.items()})
    plain.to_csv(tmp_path / "plain.csv", index=False)
    assert "test-accuracy-of-guessing" in findings(tmp_path / "plain.csv")["plain"]


def test_the_number_of_classes_decides_what_guessing_is(tmp_path):
    file = tmp_path / "hundred.csv"
    pd.DataFrame({"epoch": [1], "test_accuracy": [0.1], "test_images": [1000]}).to_csv(file)
    assert findings(file, "--classes", 10)["hundred"] == {"test-accuracy-of-guessing"}
    assert findings(file, "--classes", 100)["hundred"] == set()


@pytest.mark.parametrize(
    ("columns", "statuses"),
    [
        # An error, a warning, a note, and nothing; with --fail-on error, warning and never.
        ({"displacement_from_start": [0.0, 0.0]}, (1, 1, 0)),
        ({"train_loss": [2.3, 2.3, 2.3]}, (0, 1, 0)),
        ({"displacement_from_previous": [0.1, 0.1]}, (0, 0, 0)),
        ({"train_loss": [2.3, 1.3, 0.3]}, (0, 0, 0)),
    ],
)
def test_exit_status(tmp_path, columns, statuses):
    file = tmp_path / "run.csv"
    pd.DataFrame(columns).rename_axis("epoch").to_csv(file)
    found = [audit(file, "--fail-on", level).exit_code for level in ("error", "warning", "never")]
    assert found == list(statuses)
    assert audit(file).exit_code == statuses[0]


def test_nothing_found_is_said_only_where_something_was_looked_at(tmp_path):
    """A run that no sentinel can look at has a status of its own, unless another is flawed."""
    empty, flawed = tmp_path / "empty.csv", tmp_path / "flawed.csv"
    empty.write_text("epoch,train_acc\n1,0.5\n2,0.6\n")
    flawed.write_text("epoch,displacement_from_start\n1,0\n2,0\n")
    result = audit(empty, "--fail-on", "never")
    assert result.exit_code == 3
    assert "no sentinel makes anything of train_accuracy alone" in words(result)
    assert "nothing found" not in result.output
    assert audit(empty, flawed).exit_code == 1
    assert not json.loads(audit(empty, "--json").output)["runs"][0]["judged"]


def test_settings_alone_are_no_run(tmp_path):
    """A table of epochs and rates shows a rate of 0, and nothing else."""
    file = tmp_path / "rates.csv"
    file.write_text("epoch,lr\n1,0.1\n2,0.1\n3,0.01\n")
    result = audit(file)
    assert result.exit_code == 3
    assert "no sentinel makes anything of learning_rate alone" in words(result)
    file.write_text("epoch,lr\n1,0\n2,0\n3,0\n")
    assert audit(file).exit_code == 1
    file.write_text("epoch,loss,val_loss\n1,0.5,0.6\n2,0.4,0.5\n")
    assert "8 epochs with a loss: oscillation" in words(audit(file))


def test_of_many_runs_what_is_skipped_is_counted(tmp_path):
    files = [tmp_path / f"{number}.csv" for number in range(6)]
    for number, file in enumerate(files):
        rows = [f"{epoch},{1 / epoch},{2 / epoch}" for epoch in range(1, 3 + number)]
        file.write_text("\n".join(["epoch,loss,val_loss" if number else "epoch,loss,x", *rows]))
    result = audit(*files)
    skipped = words(result).partition("Skipped")[2]
    assert "3 epochs with train_loss: train-loss-did-not-fall (in 1 of 6)" in skipped
    assert "4 epochs with test_loss: " in skipped
    assert "found" not in skipped.rpartition("runs:")[0]
    assert not any(file.stem + ")" in skipped for file in files)


def test_the_number_of_classes_is_never_assumed(tmp_path):
    file = tmp_path / "runs.csv"
    file.write_text("epoch,val_acc\n1,0.1\n2,0.1\n")
    result = audit(file, "--test-images", 1000)
    assert "the number of classes (--classes): test-accuracy-of-guessing" in words(result)
    assert "the number of classes is unknown: name it with --classes" in result.output
    judged = audit(file, "--test-images", 1000, "--classes", 10, "--fail-on", "warning")
    assert judged.exit_code == 1


def test_the_columns_that_were_taken_are_said(tmp_path):
    file = tmp_path / "runs.csv"
    file.write_text("Epoch,TrainLoss,val_f1\n1,2.3,0\n2,2.1,1\n")
    result = audit(file)
    assert f"{file}: read Epoch as epoch, TrainLoss as train_loss." in words(result)
    assert "no sentinel reads val_f1." in result.output
    data = json.loads(audit(file, "--json").output)
    assert data["columns_read"] == {str(file): {"epoch": "Epoch", "train_loss": "TrainLoss"}}
    assert data["notes"][str(file)]
    assert data["columns_not_read"] == {str(file): ["val_f1"]}


FLOATS = [0.5, 1.0, np.nan, np.inf, -3.0, 1e300, 5e-324]
CELLS = [FLOATS, [1, 2, 0, 40, -1], [*FLOATS, 7, "", "x", "1", "\u00e9", True, None]]


# Writing and reading a file is slow where the machine is busy: that is no fault of the strategy.
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sets(st.sampled_from([*COLUMNS, "other"]), min_size=1, max_size=5),
    st.integers(0, 7),
    st.integers(0, 2**32 - 1),
)
def test_whatever_a_table_holds_it_is_examined_or_refused_in_a_sentence(
    tmp_path_factory, names, rows, seed
):
    generator = np.random.default_rng(seed)

    def column() -> list:
        kind = generator.integers(len(CELLS) + 1)
        if kind == len(CELLS):
            return list(range(1, rows + 1))
        return [CELLS[kind][i] for i in generator.integers(len(CELLS[kind]), size=rows)]

    file = tmp_path_factory.mktemp("any") / "any.csv"
    pd.DataFrame({name: column() for name in sorted(names)}).to_csv(file, index=False)
    result = audit(file)
    if result.exit_code == 2:
        assert str(file) in result.output
        assert len(result.output.splitlines()) == 1
    else:
        assert result.output.splitlines()[-1].endswith(".")


def test_a_folder_that_may_not_be_read(tmp_path):
    folder = tmp_path / "secret"
    folder.mkdir(mode=0)
    try:
        if os.access(folder, os.R_OK):
            pytest.skip("this user may read everything")
        result = audit(folder)
        assert result.exit_code == 2
        assert f"{folder}: Permission denied." in result.output
    finally:
        folder.chmod(0o700)


KINDS = [*sorted((Path(__file__).parent / "logs").glob("[rs]*")), None]
JUNK = [
    "nan",
    "inf",
    "1e400",
    '"',
    "[",
    "{",
    ",",
    ";",
    "\n",
    "\t",
    "-1",
    "null",
    "%",
    "\0",
    "\u00e9",
]
JUNK += [" - ", "epoch", "step", "run", "seed", "split", "value", "9" * 400]


def test_a_name_with_line_breaks_is_told_in_one_line(tmp_path):
    file = tmp_path / "any.csv"
    file.write_text('"0,1\n1,2\n",other\n1,2\n2,3\n')
    result = audit(file)
    assert result.exit_code == 2
    assert len(result.output.splitlines()) == 1


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(KINDS),
    st.lists(st.tuples(st.floats(0, 1), st.sampled_from(JUNK) | st.binary(max_size=4)), max_size=9),
)
def test_whatever_a_file_holds_there_is_no_traceback(tmp_path_factory, kind, junk):
    content = bytearray(kind.read_bytes() if kind else b"")
    for place, piece in junk:
        at = int(place * len(content))
        content[at : at + 2] = piece if isinstance(piece, bytes) else piece.encode()
    file = tmp_path_factory.mktemp("any") / "any.csv"
    file.write_bytes(content)
    result = audit(file)
    assert result.exit_code in (0, 1, 2, 3)
    if result.exit_code == 2:
        assert str(file) in result.output
        assert len(result.output.splitlines()) == 1


def test_the_command_needs_no_torch(tables):
    """It starts in seconds, for use in other programs' checks."""
    code = (
        "import sys\nfrom tlstudy.cli import main\n"
        "try:\n    main(sys.argv[1:], standalone_mode=False)\n"
        "except SystemExit:\n    print('torch' in sys.modules)\n"
    )
    command = [sys.executable, "-c", code, "audit", str(tables["flawed"])]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.strip().endswith("False")
