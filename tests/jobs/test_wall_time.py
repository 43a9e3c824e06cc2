"""How long the jobs that are left take on some cores, and the line that says so before a study."""

from dataclasses import replace

import pytest
from made_machine import MadeMachine, never, processor, shipped
from study_folder import ROOT

from tlstudy.config.given import given_study
from tlstudy.config.study import runs
from tlstudy.jobs import plan, workflow
from tlstudy.jobs.plan import Task, wall_seconds


def test_jobs_that_do_not_fill_the_cores_leave_them_idle():
    jobs = [Task("train", number, None, 10.0, 90.0) for number in range(5)]
    assert wall_seconds(jobs, processor(2)) == 300
    assert wall_seconds([replace(job, threads=2) for job in jobs], processor(2)) == 5 * 55
    assert wall_seconds(jobs, processor(4, real=2)) == 400
    chain = [*jobs, Task("landscape", "a", 4, 0.0, 50.0)]
    assert wall_seconds(chain, processor(8)) == 150
    assert wall_seconds([], processor(2)) == 0


@pytest.fixture
def here(monkeypatch):
    """This machine as the made one, with two cores, and memory for any job; nothing is timed."""
    monkeypatch.setattr(plan, "time_here", lambda _: never)
    monkeypatch.setattr(plan, "this_machine", lambda *_, **__: processor(2))
    monkeypatch.setattr(plan, "threads_of_job", lambda *_: 1)


def test_the_line_before_a_study_tells_time_cores_and_jobs(tmp_path, here):
    machine, study = MadeMachine(), shipped(tmp_path, "quick")
    machine.finish(study)
    keys = [(step, run.name, "50", "26") for step in ("train", "landscape") for run in runs(study)]
    line = plan.ahead(study, keys, cores=2, gpus=0)
    minutes = round(60 * machine.hours(study) / 2)
    found = int(line.split()[1])
    jobs = "(4 trainings, 4 landscape jobs)"
    assert line.startswith(f"About {found} min on 2 cores of an idle machine {jobs}")
    assert found == pytest.approx(minutes, rel=0.1)
    assert plan.ahead(study, keys[:1], cores=2, gpus=0) == ""


def test_short_studies_ask_nothing_and_a_failure_is_a_sentence(tmp_path, monkeypatch):
    tiny = given_study([ROOT / "config.yaml", ROOT / "tests" / "tiny.yaml"])
    keys = [("train", run.name, "20", "26") for run in runs(tiny)]
    monkeypatch.setattr(workflow.subprocess, "run", never)
    assert workflow.time_ahead(tiny, tmp_path, [*keys, ("report",)], cores=2, gpus=0) == ""
    monkeypatch.undo()
    study, nowhere = shipped(tmp_path), tmp_path / "nowhere.json"
    keys = [("train", run.name, "50", "26") for run in runs(study) if run.seed == 26]
    told = workflow.time_ahead(study, nowhere, keys, cores=2, gpus=0)
    assert "not known" in told
    assert f"`tlstudy plan --config {nowhere}`" in told
