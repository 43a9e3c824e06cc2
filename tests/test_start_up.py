"""What a job imports before its work begins: seconds vary, modules do not."""

import subprocess
import sys

from benchmarks import start_up

# Each takes a third of a second or more. PyTorch and torchvision are what a training is made of.
HEAVY = ("matplotlib", "pandas", "pyarrow", "scipy", "sklearn")


def test_a_training_job_starts_without_what_it_does_not_need_yet(tmp_path):
    assert imported_by(tmp_path, start_up.TRAIN, start_up.WHERE_WORK_BEGINS) == ["torch"]


def test_putting_tables_together_needs_no_pytorch(tmp_path):
    imported = imported_by(tmp_path, ("aggregate",), "run.json: missing")
    assert "pyarrow" in imported
    assert not {"matplotlib", "sklearn", "torch"} & set(imported)


def test_the_benchmark_times_a_job_that_came_to_its_work(tmp_path):
    row = start_up.training(tmp_path, turns=1)
    assert 0.5 < row["value"] < 60
    assert row["unit"] == "CPU seconds"


def imported_by(folder, arguments, says) -> list[str]:
    """Heavy modules that a command had imported when it stopped for want of its first file."""
    start_up.write_configuration(folder)
    code = (
        "import sys\nfrom tlstudy.cli import main\n"
        f"try: main({list(arguments)})\n"
        f"except SystemExit: print(*sorted({{'torch', *{HEAVY}}} & sys.modules.keys()))"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert says in result.stderr
    return result.stdout.split()
