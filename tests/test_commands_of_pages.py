"""Every command that a page shows can be typed as it stands there."""

import glob
import re
import shlex
import shutil
from pathlib import Path

import click
import made_results
import pytest
from click.testing import CliRunner
from pages import ROOT
from snakemake.cli import parse_args

from tlstudy.cli import main

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
LOGS = ROOT / "tests" / "audit" / "logs"
# These time steps, train, or show a screen until a study ends: only their options are read.
LONG = {"plan", "train", "--watch"}
INSTALLING = ("pip install ", "source ", "python docs/", "tar xzf ")


def commands(file: Path) -> list[str]:
    """Lines of a page's shell blocks, without remarks."""
    blocks = BLOCK.findall(file.read_text(encoding="utf-8"))
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in (re.sub(r"\s+#.*", "", line).strip() for line in lines) if line]


SHOWN = sorted({line for file in PAGES for line in commands(file)})
OURS = [line for line in SHOWN if line.startswith("tlstudy ")]
WORKFLOWS = [line for line in SHOWN if line.startswith("snakemake ")]
TARGETS = [line for line in SHOWN if line.startswith("make ")]


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A checkout's files that commands name, and results and logs as the pages call them."""
    folder = tmp_path_factory.mktemp("place")
    shutil.copy(ROOT / "config.yaml", folder)
    shutil.copytree(ROOT / "studies", folder / "studies")
    shutil.copytree(ROOT / "docs" / "examples", folder / "docs" / "examples")
    shutil.copytree(ROOT / "profiles", folder / "profiles")
    [mine] = re.findall(
        r"```yaml\n(study: mine.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
    )
    (folder / "studies" / "mine.yaml").write_text(mine)
    made_results.small_results(folder / "results", "quick")
    made_results.small_results(folder / "results", "mine")
    shutil.copytree(folder / "results" / "quick", folder / "quick")
    log = (LOGS / "r01-keras-csvlogger.csv").read_text()
    for name in ("training.csv", "history.csv", "runs/one.csv", "lightning_logs/version_0/a.csv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(log)
    shutil.copytree(folder / "runs", folder / "results" / "quick" / "runs" / "new" / "n~50" / "1")
    (folder / "export.csv").write_text(log.replace(",loss", ",objective", 1))
    shutil.copy(LOGS / "r11-hf-trainer-state.json", folder / "trainer_state.json")
    return folder


@pytest.mark.parametrize("line", OURS)
def test_a_command_of_ours_does_what_the_page_says(place, tmp_path, monkeypatch, line):
    monkeypatch.chdir(place)
    typed = shlex.split(line.replace("<study>", "quick"))[1:]
    arguments = [name for part in typed for name in sorted(glob.glob(part)) or [part]]
    if LONG & {*arguments}:
        command = main.commands[arguments[0]]
        with command.make_context(arguments[0], arguments[1:], parent=click.Context(main)):
            return
    if arguments[0] == "init":  # a study that has neither a file nor results
        monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    # 1 is the answer of checks that find something: these results have no run behind them, for
    # which audit has 2.
    expected = (0, 1) if arguments[0] in ("audit", "verify", "pack") else (0,)
    if result.exit_code == 2:
        assert "has no run yet, so there is nothing to audit" in result.output
        expected = (2,)
    assert result.exit_code in expected, result.output


@pytest.mark.parametrize("line", WORKFLOWS)
def test_a_call_of_snakemake_has_options_and_files_that_there_are(place, monkeypatch, line):
    monkeypatch.chdir(place)
    arguments = shlex.split(line)[1:]
    if "--workflow-profile" in arguments:  # its executor need not be installed
        at = arguments.index("--workflow-profile")
        assert (place / "profiles" / arguments[at + 1] / "config.yaml").is_file()
        del arguments[at : at + 2]
    _, options = parse_args(arguments)
    for file in options.configfile or []:
        assert Path(file).is_file(), file


@pytest.mark.parametrize("line", TARGETS)
def test_a_target_of_make_is_there(line):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{shlex.split(line)[1]}:", makefile, re.MULTILINE)


def test_no_other_commands_are_shown():
    others = {*SHOWN} - {*OURS, *WORKFLOWS, *TARGETS}
    assert [line for line in sorted(others) if not line.startswith(INSTALLING)] == []
