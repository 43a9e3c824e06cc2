"""Which results are left to be made of a study whose files are all there: as Snakemake has it."""

import json
import shutil
from collections import Counter

import pytest
from small_study import MEASURED, SEED

from tlstudy.config.study import finished_study
from tlstudy.jobs import graph, paths
from tlstudy.jobs.plan import jobs_left
from tlstudy.jobs.progress import progress
from tlstudy.jobs.speed import jobs
from tlstudy.jobs.time_left import ahead_of

PRODUCTS = ["aggregate", "claims", "figures", "report"]
# All that is measured of the pretrained run.
ITS_MEASUREMENTS = sorted(graph.measurements())


@pytest.fixture
def study(moved):
    return finished_study(moved)


def left(study) -> dict[str, int]:
    """Jobs by step, of those that `tlstudy verify` knows."""
    found = progress(study)
    return Counter(step.name for step in graph.steps(study) if step.outputs[0] in found.left)


def of_study(study, group: str, **changes):
    changed = getattr(study, group).model_copy(update=changes)
    return study.model_copy(update={group: changed})


def each_once(*names: str) -> dict[str, int]:
    return dict.fromkeys([*names, *PRODUCTS], 1)


def test_of_a_finished_study_nothing_is_left(study):
    assert left(study) == {}


@pytest.mark.parametrize(
    ("group", "changes"),
    [("landscape", {"grid": 5}), ("features", {"test_images": 20})],
)
def test_a_run_is_trained_again_as_its_weights_are_gone(study, group, changes):
    changed = of_study(study, group, **changes)
    assert left(changed) == each_once("train", *ITS_MEASUREMENTS)
    named = {job.run.arm for job in jobs_left(progress(changed), list(jobs(changed)))}
    assert named == {"pretrained"}
    run = next(job.run for job in jobs(changed) if job.run.arm == "pretrained")
    (paths.folder_of_run(study, run) / paths.PLANE).touch()
    assert left(changed) == each_once(group)


def test_other_settings_of_trainings_leave_all_of_them(study):
    changed = of_study(study, "curvature", train_loss=0.4)
    assert left(changed) == each_once(*ITS_MEASUREMENTS) | {"train": 2}
    told = ahead_of(progress(changed))
    assert told.epochs_done == 0
    assert "no job is running" in told.told


def test_a_study_is_finished_when_nothing_is_left(study):
    assert progress(study).finished
    changed = of_study(study, "curvature", train_loss=0.4)
    assert not progress(changed).finished
    assert "to be made again" in ahead_of(progress(changed)).text()
    assert "to be made again" not in ahead_of(progress(study)).text()


def test_images_and_weights_that_nothing_needs_are_no_jobs_left(study, tmp_path):
    """As of a study that was unpacked without its cache."""
    alone = study.model_copy(update={"cache": tmp_path / "none"})
    told = ahead_of(progress(alone))
    assert told.jobs_done == told.jobs
    changed = progress(of_study(alone, "curvature", train_loss=0.4))
    assert not all(map(changed.is_done, changed.others))


def test_a_measurement_of_another_run_trains_that_run(study):
    changed = of_study(study, "landscape", seeds=[SEED], arms=[])
    assert left(changed) == each_once("train", "landscape")
    assert MEASURED["arms"] == ["pretrained"]


def test_tables_without_what_left_the_study_are_made_again(study):
    assert left(of_study(study, "landscape", seeds=[])) == each_once()


def test_other_code_and_libraries_count(study):
    for key, value in (("code", "0"), ("libraries", {"torch": "0"})):
        [file, *_] = sorted(paths.study_folder(study).glob("provenance/train/own-*/*/*.json"))
        before = file.read_text()
        file.write_text(json.dumps(json.loads(before) | {key: value}))
        assert left(study) == each_once("train", *ITS_MEASUREMENTS)
        file.write_text(before)


@pytest.mark.parametrize(
    ("lost", "made"),
    [
        ("provenance/claims.json", ["claims", "figures", "report"]),
        ("tables/layers.parquet", PRODUCTS),
        ("figures", ["figures", "report"]),
    ],
)
def test_what_is_missing_is_left_with_what_is_made_from_it(study, lost, made):
    file = paths.study_folder(study) / lost
    shutil.rmtree(file) if file.is_dir() else file.unlink()
    assert left(study) == dict.fromkeys(made, 1)
