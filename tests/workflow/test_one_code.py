"""The package that jobs run is the one that Snakemake planned with, or they refuse."""

import os
import shutil
import subprocess
import sys

import pytest
from study_folder import ROOT, StudyFolder

from tlstudy.jobs.one_code import PLANNED_WITH, package_digest
from tlstudy.storage.environment import PACKAGE


@pytest.fixture
def checkout(tmp_path):
    """A clone of the workflow whose package is another: it says so when it is asked."""
    folder = tmp_path / "checkout"
    for name in ("tlstudy", "workflow", "report", "envs", "profiles"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, folder / name)
    with (folder / "tlstudy" / "steps" / "subset.py").open("a") as file:
        file.write("\nprint('the code of the checkout')\n")
    return folder


def test_jobs_run_the_package_beside_the_rules_and_not_another_that_is_installed(
    checkout, tmp_path
):
    """As after `pip install .`, with the checkout changed since: PYTHONPATH stands for it."""
    place = StudyFolder(tmp_path / "study")
    place.root = checkout
    place.have_only(new={"architecture": "resnet18", "image_size": 32, "epochs": 1})
    place.overlay |= {"seed": 26, "subset_size": 10}
    (place.folder / "site").symlink_to(ROOT)
    place.succeed("--until", "subset")
    (log,) = place.results.glob("logs/subset/**/*.log")
    assert "the code of the checkout" in log.read_text()


def test_a_command_of_another_code_than_was_planned_with_refuses(checkout):
    other = checkout / "tlstudy"
    planned = f"{package_digest(other)} {other}"
    assert package_digest(other) != package_digest(PACKAGE)
    result = _version(planned)
    assert result.returncode == 1
    assert f"install --editable {checkout}`" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_same_code_in_another_place_is_the_same(tmp_path):
    copy = tmp_path / "tlstudy"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for left_by_others in (".DS_Store", "steps/.#train.py", "steps/._train.py", "steps/train.py~"):
        (copy / left_by_others).write_text("no code")
    assert _version(f"{package_digest(copy)} {copy}").returncode == 0


def _version(planned):
    variables = os.environ | {PLANNED_WITH: planned, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tlstudy.cli", "schema"]
    return subprocess.run(command, env=variables, capture_output=True, text=True)
