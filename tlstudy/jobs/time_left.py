"""How far a study is, and how long it will still take, while it runs or before it goes on."""

import re
import socket
import time
from dataclasses import dataclass, replace
from pathlib import Path

from tlstudy.config.settings import Study
from tlstudy.config.study import Run, distinct, runs
from tlstudy.jobs import paths, speed
from tlstudy.jobs.calls import read_call
from tlstudy.jobs.machine import Machine, this_machine
from tlstudy.jobs.plan import (
    experiments_left,
    jobs_left,
    known_speeds,
    laboratory_tasks,
    other_jobs,
    other_seconds,
    tasks,
    wall_seconds,
)
from tlstudy.jobs.progress import THERE, Job, Progress
from tlstudy.storage.durations import duration
from tlstudy.storage.errors import UserError
from tlstudy.storage.reading import json_or_none

EPOCH = re.compile(r"epoch (\d{1,9}) of (\d{1,9})")
TUNED = re.compile(r"learning rate \S+ chosen")


@dataclass(frozen=True)
class Ahead:
    """How far a study is.

    Attributes:
        epochs_done, epochs: of all trainings; both 0 where nothing is trained.
        seconds: about how long the rest takes; None where that is not known, or nothing is left.
        told: the time left in words; empty where nothing is left.
        again: jobs whose results are there and will be made again.
    """

    jobs_done: int
    jobs: int
    epochs_done: int
    epochs: int
    seconds: float | None
    told: str
    again: int = 0

    def text(self) -> str:
        """Jobs, epochs and time, in a line each."""
        lines = [f"jobs: {self.jobs_done:,} of {self.jobs:,} done"]
        if self.epochs:
            lines.append(f"epochs: {self.epochs_done:,} of {self.epochs:,} done")
        if self.again:
            lines.append(
                f"jobs to be made again, as settings, code or libraries changed: {self.again:,}"
            )
        return "\n".join([*lines, *([self.told] if self.told else [])])


def ahead_of(found: Progress) -> Ahead:
    """How far a study is, from the files on disk."""
    all_jobs = found.by_file()
    ended = epochs_done(found)
    seconds, told = _left(found, all_jobs, ended)
    if told and not any(job.state == "running" for job in all_jobs.values()):
        told += _idle(found.study)
    return Ahead(
        sum(map(found.is_done, all_jobs.values())),
        len(all_jobs),
        sum(ended.values()),
        sum(run.settings.epochs for run in trained(found.study).values()),
        seconds,
        told,
        sum(job.state in THERE and not found.is_done(job) for job in all_jobs.values()),
    )


def _idle(study: Study) -> str:
    """What is going on while no job runs."""
    call = read_call(study)
    if call is None:
        return "; no job is running"
    if call.runs_here():
        return "; Snakemake is between two jobs"
    return f"; no job is running\nto go on: `{call.command}`"


def trained(study: Study) -> dict[Path, Run]:
    """The runs by their records."""
    return {paths.step_files(study, "train", run)[0]: run for run in distinct(runs(study))}


def epochs_done(found: Progress) -> dict[Path, int]:
    """Epochs done of each training, by its record; one that diverged needs no more."""
    done, all_jobs = {}, found.by_file()
    for file, run in trained(found.study).items():
        job, epochs = all_jobs[file], run.settings.epochs
        done[file] = epochs if found.is_done(job) else min(epochs, _begun(found.study, run, job))
    return done


def _begun(study: Study, run: Run, job: Job) -> int:
    """Epochs done of an unfinished training: by its log while it runs, else by its checkpoint."""
    if job.state == "running":
        try:
            if job.log.is_file() and job.log.stat().st_mtime >= job.attempt.began:
                return epochs_in_log(job.log.read_text(errors="replace"), run)
        except OSError:  # there is no log without Snakemake
            pass
    return _epochs_kept(paths.scratch_folder(study, run))


def epochs_in_log(text: str, run: Run) -> int:
    """Epochs that a training's log tells of; those of candidates of a tuning are none of them."""
    if run.settings.tune_learning_rate:
        chosen = TUNED.search(text)
        text = text[chosen.end() :] if chosen else ""
    lines = EPOCH.findall(text)
    return int(lines[-1][0]) if lines else 0


def _epochs_kept(scratch: Path) -> int:
    """Epochs of the checkpoint from which a training goes on."""
    if not scratch.is_dir():
        return 0
    from tlstudy.storage.scratch import MANIFEST  # takes a second, as it has PyTorch

    try:
        kept = json_or_none(scratch / MANIFEST)["checkpoint"]["epochs"]
    except (KeyError, TypeError):  # there is no checkpoint yet
        return 0
    return kept if type(kept) is int and kept > 0 else 0


def _left(
    found: Progress, all_jobs: dict[Path, Job], ended: dict[Path, int]
) -> tuple[float | None, str]:
    """Seconds, and in words: about 1 h 10 min left with 2 cores."""
    study = found.study
    running = [job.attempt for job in all_jobs.values() if job.state == "running"]
    if any(attempt.host != socket.gethostname() for attempt in running):
        return None, "time left: not known, as jobs run on other machines"
    try:
        machine = _machine(study)
        wanted = jobs_left(found, speed.jobs(study))
    except UserError as error:  # the study is for another machine, or has somebody's network
        return None, f"time left: not known here ({error.message})"
    experiments, others = experiments_left(found), other_jobs(found)
    if not wanted and not experiments and not others:
        return None, ""
    speeds = known_speeds(study, machine.device)
    if speed.missing_pairs(study, wanted, speeds.rates):
        return None, "time left: not known on this machine yet; `tlstudy plan` finds it out"
    left = []
    for job, task in zip(wanted, tasks(study, wanted, speeds, machine), strict=True):
        file = speed.first_file(study, job)
        seconds, shown = task.seconds, all_jobs[file]
        if job.step == "train":
            seconds = speed.seconds_left(study, job, ended[file], speeds)
        elif shown.state == "running":
            ran = max(1, task.threads) * (time.time() - shown.attempt.began)
            seconds = max(0.0, seconds - ran)
        start = 0.0 if shown.state == "running" else task.start
        left.append(replace(task, start=start, seconds=seconds))
    left.sort(key=lambda task: task.start > 0)  # what runs already comes first
    seconds = wall_seconds([*left, *laboratory_tasks(study, experiments)], machine)
    seconds += other_seconds(others, machine)
    return seconds, f"about {duration(seconds)} left with {machine.told()}"


def _machine(study: Study) -> Machine:
    """What the last call of Snakemake was given; all of this machine without one."""
    call = read_call(study)
    if call and call.cores and call.host == socket.gethostname():
        return this_machine(study, call.cores, call.gpus)
    return this_machine(study)
