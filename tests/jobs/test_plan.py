"""The plan: operations by hand, and hours against made machines whose speeds are known."""

import json
import shutil

import pytest
from click.testing import CliRunner
from made_machine import GPU, PROCESSOR, MadeMachine, never, processor, shipped, with_arms
from records import leave_made
from study_folder import ROOT

from tlstudy.cli import main
from tlstudy.config.architectures import MULTIPLY_ADDS
from tlstudy.config.study import build_study, runs
from tlstudy.jobs import graph, paths, plan, plan_text, speed
from tlstudy.jobs.cost import CORE_SPEED, operations, per_image
from tlstudy.jobs.machine import Machine
from tlstudy.jobs.plan import wall_seconds
from tlstudy.jobs.progress import progress
from tlstudy.jobs.recorded_speeds import recorded_speeds
from tlstudy.jobs.speed import Kind
from tlstudy.storage.environment import version

ARMS = {
    "new": {"architecture": "resnet18", "image_size": 112, "epochs": 4},
    "alike": {"architecture": "resnet18", "image_size": 112, "epochs": 4, "batchnorm": "running"},
    "longer": {"architecture": "resnet18", "image_size": 112, "epochs": 8},
}


def make_study(tmp_path, name: str = "planned", **changes):
    configuration = {
        "study": name,
        "results": str(tmp_path / "results"),
        "cache": str(tmp_path / "cache"),
        "seed": [0, 1],
        "subset_size": 20,
        "evaluation": {"epoch_images": 10, "final_images": 100},
        "landscape": {"seeds": [0], "grid": 5, "arms": ["new"]},
        "arms": ARMS,
    }
    return build_study(configuration | changes)


def planned_hours(study, machine: MadeMachine) -> float:
    wanted = list(speed.jobs(study))
    speeds = plan.speeds_for(study, wanted, machine.device, machine.timing)
    return plan.plan_table(study, wanted, wanted, speeds, [])["hours"].sum()


UNLIKE = {
    "default": {},
    "n = 5,000": {"subset_size": [5000], "seed": [26]},
    "300 epochs": {"epochs": 300},
    "256 pixels": {"image_size": 256},
    "bfloat16": {"precision": "bfloat16"},
    "resnet18": {"architecture": "resnet18"},
}


def unlike(tmp_path, name: str):
    changes = UNLIKE[name]
    if name == "default":
        return shipped(tmp_path)
    ways = {key: changes[key] for key in changes if key in ("subset_size", "seed")}
    arms = {key: changes[key] for key in changes if key not in ways}
    return with_arms(shipped(tmp_path, "quick", **ways), "unlike", **arms)


@pytest.mark.parametrize("name", UNLIKE)
def test_studies_unlike_those_on_record_are_planned_within_a_quarter(tmp_path, name):
    machine, study = MadeMachine(), unlike(tmp_path, name)
    machine.finish(shipped(tmp_path, "quick"))
    assert planned_hours(study, machine) == pytest.approx(machine.hours(study), rel=0.25)


@pytest.mark.parametrize("name", UNLIKE)
def test_without_records_within_two_fifths(tmp_path, name):
    machine, study = MadeMachine(), unlike(tmp_path, name)
    assert planned_hours(study, machine) == pytest.approx(machine.hours(study), rel=0.4)


def test_what_is_on_record_is_planned_by_it_and_not_timed(tmp_path):
    machine, study = MadeMachine(), shipped(tmp_path, "quick")
    machine.finish(study)
    machine.timing = never
    assert planned_hours(study, machine) == pytest.approx(machine.hours(study), rel=0.05)
    more = with_arms(shipped(tmp_path, "quick", seed=[27, 28]), "more", epochs=90)
    assert planned_hours(more, machine) == pytest.approx(machine.hours(more), rel=0.1)


def test_a_start_is_never_spread_over_epochs(tmp_path):
    """Short jobs are mostly start: three epochs on record, three hundred planned."""
    machine, study = MadeMachine(), make_study(tmp_path)
    machine.finish(study)
    machine.timing = never
    longer = with_arms(study, "longer", epochs=300)
    assert planned_hours(longer, machine) == pytest.approx(machine.hours(longer), rel=0.25)


def test_threads_of_records_count(tmp_path):
    machine, study = MadeMachine(), shipped(tmp_path, "quick")
    machine.threads, machine.timing = 2, never
    machine.finish(study)
    assert planned_hours(study, machine) == pytest.approx(machine.hours(study), rel=0.1)


def test_a_gpu_s_records_are_its_own_hours_whatever_the_threads(tmp_path):
    machine, study = MadeMachine(), shipped(tmp_path, "quick")
    machine.device = GPU
    machine.finish(study, threads=4)
    machine.timing = never
    assert planned_hours(study, machine) == pytest.approx(machine.hours(study), rel=0.1)
    assert recorded_speeds(study.results, PROCESSOR).rates == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"environment": {"processor": "Another", "torch": version("torch")}},
        {"environment": {"processor": PROCESSOR, "torch": "1.0"}},
        {"status": "diverged"},
    ],
)
def test_runs_of_other_machines_and_versions_and_diverged_ones_tell_nothing(tmp_path, changes):
    study = make_study(tmp_path)
    MadeMachine().finish(study, **changes)
    assert recorded_speeds(study.results, PROCESSOR).rates == {}


def test_looks_of_another_evaluation_tell_nothing_of_looks(tmp_path):
    study = make_study(tmp_path)
    MadeMachine().finish(study, evaluation={"precision": "float32"})
    works = {kind.work for kind in recorded_speeds(study.results, PROCESSOR).rates}
    assert works == {"training", "landscape"}


def test_a_study_of_another_version_is_passed_over_with_a_word(tmp_path, caplog):
    study = make_study(tmp_path)
    MadeMachine().finish(study)
    settings = paths.settings_file(study)
    settings.write_text(settings.read_text().replace('"epochs"', '"passes"'))
    assert recorded_speeds(study.results, PROCESSOR).rates == {}
    assert f"{settings}: passed over" in caplog.text


def test_each_kind_is_timed_once_on_a_machine(tmp_path):
    study, machine, calls = make_study(tmp_path), MadeMachine(), []

    def timing(steps, looks):
        calls.append((steps, looks))
        return machine.timing(steps, looks)

    wanted = list(speed.jobs(study))
    first = plan.speeds_for(study, wanted, PROCESSOR, timing)
    again = plan.speeds_for(study, wanted, PROCESSOR, never)
    assert again == first
    assert calls == [(Kind("training", "resnet18", 112, "float32", 32), calls[0][1])]
    plan.speeds_for(study, wanted, "Another processor", timing)
    assert len(calls) == 2
    (tmp_path / "cache" / speed.SPEED_FILE).write_text("{}")
    plan.speeds_for(study, wanted, PROCESSOR, timing)
    assert len(calls) == 3


def test_operations_of_a_training_and_a_landscape_are_those_counted_by_hand(tmp_path):
    study = make_study(tmp_path)
    run = runs(study)[0]
    assert per_image(run) == 2e9 * MULTIPLY_ADDS["resnet18"] / 4
    steps = 4 * 20 * 3
    looks = 3 * 2 * 10 + 2 * 100 + (3 + 1) * 20
    assert operations(study, run, "train") == per_image(run) * (steps + looks)
    assert operations(study, run, "landscape") == per_image(run) * 2 * 25 * 20


def test_a_target_with_few_test_images_is_looked_at_no_more_often(tmp_path):
    evaluation = {"epoch_images": 600, "final_images": 10_000}
    arms = {"new": ARMS["new"] | {"target": "digits"}}
    study = make_study(tmp_path, evaluation=evaluation, arms=arms)
    run = runs(study)[0]
    looks = (3 + 1) * 500 + 500 + (3 + 1) * 20
    assert operations(study, run, "train") == per_image(run) * (4 * 20 * 3 + looks)


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
    found = list(speed.jobs(make_study(tmp_path)))
    assert [job.step for job in found] == ["train"] * 4 + ["landscape"]
    assert plan.jobs_left(progress(make_study(tmp_path)), found) == found


def test_one_training_of_two_arms_has_all_cores(tmp_path):
    arms = {name: ARMS[name] for name in ("new", "alike")}
    study = make_study(tmp_path, seed=26, arms=arms, landscape={"seeds": []})
    wanted = list(speed.jobs(study))
    speeds = plan.speeds_for(study, wanted, PROCESSOR, MadeMachine().timing)
    [training] = plan.tasks(study, wanted, speeds, processor(4))
    assert training.threads == 4


def test_baselines_take_a_core_s_time_and_no_gpu(tmp_path):
    study = make_study(tmp_path, baselines={"seeds": [0, 1]}, subset_size=20_000)
    wanted = [job for job in speed.jobs(study) if job.step == "baselines"]
    speeds = plan.speeds_for(study, wanted, GPU, never)
    [first, *others] = plan.tasks(study, wanted, speeds, Machine(GPU, True, 1, 1))
    assert others
    done = operations(study, wanted[0].run, "baselines")
    assert first.seconds == pytest.approx(done / CORE_SPEED)
    together = wall_seconds([first, *others], Machine(GPU, True, 1, 1))
    assert together == pytest.approx(first.start + first.seconds)
    table = plan.plan_table(study, wanted, wanted, speeds, [])
    assert list(table["known"]) == ["another machine"]


def test_runs_that_must_be_trained_again_are_left_with_their_measurements(tmp_path):
    study = make_study(tmp_path)
    MadeMachine().finish(study)
    wanted = list(speed.jobs(study))
    assert plan.jobs_left(progress(study), wanted) == []
    paths.step_files(study, "landscape", wanted[-1].run)[0].unlink()
    assert plan.jobs_left(progress(study), wanted) == [wanted[0], wanted[-1]]
    evaluation = study.evaluation.model_copy(update={"final_images": 200})
    other = study.model_copy(update={"evaluation": evaluation})
    assert plan.jobs_left(progress(other), wanted) == wanted


def test_the_laboratory_is_planned_by_its_records_or_by_what_was_measured(tmp_path):
    changes = {"laboratory": {"experiments": ["diagonal", "relu"]}, "arms": {}, "landscape": {}}
    study = make_study(tmp_path, **changes)
    table = plan.plan(study).table.set_index("step")
    each = plan.LABORATORY_SECONDS
    expected = 2 * (each["diagonal"] + each["relu"]) / 3600
    assert table.loc["laboratory", "left"] == pytest.approx(expected)
    record = paths.laboratory_facts(study, "relu", 1)
    leave_made(graph.laboratory(study, "relu", 1))
    record.write_text(json.dumps({"seconds": 100.0}))
    found = plan.plan(study, cores=1)
    row = found.table.set_index("step").loc["laboratory"]
    assert (row["jobs"], row["done"], row["known"]) == (4, 1, "1 job measured")
    assert row["left"] == pytest.approx((2 * each["diagonal"] + 100) / 3600)
    others = plan.other_jobs(progress(study))
    assert set(others) == {"formulas", "aggregate", "claims", "figures", "report"}
    assert found.seconds == pytest.approx(
        3600 * row["left"] + sum(map(plan.OTHER_SECONDS.get, others))
    )
    text = plan_text.plan_text(found)
    assert "another machine" not in text
    assert "about 2 min for all that is left, on 1 core of an idle machine" in text


def test_what_is_not_in_the_cache_and_where_results_go_are_said(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "time_here", lambda _: MadeMachine().timing)
    study = shipped(tmp_path, seed=[26])
    assert plan.to_fetch(progress(study)) == [
        "images of mnist",
        "weights of resnet50 (IMAGENET1K_V2+he2015)",
    ]
    text = plan_text.plan_text(plan.plan(study))
    assert "to fetch first: images of mnist, weights of resnet50" in text
    assert f"results: none yet; they go to {paths.study_folder(study).absolute()}" in text
    for job in progress(study).others:
        for file in job.files:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    assert plan.to_fetch(progress(study)) == []
    text = plan_text.plan_text(plan.plan(study))
    assert "to fetch" not in text
    assert "results: none yet" not in text
    MadeMachine().finish(study)
    shutil.rmtree(study.cache)
    assert progress(study).complete
    assert plan.to_fetch(progress(study)) == []  # no run is left that needs them


@pytest.mark.parametrize("name", ["audit", "theory"])
def test_every_study_that_is_shipped_can_be_planned(name, tmp_path, monkeypatch):
    """With every step and where its time is known from."""
    monkeypatch.setattr(plan, "time_here", lambda _: MadeMachine().timing)
    file = tmp_path / "places.json"
    file.write_text(json.dumps({"results": f"{tmp_path}/r", "cache": f"{tmp_path}/c"}))
    files = [ROOT / "config.yaml", ROOT / "studies" / f"{name}.yaml", file]
    options = [part for file in files for part in ("--config", str(file))]
    result = CliRunner().invoke(main, ["plan", "--cores", "2", *options])
    assert result.exit_code == 0, result.output
    assert "all " in result.output
    if name != "theory":  # which trains nothing
        for part in ("train", "in the scratch folder up to", "memory: about", "steps timed here"):
            assert part in result.output


def test_room_for_checkpoints_is_three_vectors_old_and_new_and_one_an_epoch(tmp_path):
    study = make_study(tmp_path)
    assert plan_text.disk_mb(study)[1] == pytest.approx(4 * 11.2 * (2 * 3 + 8))
