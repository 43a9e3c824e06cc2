"""The plan: operations by hand, and times against records that are known."""

import itertools
import json

import pandas as pd
import pytest
from click.testing import CliRunner
from records import run_record
from study_folder import ROOT

from tlstudy.cli import main
from tlstudy.config.study import build_study, runs
from tlstudy.jobs import paths, plan
from tlstudy.jobs.cost import MULTIPLY_ADDS, operations, per_image
from tlstudy.jobs.run_record import write_run_record
from tlstudy.jobs.study_files import write_settings

PROCESSOR = "A processor"
ARMS = {
    "new": {"architecture": "resnet18", "image_size": 112, "epochs": 4},
    "alike": {"architecture": "resnet18", "image_size": 112, "epochs": 4, "batchnorm": "running"},
    "longer": {"architecture": "resnet18", "image_size": 112, "epochs": 8},
}


def make_study(tmp_path, name: str = "planned", **changes):
    configuration = {
        "study": name,
        "results": str(tmp_path / "results"),
        "seed": [0, 1],
        "subset_size": 20,
        "evaluation": {"epoch_images": 10, "final_images": 100},
        "landscape": {"seeds": [0], "grid": 5, "arms": ["new"]},
        "arms": ARMS,
    }
    return build_study(configuration | changes)


def finish(
    study, seconds, processor: str = PROCESSOR, threads: int = 1, device: str = "cpu"
) -> None:
    """Leave the records of finished trainings; seconds: from a run to what it took."""
    write_settings(study)
    for run in runs(study):
        file = paths.benchmark_file(study, paths.job_of_run("train", run))
        for folder in (file.parent, paths.folder_of_run(study, run)):
            folder.mkdir(parents=True, exist_ok=True)
        pd.DataFrame([{"s": seconds(run)}]).to_csv(file, sep="\t", index=False)
        environment = {"processor": processor}
        record = run_record(device=device, threads=threads, environment=environment)
        write_run_record(paths.folder_of_run(study, run), record)


def test_operations_of_a_training_and_a_landscape_are_those_counted_by_hand(tmp_path):
    study = make_study(tmp_path)
    run = runs(study)[0]
    assert per_image(run) == 2e9 * MULTIPLY_ADDS["resnet18"] / 4
    steps = 4 * 20 * 3
    looks = 3 * 2 * 10 + 2 * 100 + (3 + 1) * 20
    assert operations(study, run, "train") == per_image(run) * (steps + looks)
    assert operations(study, run, "landscape") == per_image(run) * 2 * 25 * 20


def test_half_precision_few_looks_and_tuning_are_counted(tmp_path):
    evaluation = {"epoch_images": 10, "final_images": 100, "after_epochs": "reported"}
    arms = {"tuned": ARMS["new"] | {"tune_learning_rate": True, "precision": "bfloat16"}}
    study = make_study(
        tmp_path,
        evaluation=evaluation,
        arms=arms,
        tuning={"folds": 2, "learning_rates": [0.1, 0.01]},
        landscape={},
    )
    run = runs(study)[0]
    steps = 4 * 3 * (20 + 2 * 2 * 10) / 2
    assert operations(study, run, "train") == per_image(run) * (steps + 100 + 10 + 20)


def test_arms_that_share_a_run_are_one_job(tmp_path):
    jobs = list(plan.jobs(make_study(tmp_path)))
    assert [job.step for job in jobs] == ["train"] * 4 + ["landscape"]
    assert not any(job.done for job in jobs)


def test_times_come_from_records_of_this_processor(tmp_path):
    other, study = make_study(tmp_path, "other"), make_study(tmp_path)
    finish(other, lambda run: 10 + 1e-9 * operations(other, run, "train"), threads=2)
    costs = plan.measured_costs(study.results, PROCESSOR)
    assert set(costs) == {"train"}
    assert costs["train"].measured == 4
    table = plan.plan_table(study, costs, plan.Cost(0.0, 1e-8, 0)).set_index("step")
    expected = sum(20 + 2e-9 * job.operations for job in plan.jobs(study) if job.step == "train")
    assert table.loc["train", "hours"] == pytest.approx(expected / 3600)
    assert table.loc["train", "left"] == table.loc["train", "hours"]
    landscape = operations(study, runs(study)[0], "landscape")
    assert table.loc["landscape", "hours"] == pytest.approx(1e-8 * landscape / 3600)
    assert plan.measured_costs(study.results, "Another processor") == {}


def test_a_gpu_s_records_are_its_own_hours_whatever_the_threads(tmp_path):
    study = make_study(tmp_path)
    finish(study, lambda run: 10.0, threads=4, device="A GPU")
    costs = plan.measured_costs(study.results, "A GPU")
    table = plan.plan_table(study, costs, plan.Cost(0.0, 1.0, 0)).set_index("step")
    assert table.loc["train", "hours"] == pytest.approx(4 * 10 / 3600, rel=0.01)
    assert plan.measured_costs(study.results, PROCESSOR) == {}


def test_a_study_of_another_version_is_passed_over_with_a_word(tmp_path, caplog):
    study = make_study(tmp_path)
    finish(study, lambda run: 30.0)
    settings = paths.settings_file(study)
    settings.write_text(settings.read_text().replace('"epochs"', '"passes"'))
    assert plan.measured_costs(study.results, PROCESSOR) == {}
    assert f"{settings}: passed over" in caplog.text


def test_the_peak_is_that_of_the_core_s_own_time(monkeypatch):
    seconds = itertools.count(step=0.5)
    monkeypatch.setattr(plan.time, "thread_time", lambda: next(seconds))
    operations = 2 * plan.MEASURED_SIDE**3
    assert plan.peak_cost().per_operation == 0.5 / (operations * plan.OF_PEAK)


def test_the_laboratory_is_planned_by_its_records_or_by_what_was_measured(tmp_path):
    changes = {"laboratory": {"experiments": ["diagonal", "relu"]}, "arms": {}, "landscape": {}}
    study = make_study(tmp_path, **changes)
    table = plan.plan_table(study, {}, plan.peak_cost()).set_index("step")
    each = plan.LABORATORY_SECONDS
    expected = 2 * (each["diagonal"] + each["relu"]) / 3600
    assert table.loc["laboratory", "left"] == pytest.approx(expected)
    record = paths.laboratory_facts(study, "relu", 1)
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"seconds": 100.0}))
    row = plan.plan_table(study, {}, plan.peak_cost()).set_index("step").loc["laboratory"]
    assert (row["jobs"], row["done"], row["measured"]) == (4, 1, 1)
    assert row["left"] == pytest.approx((2 * each["diagonal"] + 100) / 3600)
    assert "another machine" not in plan.plan_text(study, *plan.plan(study))


@pytest.mark.parametrize("study", ["audit", "theory"])
def test_every_study_that_is_shipped_can_be_planned(study):
    """With every step and where its time is known from."""
    files = [ROOT / "config.yaml", ROOT / "studies" / f"{study}.yaml"]
    options = [part for file in files if file.exists() for part in ("--config", str(file))]
    result = CliRunner().invoke(main, ["plan", *options])
    assert result.exit_code == 0, result.output
    assert "all " in result.output
    if study != "theory":  # which trains nothing
        for part in ("train", "in the scratch folder up to", "memory: about"):
            assert part in result.output
        assert "this machine's peak" in result.output or "jobs measured" in result.output


def test_room_for_checkpoints_is_three_vectors_old_and_new_and_one_an_epoch(tmp_path):
    study = make_study(tmp_path)
    assert plan.disk_mb(study)[1] == pytest.approx(4 * 11.2 * (2 * 3 + 8))
