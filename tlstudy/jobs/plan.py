"""What a study will cost, before anything starts: jobs, time, disk and memory."""

import logging
import math
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tlstudy.config.settings import Study
from tlstudy.config.study import STEPS, distinct, experiments, runs, runs_of_step
from tlstudy.jobs import paths
from tlstudy.jobs.cost import memory_mb, on_one_core
from tlstudy.jobs.machine import (
    Machine,
    load_now,
    this_machine,
    threads_of_job,
    without_bfloat16,
)
from tlstudy.jobs.progress import THERE, Progress, files_needed, progress
from tlstudy.jobs.recorded_speeds import recorded_speeds
from tlstudy.jobs.sharing import seems_there
from tlstudy.jobs.speed import (
    Kind,
    LongJob,
    Speeds,
    Timed,
    TimedSpeeds,
    Timing,
    first_file,
    jobs,
    missing_pairs,
)
from tlstudy.jobs.workflow import LONG
from tlstudy.storage.durations import duration
from tlstudy.storage.reading import read_json
from tlstudy.watching.finding import counted

log = logging.getLogger(__name__)

# Core seconds of the laboratory's experiments where none was run here: of an AMD EPYC (Zen 4).
LABORATORY_SECONDS = {"diagonal": 6, "relu": 30, "batchnorm": 13, "kernel": 1}
# Core seconds of jobs that train nothing, start included: of studies of 4 to 40 runs on that
# processor. Images and weights are not among them: they take as long as the network needs.
OTHER_SECONDS = {
    "subset": 1.5,
    "formulas": 1.5,
    "aggregate": 3,
    "claims": 2,
    "figures": 12,
    "report": 9,
}


@dataclass(frozen=True)
class Plan:
    """What a study will cost.

    Attributes:
        progress: what is there of it.
        table: a row a step, see `plan_table`.
        seconds: until all that is left is done.
        machine: that they are of.
    """

    progress: Progress
    table: pd.DataFrame
    seconds: float
    machine: Machine


def known_speeds(study: Study, device: str) -> Speeds:
    """What records tell of a device's speed, and what was timed on it before."""
    return TimedSpeeds(study.cache, device).add_to(recorded_speeds(study.results, device))


def speeds_for(
    study: Study, wanted: Collection[LongJob], device: str, timing: Timing, keep: bool = True
) -> Speeds:
    """The same with all that the jobs need: what is not known is timed now.

    Args:
        keep: whether that is kept, in the cache.
    """
    timed, speeds = TimedSpeeds(study.cache, device), known_speeds(study, device)
    for steps, looks in missing_pairs(study, wanted, speeds.rates):
        timed.add(steps, looks, timing(steps, looks))
        if keep:
            timed.keep()
    return timed.add_to(speeds)


def time_here(machine: Machine) -> Timing:
    """The timing of steps and looks on this machine."""

    def timing(steps: Kind, looks: Kind) -> Timed:
        import torch  # takes seconds, and most plans need no timing

        from tlstudy.jobs.timing import time_work

        log.info(
            "timing some steps of %s at %d pixels, once for this machine",
            steps.architecture,
            steps.image_size,
        )
        return time_work(steps, looks, torch.device("cuda" if machine.on_gpu else "cpu"))

    return timing


@dataclass(frozen=True)
class Task:
    """A job as the workflow starts it.

    Attributes:
        key: of what it makes; after: of what it needs, or None.
        start: seconds before its work, on one core however many it has.
        seconds: core seconds, or GPU seconds, of its work.
        threads: cores that it holds, or GPUs; 0 of a job that computes on a core beside GPUs.
    """

    step: str
    key: Hashable
    after: Hashable
    start: float
    seconds: float
    threads: int = 1


def tasks(study: Study, wanted: Iterable[LongJob], speeds: Speeds, machine: Machine) -> list[Task]:
    """Jobs with the cores that the workflow gives each."""
    found = []
    alike = {step: len(distinct(runs_of_step(study, step))) for step in STEPS}
    for job in wanted:
        threads = 1
        if on_one_core(job.step):
            threads = 0 if machine.on_gpu else 1
        elif not machine.on_gpu:
            memory = memory_mb(job.run, job.step)
            threads = threads_of_job(machine.slots, memory, alike[job.step])
        folder = paths.folder_of_run(study, job.run)
        after = ("train", folder) if job.step != "train" else None
        key = (job.step, folder)
        work = job.seconds(speeds)
        found.append(Task(job.step, key, after, speeds.start, work, threads))
    return found


def wall_seconds(tasks: Iterable[Task], machine: Machine) -> float:
    """How long tasks take if each begins, in this order, as soon as there is room."""
    free, ended = [0.0] * machine.slots, {}
    for task in tasks:
        held = min(task.threads, machine.slots)
        free.sort()
        begins = max(free[held - 1] if held else 0.0, ended.get(task.after, 0.0))
        ended[task.key] = begins + task.start + task.seconds / max(1, held)
        free[:held] = [ended[task.key]] * held
    return max(ended.values(), default=0.0) * machine.slots / machine.real


def plan_table(
    study: Study,
    wanted: Iterable[LongJob],
    left: Collection[LongJob],
    speeds: Speeds,
    tried: Collection[tuple[str, int]],
) -> pd.DataFrame:
    """A row a step: step, jobs, done, hours, left (both of a core or GPU), known.

    Args:
        left: those of the wanted that are to be done.
        tried: experiments of the laboratory that are to be done, each with its seed.
    """
    known: dict[str, set[int]] = {}
    to_do, rows = set(map(id, left)), []
    for job in wanted:
        hours = (speeds.start + job.seconds(speeds)) / 3600
        rows.append((job.step, 1, id(job) not in to_do, hours))
        known.setdefault(job.step, set()).update(job.measured(speeds))
    told = {step: _known_from(measured) for step, measured in known.items()}
    if laboratory := _laboratory(study):
        rows = [
            ("laboratory", 1, key not in tried, took / 3600)
            for key, (_, took) in laboratory.items()
        ] + rows
        measured = sum(on_record for on_record, _ in laboratory.values())
        told["laboratory"] = _known_from({measured} - {0})
    table = pd.DataFrame(rows, columns=["step", "jobs", "done", "hours"])
    table["left"] = table["hours"].where(table["done"] == 0, 0.0)
    table = table.groupby("step", sort=False, as_index=False).sum()
    return table.assign(known=table["step"].map(told))


def _known_from(measured: set[int]) -> str:
    if not measured:
        return "another machine"
    if measured == {0}:
        return "steps timed here"
    most = max(measured)
    told = f"{counted(most, 'job')} measured"
    return f"{told}, the rest timed here" if 0 in measured else told


def _laboratory(study: Study) -> dict[tuple[str, int], tuple[bool, float]]:
    """Whether an experiment of a seed is on record, and its seconds.

    The seconds are the mean of the experiment's finished seeds, or else what another machine took.
    """
    done = {}
    for experiment, seed in experiments(study):
        file = paths.laboratory_facts(study, experiment, seed)
        if file.is_file():
            done[experiment, seed] = read_json(file, "laboratory")["seconds"]
    found = {}
    for experiment, seed in experiments(study):
        alike = [took for (other, _), took in done.items() if other == experiment]
        each = float(np.mean(alike)) if alike else LABORATORY_SECONDS[experiment]
        found[experiment, seed] = (experiment, seed) in done, each
    return found


def experiments_left(found: Progress) -> list[tuple[str, int]]:
    """The laboratory's experiments that are to be done, each with its seed."""
    study = found.study
    return [key for key in experiments(study) if paths.laboratory_file(study, *key) in found.left]


def laboratory_tasks(study: Study, left: Collection[tuple[str, int]]) -> list[Task]:
    """The laboratory's jobs of some experiments with their seeds."""
    return [
        Task("laboratory", key, None, 0.0, seconds)
        for key, (_, seconds) in _laboratory(study).items()
        if key in left
    ]


def other_jobs(found: Progress) -> Counter[str]:
    """Jobs by step that train nothing and are to be done; see `OTHER_SECONDS`."""
    return _others(job.key for job in found.others if not found.is_done(job))


def to_fetch(found: Progress) -> list[str]:
    """Images and weights that are still needed and not in the cache, in words."""
    study, told = found.study, []
    left = {cell.row[0] for cell in found.cells if not all(map(found.is_done, cell.jobs))}
    needed = {file for run in runs(study) if run.arm in left for file in files_needed(study, run)}
    for job in found.others:
        step, *named = job.key
        if step == "subset" or job.state in THERE or job.files[0] not in needed:
            continue
        sources = f" ({job.files[0].parent.name})" if step == "weights" else ""
        told.append(f"{step} of {''.join(named) or 'mnist'}{sources}")
    return told


def _others(keys: Iterable[tuple]) -> Counter[str]:
    return Counter(key[0] for key in keys if key[0] in OTHER_SECONDS)


def other_seconds(others: Mapping[str, int], machine: Machine) -> float:
    """How long these take: drawings of images side by side, the rest one after the other."""
    drawing = math.ceil(others.get("subset", 0) / (1 if machine.on_gpu else machine.real))
    return sum(
        OTHER_SECONDS[step] * (drawing if step == "subset" else number)
        for step, number in others.items()
    )


def plan(
    study: Study, cores: int | None = None, gpus: int | None = None, keep: bool = True
) -> Plan:
    """The plan of a study by runs on record, and by steps that are timed where there are none.

    Args:
        cores, gpus: that the workflow is given; None for all cores of the machine, and for one GPU.
        keep: whether what is timed is kept, in the cache.

    Raises:
        UserError: the study is for a GPU and there is none here.
    """
    machine, wanted = this_machine(study, cores, gpus), list(jobs(study))
    speeds = speeds_for(study, wanted, machine.device, time_here(machine), keep)
    state = progress(study)
    left = jobs_left(state, wanted)
    tried = experiments_left(state)
    found = tasks(study, left, speeds, machine)
    wall = wall_seconds([*found, *laboratory_tasks(study, tried)], machine)
    wall += other_seconds(other_jobs(state), machine)
    return Plan(state, plan_table(study, wanted, left, speeds, tried), wall, machine)


def jobs_left(found: Progress, wanted: Iterable[LongJob]) -> list[LongJob]:
    """Jobs that Snakemake would run.

    What another study has is not left: it is copied from there.
    """
    study = found.study
    missing = [job for job in wanted if first_file(study, job) in found.left]
    untrained = distinct(job.run for job in missing)
    taken = {run.wildcards for run in untrained if seems_there(study, run)}
    return [job for job in missing if job.run.wildcards not in taken]


def ahead(study: Study, keys: Collection[tuple[str, ...]], cores: int, gpus: int) -> str:
    """A sentence on how long jobs will take that are about to start; empty if that is not long.

    Args:
        keys: (step, folder name of the run, subset size, seed), or (laboratory, experiment, seed),
            or the rule of another job and its wildcards.
        gpus: that the workflow has; with 0 jobs compute on cores.
    """
    keys = set(keys)
    wanted = [job for job in jobs(study) if (job.step, *job.run.wildcards) in keys]
    tried = [(key[1], int(key[2])) for key in keys if key[0] == "laboratory"]
    machine = this_machine(study, cores, gpus)
    speeds = speeds_for(study, wanted, machine.device, time_here(machine))
    before = [*tasks(study, wanted, speeds, machine), *laboratory_tasks(study, tried)]
    seconds = wall_seconds(before, machine) + other_seconds(_others(keys), machine)
    if seconds < LONG:
        return ""
    measured = set().union(*(job.measured(speeds) for job in wanted))
    counts = Counter(task.step for task in before)
    told = ", ".join(counted(number, _named(step)) for step, number in counts.items())
    return (
        f"About {duration(seconds)} on {machine.told()} of an idle machine ({told}), "
        f"known from {_known_from(measured)}"
        f"{'; ' if (load := load_now()) else ''}{load}."
        f"{' ' if (slow := without_bfloat16(study, machine)) else ''}{slow}"
    )


def _named(step: str) -> str:
    return {"train": "training", "baselines": "baseline job"}.get(step, f"{step} job")
