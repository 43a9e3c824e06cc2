"""Runs that fail in a study: the rest is done and reported, and what failed is told."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import audit_study
import pandas as pd
import psutil
import pytest
from configurations import DEFAULT
from reports import Page, inputs_from
from study_folder import StudyFolder

from tlstudy.audit.claims import ledger
from tlstudy.audit.ladder import ladder_table
from tlstudy.cli.incomplete import make_incomplete_report
from tlstudy.config.catalogue import figure_names
from tlstudy.config.named_runs import find_run
from tlstudy.config.study import STEPS, build_study, runs
from tlstudy.jobs import paths
from tlstudy.jobs.attempts import attempt, read_attempt
from tlstudy.jobs.progress import Job, progress, progress_text
from tlstudy.report.figures import draw, style
from tlstudy.report.page.render import render
from tlstudy.report.sentences.progress import LOG_LINES, log_end
from tlstudy.steps.aggregate import aggregate_study
from tlstudy.steps.claims import make_claims
from tlstudy.steps.figures import draw_figures
from tlstudy.steps.report import make_report
from tlstudy.steps.subset import make_subset
from tlstudy.steps.train import train_run
from tlstudy.storage.errors import UserError

ARM = {"architecture": "resnet18", "image_size": 32, "epochs": 1, "group": "main"}
WILD = {"name": "sgd", "learning_rate": 1e30}
CLAIM = {
    "text": "A slow network learns more.",
    "quantity": "balanced_accuracy",
    "arm": "slow",
    "against": "new",
    "controls": [
        {"quantity": "displacement", "arm": "slow", "at_least": 0, "says": "the slow one moved"}
    ],
}
CHANGES = {
    "subset_size": [20],
    "evaluation": {"epoch_images": 10, "final_images": 20},
    "landscape": {"seeds": []},
    "ladder": [],
    "claims": {"slower": CLAIM},
}
LOST = ("slow", 27)  # the run that fails
NEVER = ("slow", 28)  # the run that was never begun


@pytest.fixture(scope="module")
def study(tmp_path_factory, cache):
    """Two arms and one that diverges, three seeds: real runs, but for two of one arm."""
    arms = {
        "new": ARM,
        "slow": {**ARM, "label": "Slow", "optimiser": {"learning_rate": 0.0001}},
        "wild": {**ARM, "optimiser": WILD},
    }
    folder = tmp_path_factory.mktemp("results")
    places = {"results": str(folder), "cache": str(cache)}
    made = build_study({**DEFAULT, **CHANGES, **places, "seed": [26, 27, 28], "arms": arms})
    for seed in made.seed:
        make_subset(made, "mnist", "stratified", 20, seed)
    for run in runs(made):
        if (run.arm, run.seed) not in (LOST, NEVER):
            train_run(made, run, threads=1)
    with pytest.raises(RuntimeError), attempt(note_of(made, *LOST)):
        raise RuntimeError("<no space> left")
    return made


def note_of(study, arm, seed) -> Path:
    job = paths.job_of_run("train", find_run(study, arm, 20, seed))
    return paths.attempt_file(paths.study_folder(study), job)


@pytest.fixture(scope="module")
def incomplete(study) -> Path:
    return make_incomplete_report(study, "snakemake --cores 2 --")[0]


def state(study, arm, seed) -> str:
    return next(
        cell.state for cell in progress(study).cells if (cell.row[0], cell.seed) == (arm, seed)
    )


def test_failed_missing_and_diverged_runs_are_told_apart(study):
    assert progress(study).headline() == "7 of 9 runs are there; 1 failed, 1 missing."
    assert state(study, "new", 27) == "done"
    assert state(study, "wild", 26) == "diverged"
    assert state(study, *LOST) == "failed"
    assert state(study, *NEVER) == "missing"


def test_the_terminal_shows_grid_error_and_command(study):
    lines = progress_text(progress(study), "").splitlines()
    assert lines[2].split() == ["26", "27", "28"]
    assert lines[4].split() == ["slow,", "20", "+", "F", "."]
    assert lines[5].split() == ["wild,", "20", "d", "d", "d"]
    assert "failed: train, slow, 20, 27" in lines
    assert any(line.endswith("<no space> left") for line in lines)
    assert any("again: tlstudy" in line for line in lines)


def test_runs_of_other_evaluations_and_damaged_records_are_not_there(study, tmp_path):
    evaluation = study.evaluation.model_copy(update={"final_images": 40})
    assert state(study.model_copy(update={"evaluation": evaluation}), "new", 26) == "missing"
    file = paths.folder_of_run(study, find_run(study, "new", 20, 26)) / "run.json"
    whole = file.read_text()
    try:
        file.write_text(whole[: len(whole) // 2])
        assert state(study, "new", 26) == "missing"
        for damaged in ("{}", "[]", "null"):
            file.write_text(damaged)
            assert state(study, "new", 26) == "missing"
    finally:
        file.write_text(whole)


def test_the_incomplete_report_says_first_what_is_there(incomplete):
    page = Page(incomplete.read_text())
    assert page.errors == []
    first, _, rest = page.text.partition("Incomplete: 7 of 9 runs are there; 1 failed, 1 missing.")
    assert "Claims" in first
    assert "Set-up" in rest  # what is there follows
    states = [
        cell["class"].split()[1] for cell in page.all("td") if "state" in cell.get("class", "")
    ]
    assert sorted(states) == sorted(["done"] * 4 + ["diverged"] * 3 + ["failed", "missing"])


def test_the_incomplete_report_tells_error_and_commands_escaped(study, incomplete):
    html = incomplete.read_text()
    assert "RuntimeError: &lt;no space&gt; left" in html
    target = paths.folder_of_run(study, find_run(study, "slow", 20, 27)) / "run.json"
    assert f"snakemake --cores 2 -- &#39;{target}&#39;" in html
    links = [link["href"] for link in Page(html).all("a") if "failure" in link["href"]]
    assert links == ["#failure-1"]


def test_figures_of_an_incomplete_report_name_the_command_that_makes_them(incomplete):
    html = incomplete.read_text()
    assert "<code>tlstudy report --incomplete results/" in html
    assert "tlstudy figures" not in html


def test_nothing_incomplete_lies_among_what_is_complete(study, incomplete):
    folder = paths.study_folder(study)
    assert incomplete == folder / "incomplete" / "report.html"
    names = ("tables", "figures", "report.html", "provenance/aggregate.json")
    assert not any((folder / name).exists() for name in names)
    table = pd.read_parquet(incomplete.parent / "tables" / "runs.parquet")
    assert len(table) == 7


def test_a_claim_is_judged_from_the_seeds_that_are_complete(incomplete):
    tables = incomplete.parent / "tables"
    claim = pd.read_parquet(tables / "claims.parquet").iloc[0]
    assert claim["seeds"] == 1
    assert "Judged from 1 of 3 seeds." in claim["because"]
    assert pd.read_parquet(tables / "claim-values.parquet")["seed"].tolist() == [26]


def test_a_complete_study_shows_its_grid_and_leaves_no_incomplete_report(study, tmp_path):
    part = study.model_copy(update={"seed": [26]})
    with pytest.raises(UserError, match="3 of 3 runs are there"):
        make_incomplete_report(part, "")
    for step in (aggregate_study, make_claims, draw_figures, make_report):
        step(part)
    page = Page(paths.report_file(part).read_text())
    assert page.errors == []
    assert "3 of 3 runs are there." in page.text
    assert "Incomplete" not in page.text
    assert not paths.incomplete_folder(part).exists()


def test_a_study_without_any_run_has_a_page_of_its_own(tmp_path, cache):
    made = build_study({**DEFAULT, "results": str(tmp_path), "cache": str(cache)})
    page = Page(make_incomplete_report(made, "")[0].read_text())
    assert page.errors == []
    assert "0 of 40 runs are there; 40 missing." in page.text
    assert "There are no results: no run is there yet." in page.text


@pytest.mark.parametrize(
    "lost",
    [
        pytest.param(
            lambda arm, seed: arm == "pretrained-final" or seed == 26,
            id="an arm, and the first seed",
        ),
        pytest.param(lambda arm, seed: arm.startswith("new"), id="all new networks"),
        pytest.param(
            lambda arm, seed: (arm, seed) != ("new-final", 27),
            id="all but one",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_whatever_is_lacking_there_is_a_report(lost):
    """The audit with its ladder and claims, on made-up tables."""
    study = audit_study.make_study(seeds=5, epochs=6)
    tables = {
        name: table[~rows_of(table, lost)] if "arm" in table else table
        for name, table in audit_study.make_tables(study).items()
        if name != "landscapes"
    }
    part = study.without(
        (step, run.arm, run.subset_size, run.seed)
        for run in runs(study)
        if lost(run.arm, run.seed)
        for step in STEPS
    )
    tables["claims"], _ = ledger(part, tables)
    tables["ladder"] = ladder_table(part, tables["runs"])
    tables["landscapes"] = []
    for name in figure_names(part):
        with style.look(name):
            draw(part, name, tables, 50)
    inputs = inputs_from(study, tables)
    page = Page(render(dataclasses.replace(inputs, study=part)))
    assert page.errors == []
    there = set(tables["runs"]["seed"])
    assert len(there) == 5 or f"({len(there)} of 5 seeds)" in page.text
    tested = tables["claims"][tables["claims"]["verdict"] != "open"]
    untested = tested[tested["seeds"] == 0]
    assert (tested["seeds"] < 5).any()
    assert set(untested["verdict"]) <= {"not testable"}


def rows_of(table, lost) -> pd.Series:
    return pd.Series(map(lost, table["arm"], table["seed"]), index=table.index, dtype=bool)


def test_a_job_that_ends_well_or_is_interrupted_leaves_no_note(tmp_path):
    file = tmp_path / "attempts" / "job.json"
    with attempt(file):
        noted = read_attempt(file)
        assert noted.may_run()
        assert f"is running (process {os.getpid()})" in noted.told()
        assert Job((), [], file, "running", noted).again == ""
        elsewhere = dataclasses.replace(noted, host="another")
        assert "was killed there" in elsewhere.told()
        assert Job((), [], file, "running", elsewhere).again == noted.command
    assert not file.exists()
    with pytest.raises(KeyboardInterrupt), attempt(file):
        raise KeyboardInterrupt
    assert not file.exists()


def test_a_killed_job_is_seen_to_have_been_killed(tmp_path):
    file = tmp_path / "job.json"
    code = (
        "import os, pathlib, signal, sys; from tlstudy.jobs.attempts import attempt\n"
        "with attempt(pathlib.Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(file)])
    assert ended.returncode == -signal.SIGKILL
    noted = read_attempt(file)
    assert not noted.may_run()
    assert "was killed" in noted.told()


def test_a_number_that_another_process_has_now_is_not_the_job(tmp_path):
    file = tmp_path / "job.json"
    with attempt(file):
        noted = json.loads(file.read_text())
    before = psutil.Process().create_time() - 3600
    file.write_text(json.dumps({**noted, "began": before}))
    assert not read_attempt(file).may_run()
    file.write_text(json.dumps(noted))
    assert read_attempt(file).may_run()


def test_the_end_of_a_log_is_what_the_terminal_showed(tmp_path):
    file = tmp_path / "log"
    lines = [f"line {number}" for number in range(100)]
    bar, coloured = "1 %\r50 %\r100 %\r", "\x1b[31mred\x1b[0m"
    file.write_text("\n".join([*lines, bar, coloured, "x" * 9999]))
    shown = log_end(file)
    assert len(shown) == LOG_LINES
    assert shown[-3:-1] == ["100 %", "red"]
    assert len(shown[-1]) < 1000


def test_a_failing_run_leaves_a_report_until_it_is_mended(tmp_path, cache):
    """The tuned arm fails at every learning rate that it may choose."""
    place = StudyFolder(tmp_path / "study")
    tuned = {**ARM, "tune_learning_rate": True, "optimiser": {"name": "sgd"}}
    place.have_only(new=ARM, tuned=tuned)
    place.overlay["tuning"] = {"learning_rates": [1e30, 2e30], "folds": 2}
    result = place.run("--keep-going")
    assert result.returncode != 0
    assert "Error: tuning.learning_rates: found [1e+30, 2e+30]" in result.stdout
    assert "1 of 2 runs is there; 1 failed: results/tiny/incomplete/report.html" in result.stdout
    assert not (place.results / "report.html").exists()
    html = (place.results / "incomplete" / "report.html").read_text()
    assert "fold 2 of 2" in html  # of the log
    assert "tlstudy train --config results/tiny/settings/" in html
    assert "--configfile tiny.yaml --keep-going -- &#39;results/tiny/runs/" in html
    assert list(place.results.glob("logs/train/*/*/*.log"))
    assert list(place.results.glob("attempts/**/*.json"))
    place.overlay["tuning"]["learning_rates"] = [0.001, 0.003]
    place.succeed("--until", "train")
    assert not list(place.results.glob("attempts/**/*.json"))
