"""What programs read of the commands."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from made_machine import MadeMachine

from tlstudy.cli import main
from tlstudy.jobs import plan


def read(*arguments: object) -> object:
    result = CliRunner().invoke(main, [*map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def folder(small_results, tmp_path_factory):
    return shutil.copytree(small_results.folder, tmp_path_factory.mktemp("json") / "small")


def test_runs_and_their_state(folder):
    rows = read("runs", folder)
    assert [(row["arm"], row["subset_size"], row["seed"]) for row in rows] == [
        ("new", 10, 26),
        ("pretrained", 10, 26),
    ]
    status = read("status", folder)
    assert (status["complete"], status["runs"], status["states"]) == (True, 2, {"done": 2})
    assert (status["epochs_done"], status["epochs"]) == (4, 4)
    assert {cell["state"] for cell in status["grid"]} == {"done"}
    assert status["unended"] == []


def test_the_verdict_and_its_first_problem(folder, tmp_path):
    whole = read("verify", folder)
    assert (whole["holds"], whole["problems"], len(whole["fingerprint"])) == (True, [], 64)
    damaged = shutil.copytree(folder, tmp_path / "small")
    (damaged / "report.html").write_text("")
    result = CliRunner().invoke(main, ["verify", str(damaged), "--json"])
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert not found["holds"]
    assert found["problems"][0].startswith("report.html: was truncated")


def test_the_plan(folder, monkeypatch):
    monkeypatch.setattr(plan, "time_here", lambda _: MadeMachine().timing)
    found = read("plan", folder, "--cores", 1)
    steps = {row["step"]: row for row in found["steps"]}
    assert (steps["train"]["jobs"], steps["train"]["done"]) == (2, 2)
    assert found["seconds_left"] == 0
    assert steps["train"]["core_hours_left"] == 0
    assert steps["train"]["core_hours"] > 0
    assert found["memory_mb_of_a_training"] > 0


def test_the_ledger(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "small")
    assert read("claims", copy) == {"ladder": [], "claims": [], "laboratory_claims": []}


def test_all_runs_of_a_study_are_audited(folder, tmp_path, monkeypatch):
    result = CliRunner().invoke(main, ["audit", str(folder), "--json", "--fail-on", "never"])
    found = json.loads(result.stdout)
    assert len([run for run in found["runs"] if run["source"]]) == 2
    copy = shutil.copytree(folder, tmp_path / "small")
    kept, lost = sorted((copy / "runs").iterdir())
    shutil.copytree(kept, copy / "runs" / "of-another-study")
    shutil.rmtree(lost)
    result = CliRunner().invoke(main, ["audit", str(copy), "--json", "--fail-on", "never"])
    [run] = json.loads(result.stdout)["runs"]
    assert Path(run["source"]).parts[-3] == kept.name
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("study: mine\n")
    result = CliRunner().invoke(main, ["audit", "mine.yaml"])
    assert "results/mine: has no run yet" in result.output, result.output
    assert result.exit_code == 2
