"""What `tlstudy status` tells of a study that runs: jobs, epochs and time left."""

import os
import socket
import time
from dataclasses import asdict

import pytest
from made_machine import PROCESSOR, MadeMachine, shipped, with_arms
from records import leave_made

from tlstudy.config.study import runs
from tlstudy.jobs import graph, paths, plan, speed, time_left
from tlstudy.jobs.attempts import Attempt
from tlstudy.jobs.calls import Call, forget_call, going_on, note_call, read_call
from tlstudy.jobs.machine import Machine
from tlstudy.jobs.progress import progress
from tlstudy.jobs.workflow import report_incomplete
from tlstudy.storage.errors import UserError
from tlstudy.storage.files import write_json_atomically

WHOLE_MINUTES = 0.5  # what is lost where a time is told in minutes


def processor_of(cores=None):
    return Machine(PROCESSOR, False, cores or 4, cores or 4)


@pytest.fixture
def here(monkeypatch):
    """This machine as the made one, with four cores, and memory for any job."""

    monkeypatch.setattr(
        time_left, "this_machine", lambda _, cores=None, gpus=None: processor_of(cores)
    )
    monkeypatch.setattr(plan, "threads_of_job", lambda *_: 1)


def study_on_the_way(tmp_path, machine: MadeMachine):
    """Seed 26 of the quick study is done, seed 27 is to be done; without landscapes."""
    whole = shipped(tmp_path, "quick", seed=[26, 27])
    whole = whole.model_copy(update={"landscape": whole.landscape.model_copy(update={"seeds": []})})
    machine.finish(whole.model_copy(update={"seed": [26]}))
    return whole


def begin(study, run, epochs: int, host: str | None = None) -> None:
    """Leave what a training that runs has left after some epochs."""
    job, folder = paths.job_of_run("train", run), paths.study_folder(study)
    note = Attempt(
        command=f"tlstudy train --arm {run.arm} --gpus 0 --threads 1",
        folder=str(folder),
        host=host or socket.gethostname(),
        process=os.getpid(),
        began=time.time() - 1,
    )
    write_json_atomically(paths.attempt_file(folder, job), asdict(note))
    log = paths.log_file(folder, job)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("".join(f"00:00:00 epoch {n} of 30: and so on\n" for n in range(1, epochs + 1)))


def told(study) -> list[str]:
    return time_left.ahead_of(progress(study)).text().splitlines()


def minutes_of(line: str) -> float:
    words = line.split()
    assert words[:2][0] == "about", line
    if words[2] == "h":
        return 60 * float(words[1]) + float(words[3])
    return float(words[1])


def test_a_running_study_tells_jobs_epochs_and_time(tmp_path, here):
    machine = MadeMachine()
    study = study_on_the_way(tmp_path, machine)
    of_27 = [run for run in runs(study) if run.seed == 27]
    lines = told(study)
    # Two drawings of images, four trainings, and the baselines of a seed.
    assert lines[0].startswith("jobs: 7 of ")
    assert lines[1] == "epochs: 120 of 240 done"
    one = max(machine.training(study, run) for run in of_27) / 60
    assert minutes_of(lines[2]) == pytest.approx(one, abs=0.1 * one + WHOLE_MINUTES)
    assert "4 cores; no job is running" in lines[2]
    begin(study, of_27[0], epochs=15)
    begin(study, of_27[1], epochs=30)
    lines = told(study)
    assert lines[1] == "epochs: 165 of 240 done"
    assert lines[2].endswith("left with 4 cores")
    # One has half a training to do, two others have not begun.
    assert minutes_of(lines[2]) == pytest.approx(one, abs=0.1 * one + WHOLE_MINUTES)


def test_the_look_after_the_last_epoch_counts_too(tmp_path, here):
    """It can take longer than all epochs: one before the end most of the time is left."""
    machine = MadeMachine()
    study = shipped(tmp_path, "quick", seed=[26, 27])
    study = study.model_copy(
        update={
            "landscape": study.landscape.model_copy(update={"seeds": []}),
            "baselines": study.baselines.model_copy(update={"seeds": []}),
            "evaluation": study.evaluation.model_copy(
                update={"epoch_images": 10, "final_images": 10_000}
            ),
        }
    )
    machine.finish(study.model_copy(update={"seed": [26]}))
    of_27 = [run for run in runs(study) if run.seed == 27]
    whole = minutes_of(told(study)[2])
    for run in of_27:
        begin(study, run, epochs=29)
    look = minutes_of(told(study)[2])
    assert whole / 2 < look < whole
    for run in of_27:
        begin(study, run, epochs=30)
    assert told(study)[2].split()[2] == "s"


def test_a_tuning_that_is_over_is_none_of_the_time_left(tmp_path):
    plain = shipped(tmp_path, "quick")
    tuned = with_arms(plain, "tuned", tune_learning_rate=True)
    [one, *_], [other, *_] = (
        [job for job in speed.jobs(study) if job.step == "train"] for study in (plain, tuned)
    )
    speeds = speed.Speeds({kind: speed.Rate(1e-10, 1) for kind in other.work})
    of_plain, of_tuned = (
        [speed.seconds_left(study, job, epochs, speeds) for epochs in (0, 1, 29, 30)]
        for study, job in ((plain, one), (tuned, other))
    )
    assert of_tuned[0] > 2 * of_plain[0]
    assert of_tuned[1:] == pytest.approx(of_plain[1:])


def test_an_ended_study_has_no_time_left(tmp_path, here):
    machine = MadeMachine()
    study = study_on_the_way(tmp_path, machine)
    machine.finish(study)
    [rest] = told(study)[2:]
    others = plan.other_jobs(progress(study))
    assert set(others) == {"aggregate", "claims", "figures", "report"}
    seconds = plan.other_seconds(others, processor_of(4))
    assert rest.startswith(f"about {seconds:.0f} s left with 4 cores")
    for job in progress(study).others:
        for file in job.files:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    for step in graph.steps(study):
        leave_made(step)
    assert told(study)[1:] == ["epochs: 240 of 240 done"]


def test_a_call_of_snakemake_tells_the_cores_and_how_to_go_on(tmp_path, here, monkeypatch):
    """Whatever jobs run at the moment: the time does not jump with their number."""
    machine = MadeMachine()
    study = study_on_the_way(tmp_path, machine)
    note_call(study, ["snakemake", "--cores", "3"], cores=3, gpus=0)
    assert told(study)[2].endswith("3 cores; Snakemake is between two jobs")
    begin(study, runs(study)[-1], epochs=0)
    assert told(study)[2].endswith("left with 3 cores")
    paths.attempt_file(
        paths.study_folder(study), paths.job_of_run("train", runs(study)[-1])
    ).unlink()
    monkeypatch.setattr(Call, "runs_here", lambda _: False)
    assert told(study)[3] == "to go on: `snakemake --cores 3`"
    assert going_on(study) == "`snakemake --cores 3`"
    stopped = report_incomplete(study, tmp_path, ["snakemake", "--cores", "3"])
    assert stopped.startswith("Not finished: 4 of 8 runs are there; 4 missing.")
    assert stopped.endswith("`snakemake --cores 3`")
    forget_call(study)
    assert read_call(study) is None


def test_a_killed_training_has_the_epochs_of_its_checkpoint(tmp_path, here):
    study = study_on_the_way(tmp_path, MadeMachine())
    run = runs(study)[1]
    manifest = paths.scratch_folder(study, run) / "manifest"
    write_json_atomically(manifest, {"checkpoint": {"epochs": 7}})
    assert told(study)[1] == "epochs: 127 of 240 done"
    manifest.write_text("{")
    assert told(study)[1] == "epochs: 120 of 240 done"


def test_epochs_of_a_tuning_s_candidates_are_none_of_the_training(tmp_path):
    study = with_arms(shipped(tmp_path, "quick"), "tuned", tune_learning_rate=True)
    run = runs(study)[0]
    log = "00:01 learning rate 0.1, fold 1 of 2\n00:02 epoch 30 of 30: train loss\n"
    assert time_left.epochs_in_log(log, run) == 0
    log += "00:03 learning rate 0.001 chosen\n00:04 epoch 2 of 30: train loss\n"
    assert time_left.epochs_in_log(log, run) == 2
    resumed = log + "00:05 goes on after epoch 9 of 30, kept in scratch\n"
    assert time_left.epochs_in_log(resumed, run) == 9


def test_where_the_speed_is_not_known_a_command_finds_it_out(tmp_path, here):
    study = shipped(tmp_path, "quick")
    assert "`tlstudy plan`" in told(study)[-1]
    begin(study, runs(study)[0], 3, host="another")
    assert "other machines" in told(study)[-1]


def test_a_study_of_another_machine_still_tells_jobs_and_epochs(tmp_path, here, monkeypatch):
    def no_gpu(*_, **__):
        raise UserError("device: found 'cuda'; PyTorch sees no GPU here, so use auto or cpu.")

    monkeypatch.setattr(time_left, "this_machine", no_gpu)
    study = study_on_the_way(tmp_path, MadeMachine()).model_copy(update={"device": "cuda"})
    lines = told(study)
    assert lines[1] == "epochs: 120 of 240 done"
    assert "no GPU here" in lines[2]
