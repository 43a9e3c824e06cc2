"""The package as a wheel, without a checkout around it."""

import json
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version

import pytest
from study_folder import ROOT, environment

from tlstudy.jobs.one_code import package_digest
from tlstudy.storage.environment import PACKAGE

LOG = ROOT / "tests" / "audit" / "logs" / "r01-keras-csvlogger.csv"
# Runs commands one after another and prints how each ended, to import the package only once.
CALLS = """
import json, sys
from click.testing import CliRunner
import tlstudy
from tlstudy.cli import main

ended = [CliRunner().invoke(main, call) for call in json.loads(sys.argv[1])]
print(json.dumps([tlstudy.__file__, *([each.exit_code, each.output] for each in ended)]))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder of installed packages with the unpacked wheel in it."""
    # Not imported: it puts packages of its own before those that are installed.
    if int(version("setuptools").partition(".")[0]) < 77:
        pytest.skip("setuptools is older than 77")
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "tlstudy", source / "tlstudy", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = ["pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(folder)]
    made = subprocess.run(
        [sys.executable, "-m", *build, str(source)], capture_output=True, text=True
    )
    assert made.returncode == 0, made.stdout + made.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_a_wheel_has_all_code_and_data(site):
    assert package_digest(site / "tlstudy") == package_digest(PACKAGE)
    assert (site / "tlstudy" / "schema.json").is_file()


def test_commands_of_a_wheel_need_no_checkout_or_say_what_has_it(site, small_results, tmp_path):
    results = shutil.copytree(small_results.folder, tmp_path / "small")
    (results / "report.html").unlink()
    calls = [["--help"], ["audit", str(LOG)], *([name, "small"] for name in ("plan", "report"))]
    calls += [["verify", "small"], ["plan"], ["plan", str(ROOT / "studies" / "quick.yaml")]]
    done = subprocess.run(
        [sys.executable, "-c", CALLS, json.dumps(calls)],
        cwd=tmp_path,
        env=environment(site),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    place, helped, audited, *of_results, verified, alone, study = json.loads(done.stdout)
    assert place == str(site / "tlstudy" / "__init__.py")
    assert helped[0] == 0
    assert "audit" in helped[1]
    assert audited[0] in (0, 1), audited
    assert "1 run" in audited[1]
    assert [status for status, _ in of_results] == [0, 0], of_results
    assert (results / "report.html").is_file()
    assert "by this code" in verified[1]
    for status, told in (alone, study):
        assert status == 1
        assert told.startswith("Error: config.yaml: not found in this folder;")
        assert "It is in the workflow's repository" in told
