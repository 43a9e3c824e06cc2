"""What a job imports before its work begins: seconds vary, modules do not."""

import pytest

from benchmarks import start_up

# Each takes a third of a second or more. A training cannot do without torch and torchvision.
HEAVY = {"matplotlib", "pandas", "pyarrow", "scipy", "sklearn", "torch", "torchvision"}


def test_a_training_job_starts_without_what_it_does_not_need_yet(tmp_path):
    start_up.write_configuration(tmp_path)
    _, imported = start_up.spent_by(tmp_path, start_up.TRAIN, start_up.WHERE_WORK_BEGINS)
    assert imported & HEAVY == {"torch", "torchvision"}


def test_putting_tables_together_needs_no_pytorch(tmp_path):
    start_up.write_configuration(tmp_path)
    tables = tmp_path / "results" / "start-up" / "tables"
    tables.mkdir(parents=True)
    (tables / "of-before").touch()  # else it says at once that there are no results
    _, imported = start_up.spent_by(tmp_path, ("aggregate",), "run.json: missing")
    assert imported & HEAVY == {"pandas", "pyarrow", "scipy"}


def test_the_benchmark_times_the_help(tmp_path):
    row = start_up.help_text(tmp_path, turns=1)
    assert row["value"] > 0
    with pytest.raises(RuntimeError, match="No such option"):
        start_up.spent_by(tmp_path, ("--nonsense",), start_up.IN_THE_HELP)
