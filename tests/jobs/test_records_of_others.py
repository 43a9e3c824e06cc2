"""What status and plan look at beside results may be anybody's: pipes, other types, no numbers."""

import json
import os
import shutil

import pytest
from click.testing import CliRunner
from configurations import DEFAULT
from made_machine import PROCESSOR, MadeMachine

from tlstudy.cli import main
from tlstudy.config.study import build_study, runs
from tlstudy.jobs import paths, plan
from tlstudy.jobs.attempts import read_attempt
from tlstudy.jobs.machine import Machine
from tlstudy.jobs.progress import progress
from tlstudy.jobs.recorded_speeds import recorded_speeds
from tlstudy.jobs.sharing import is_taken, take_training
from tlstudy.jobs.speed import Kind, Timed, TimedSpeeds
from tlstudy.jobs.time_left import ahead_of, epochs_in_log
from tlstudy.storage.errors import UserError
from tlstudy.storage.reading import json_or_none, read_json, read_svg
from tlstudy.storage.scratch import MANIFEST

ARM = {"initialisation": "random", "architecture": "resnet18", "image_size": 32, "epochs": 4}
DEEP = "[" * 100_000


def study_in(folder, name="mine", **changes):
    places = {"study": name, "results": str(folder / "results"), "cache": str(folder / "cache")}
    return build_study(
        places
        | {"seed": [0, 1], "subset_size": 20, "arms": {"new": ARM}}
        | {"evaluation": {"epoch_images": 10, "final_images": 100}}
        | changes
    )


@pytest.fixture
def study(tmp_path):
    made = study_in(tmp_path)
    MadeMachine().finish(made)
    return made


def pipe(file) -> None:
    file.unlink(missing_ok=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(file)


@pytest.mark.parametrize("content", ["", "{", "[]", "3", '"x"', "null", DEEP, "[" + "9" * 5000])
def test_json_that_nothing_depends_on_is_read_or_left(tmp_path, content):
    file = tmp_path / "any.json"
    file.write_text(content)
    assert json_or_none(file) in (None, [], 3, "x")
    assert read_attempt(file) is None
    assert TimedSpeeds(tmp_path, PROCESSOR).rows == []
    shutil.copy(file, tmp_path / "speed.json")
    assert TimedSpeeds(tmp_path, PROCESSOR).rows == []


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e400", "[1, {}, -1e999]"])
def test_a_number_that_is_not_finite_is_refused_in_results(tmp_path, value):
    file = tmp_path / "run.json"
    file.write_text(f'{{"a": {value}}}')
    with pytest.raises(UserError, match=r"run\.json: is damaged"):
        read_json(file, "train")
    file.write_text('{"a": 1e300, "b": null}')
    assert read_json(file, "train") == {"a": 1e300, "b": None}


def test_no_pipe_is_waited_for(study, tmp_path):
    run = runs(study)[0]
    pipe(paths.attempt_file(paths.study_folder(study), "aggregate"))
    pipe(paths.scratch_folder(study, run) / MANIFEST)
    pipe(paths.provenance_file(study, paths.job_of_run("train", run)))
    pipe(paths.benchmark_file(paths.study_folder(study), paths.job_of_run("train", run)))
    pipe(study.results / "theirs" / "settings" / "0123456789.json")
    pipe(study.cache / "speed.json")
    (study.results / "theirs" / "settings" / "0123456780.json").symlink_to("nowhere")
    assert not is_taken(study, run, "train")
    recorded_speeds(study.results, PROCESSOR)
    TimedSpeeds(study.cache, PROCESSOR)
    ahead_of(progress(study))


def test_a_pipe_among_the_results_of_a_like_study_is_not_copied(study, tmp_path):
    other = study_in(tmp_path, "other")
    MadeMachine().finish(other)
    run = runs(study)[0]
    for file in paths.folder_of_run(other, run).iterdir():
        pipe(file)
    shutil.rmtree(paths.study_folder(study))
    assert take_training(study, run, for_workflow=False) is None


def test_a_log_of_a_job_that_may_run_elsewhere_may_be_anything(study):
    [run, _] = runs(study)
    shutil.rmtree(paths.folder_of_run(study, run))
    job = paths.job_of_run("train", run)
    note = {"command": "x", "folder": "/", "host": "theirs", "process": 1, "began": 0.0}
    file = paths.attempt_file(paths.study_folder(study), job)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(note))
    log = paths.log_file(paths.study_folder(study), job)
    pipe(log)
    assert ahead_of(progress(study)).epochs == 8
    log.unlink()
    log.write_text(f"epoch {'9' * 5000} of 9")
    assert ahead_of(progress(study)).epochs_done <= 8
    assert epochs_in_log("epoch 3 of 4", run) == 3


@pytest.mark.parametrize("epochs", ["two", None, -5, 1.5, [], True, 10**30])
def test_a_checkpoint_that_says_nonsense_is_no_checkpoint(study, epochs):
    [run, _] = runs(study)
    shutil.rmtree(paths.folder_of_run(study, run))
    manifest = paths.scratch_folder(study, run) / MANIFEST
    manifest.parent.mkdir(parents=True, exist_ok=True)
    manifest.write_text(json.dumps({"checkpoint": {"epochs": epochs}}))
    assert 4 <= ahead_of(progress(study)).epochs_done <= 8


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("threads", 0),
        ("threads", 10**40),
        ("epochs", 0),
        ("seconds", 1e308),
        ("environment", {}),
        ("tuning", {"a": 1}),
        ("evaluation", {}),
    ],
)
def test_a_run_whose_record_makes_no_sense_tells_no_speed(study, key, value):
    for run in runs(study):
        file = paths.folder_of_run(study, run) / paths.RUN_RECORD
        file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))
    for rate in recorded_speeds(study.results, PROCESSOR).rates.values():
        assert 0 < rate.per_operation < float("inf")


@pytest.mark.parametrize(
    "text", ["", "s\n", "s\nabc\n", "x\ty\n1\t2\n", "s\nnan\n", "s\ninf\n", "\0"]
)
def test_a_measurement_of_snakemake_that_makes_no_sense_is_left(study, text):
    for run in runs(study):
        file = paths.benchmark_file(paths.study_folder(study), paths.job_of_run("train", run))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    start = recorded_speeds(study.results, PROCESSOR).start
    assert 0 <= start < float("inf")


def test_only_settings_that_a_study_wrote_are_read_beside_results(study, tmp_path, monkeypatch):
    """Any other file would count as the user's own, and its network would be called."""
    mark = tmp_path / "mark"
    (tmp_path / "trap.py").write_text(f"open({str(mark)!r}, 'w')\n")
    monkeypatch.syspath_prepend(tmp_path)
    theirs = study.results / "theirs" / "settings"
    theirs.mkdir(parents=True)
    arms = {"new": ARM | {"architecture": {"python": "trap:network"}}}
    for name in ("evil.json", "0123456789.json", "config.json"):
        (theirs / name).write_text(json.dumps(DEFAULT | {"arms": arms}))
    recorded_speeds(study.results, PROCESSOR)
    assert not mark.exists()


def test_a_plan_of_a_folder_of_results_writes_nothing(study, tmp_path, monkeypatch):
    victim = tmp_path / "victim"
    file = paths.study_file(study)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"cache": str(victim)}))
    for run in runs(study):
        shutil.rmtree(paths.folder_of_run(study, run))
    calls = []

    def timing(steps: Kind, looks: Kind) -> Timed:
        calls.append(steps)
        return Timed(1e-9, 1e-9, 0.01)

    monkeypatch.setattr(plan, "time_here", lambda machine: timing)
    monkeypatch.setattr(plan, "this_machine", lambda *_: Machine(PROCESSOR, False, 1, 1))
    before = sorted(tmp_path.rglob("*"))
    result = CliRunner().invoke(main, ["plan", str(paths.study_folder(study))])
    assert result.exit_code == 0, result.output
    assert calls
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("depth", [20, 100, 60_000])
def test_a_drawing_that_no_page_can_hold_is_refused(tmp_path, depth):
    file = tmp_path / "drawn.svg"
    inner = "<g>" * depth + "</g>" * depth
    file.write_text(f'<svg xmlns="http://www.w3.org/2000/svg">{inner}</svg>')
    if depth < 50:
        assert read_svg(file, "figures").endswith("</svg>")
        return
    with pytest.raises(UserError, match=r"drawn\.svg: is damaged \(it is nested too deeply\)"):
        read_svg(file, "figures")
