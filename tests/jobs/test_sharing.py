"""Runs that are taken from another study, and jobs of other code that are refused."""

import json
import shutil

import pytest
from click.testing import CliRunner
from result_files import content
from small_study import MEASURED, SIZE

from tlstudy.cli import main
from tlstudy.config.study import finished_study, load_study, runs
from tlstudy.jobs import graph, paths
from tlstudy.jobs.plan import jobs_left
from tlstudy.jobs.progress import progress
from tlstudy.jobs.recorded_speeds import recorded_speeds
from tlstudy.jobs.sharing import is_taken, take_measurement, take_training
from tlstudy.jobs.speed import jobs
from tlstudy.jobs.study_files import keep_study
from tlstudy.jobs.verify import Verification
from tlstudy.steps.aggregate import aggregate_study
from tlstudy.steps.claims import make_claims
from tlstudy.steps.figures import draw_figures
from tlstudy.steps.report import make_report


@pytest.fixture
def small(small_results, tmp_path):
    """The small study with its cache, in a folder where another one may lie beside it."""
    folder = shutil.copytree(small_results.folder, tmp_path / "results" / "small")
    cache = small_results.folder.parents[1] / "aside"
    shutil.copytree(cache, tmp_path / "cache", symlinks=True)
    study = finished_study(folder).model_copy(update={"cache": tmp_path / "cache"})
    keep_study(study)
    return study


def another(small, **changes):
    """A study of another name with the same runs, its training images drawn."""
    study = small.model_copy(update={"study": "other", **changes})
    for part in ("subsets", "provenance/subset"):
        source = paths.study_folder(small) / part
        shutil.copytree(source, paths.study_folder(study) / part)
    return study


def run_called(study, arm: str):
    return next(run for run in runs(study) if run.arm == arm)


def all_taken(study) -> list[str | None]:
    found = [take_training(study, run, for_workflow=False) for run in runs(study)]
    run = run_called(study, "pretrained")
    for name in graph.measurements():
        if getattr(study, name).seeds:
            found.append(take_measurement(study, run, name))
    return found


def test_equal_runs_are_taken_and_the_study_holds(small):
    study = another(small)
    assert set(all_taken(study)) == {"small"}
    for file in paths.study_folder(study).glob("runs/*/*/*/*"):
        origin = paths.study_folder(small) / file.relative_to(paths.study_folder(study))
        assert content(file) == content(origin)
        assert file.stat().st_ino != origin.stat().st_ino
    aggregate_study(study)
    make_claims(study)
    draw_figures(study)
    make_report(study)
    assert list(Verification(finished_study(paths.study_folder(study))).problems()) == []
    run = run_called(study, "new")
    assert is_taken(study, run, "train")
    assert not is_taken(small, run, "train")


def test_the_plan_counts_what_would_be_taken_as_done(small):
    for changes, left in (({}, False), ({"seed": [9]}, True)):
        study = another(small, **changes)
        assert bool(jobs_left(progress(study), list(jobs(study)))) == left
        shutil.rmtree(paths.study_folder(study))


def test_the_plan_counts_no_results_that_are_gone_from_the_other_study(small):
    study = another(small)
    shutil.rmtree(paths.study_folder(small) / paths.RUNS)
    assert len(jobs_left(progress(study), list(jobs(study)))) == len(list(jobs(study)))


@pytest.mark.parametrize(
    ("group", "key", "value"),
    [("evaluation", "final_images", 20), ("curvature", "directions", 2)],
)
def test_other_settings_are_other_results(small, group, key, value):
    changed = getattr(small, group).model_copy(update={key: value})
    study = another(small, **{group: changed})
    assert take_training(study, run_called(study, "pretrained"), for_workflow=False) is None
    assert not paths.folder_of_run(study, run_called(study, "pretrained")).exists()


def test_a_run_without_measurements_needs_none(small):
    selections = {
        name: getattr(small, name).model_copy(update={"seeds": []}) for name in measured_in(small)
    }
    study = another(small, **selections)
    assert take_training(study, run_called(study, "pretrained"), for_workflow=False) == "small"
    plane = paths.folder_of_run(study, run_called(study, "pretrained")) / paths.PLANE
    assert not plane.exists()
    assert take_training(study, run_called(study, "pretrained"), for_workflow=True) == "small"
    assert plane.is_file()  # Snakemake waits for it, and removes it


def measured_in(study):
    return [name for name in graph.measurements() if getattr(study, name).seeds]


@pytest.mark.parametrize("damage", ["altered", "missing", "code", "images"])
def test_what_is_not_as_its_provenance_says_is_not_taken(small, damage):
    study = another(small)
    run = run_called(study, "new")
    folder = paths.folder_of_run(small, run)
    provenance = paths.provenance_file(small, paths.job_of_run("train", run))
    if damage == "altered":
        (folder / "metrics.parquet").write_bytes(b"0")
    elif damage == "missing":
        (folder / "answers.parquet").unlink()
    elif damage == "code":
        provenance.write_text(json.dumps(json.loads(provenance.read_text()) | {"code": "0"}))
    else:
        [subset] = paths.study_folder(study).glob("subsets/*/*/*/*/subset.json")
        subset.write_text(subset.read_text() + " ")
    assert take_training(study, run, for_workflow=False) is None
    assert not paths.folder_of_run(study, run).exists()


def test_the_command_takes_it_and_says_so(small, monkeypatch, caplog):
    study = another(small)
    keep_study(study)
    monkeypatch.setattr(
        "tlstudy.steps.train.train_run", lambda *_: pytest.fail("it was trained again")
    )
    file = paths.study_file(study)
    options = ["--arm", "new", "--subset-size", str(SIZE), "--seed", str(MEASURED["seeds"][0])]
    with caplog.at_level("INFO"):
        result = CliRunner().invoke(main, ["train", str(file), *options])
    assert result.exit_code == 0, result.output
    assert "taken from study small" in caplog.text
    assert not list(paths.study_folder(study).glob("attempts/**/*.json"))


def test_what_was_taken_tells_no_speed(small):
    settings = paths.study_folder(small) / "settings" / "0123456789.json"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text(small.model_dump_json())
    device = json.loads(next(paths.study_folder(small).glob("runs/*/*/*/run.json")).read_text())
    processor = device["environment"]["processor"]
    before = recorded_speeds(small.results, processor)
    study = another(small)
    all_taken(study)
    other = paths.study_folder(study) / "settings" / "0123456789.json"
    other.parent.mkdir(exist_ok=True)
    other.write_text(study.model_dump_json())
    assert load_study(other).study == "other"
    after = recorded_speeds(small.results, processor)
    assert after.rates == before.rates
