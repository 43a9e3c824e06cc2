"""What the rules are told of runs, threads and GPUs."""

import os
import threading
from types import SimpleNamespace

import pytest
import synthetic
from configurations import changed

from tlstudy.config.study import build_study, runs
from tlstudy.jobs import paths
from tlstudy.jobs.workflow import (
    keep_ended_jobs,
    priorities,
    run_titles,
    study_of_report,
)
from tlstudy.storage.errors import UserError


def test_a_run_is_named_by_all_arms_that_share_it():
    study = build_study(changed("arms.pretrained.optimiser", {"learning_rate": [0.001, 0.01]}))
    names = run_titles(study)
    assert len(names) == len({(run.name, run.subset_size, run.seed) for run in runs(study)})
    assert "pretrained~learning_rate=0.01, n = 50, seed 26" in names.values()
    twice = changed("arms.again", changed("seed", 26)["arms"]["new"] | {"label": "Again"})
    assert "new, again, n = 50, seed 26" in run_titles(build_study(twice)).values()


def test_jobs_start_in_the_order_of_the_grid():
    configuration = changed("seed", [31, 26])
    configuration["arms"]["again"] = configuration["arms"]["new-published"] | {"label": "Again"}
    configuration["laboratory"] = {"experiments": ["relu", "diagonal"]}
    study = build_study(configuration)
    found = priorities(study)
    first_to_last = sorted(found, key=found.get, reverse=True)
    ways = ("published", "stratified")
    drawn = [("mnist", way, "50", seed) for way in ways for seed in ("31", "26")]
    trained = [(run.name, "50", str(run.seed)) for run in runs(study) if run.arm != "again"]
    tried = [(name, seed) for name in ("relu", "diagonal") for seed in ("31", "26")]
    assert first_to_last == [*drawn, *trained, *tried]
    assert min(found.values()) > 0  # tables and reports have 0


def test_another_versions_scheduler_ends_in_no_traceback(capsys):
    keep_ended_jobs(object())
    keep_ended_jobs(SimpleNamespace(scheduler=SimpleNamespace()))
    assert capsys.readouterr().err == ""
    other = SimpleNamespace(_lock=threading.Lock(), _finish_jobs=lambda: [].pop())
    keep_ended_jobs(SimpleNamespace(scheduler=other))
    assert "may run again" in capsys.readouterr().err


def report_of(study, folder, age: int):
    """A study with a report that was made so many seconds ago."""
    made = study.model_copy(update={"results": folder})
    paths.study_file(made).parent.mkdir(parents=True)
    paths.study_file(made).write_text(made.model_dump_json())
    paths.report_file(made).write_text("report")
    os.utime(paths.report_file(made), (1e9 - age, 1e9 - age))
    return made


def test_snakemakes_report_is_of_the_study_that_was_run(tmp_path):
    study = synthetic.make_study().model_copy(update={"results": tmp_path})
    older = report_of(study.model_copy(update={"study": "older"}), tmp_path, 60)
    newer = report_of(study.model_copy(update={"study": "newer"}), tmp_path, 30)
    assert study_of_report(study, []).study == newer.study
    assert study_of_report(older, ["studies/older.yaml"]) is older


def test_where_there_is_no_report_snakemakes_says_what_to_type(tmp_path):
    study = synthetic.make_study().model_copy(update={"results": tmp_path})
    with pytest.raises(UserError, match="`snakemake --cores all`"):
        study_of_report(study, [])
    report_of(study.model_copy(update={"study": "other"}), tmp_path, 60)
    with pytest.raises(UserError, match=r"--configfile studies/mine.yaml`.*reports of other"):
        study_of_report(study, ["studies/mine.yaml"])
