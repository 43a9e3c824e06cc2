"""What a study will cost, before anything starts: jobs, time, disk and memory."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from tlstudy import paths
from tlstudy.errors import UserError
from tlstudy.memory import MILLIONS_OF_WEIGHTS, training_memory_mb
from tlstudy.operations import operations
from tlstudy.provenance import processor_name
from tlstudy.settings import Study
from tlstudy.stored import read_record
from tlstudy.study import Run, load_study, runs, selected

log = logging.getLogger(__name__)

# Core seconds of the laboratory's experiments where none is on record: measured, AMD EPYC (Zen 4).
LABORATORY_SECONDS = {"diagonal": 6, "relu": 30, "batchnorm": 13}
STAGES = ("train", "landscape", "curvature", "encoder", "reuse")
FILES = {"train": "run.json", "landscape": "landscape.json"}  # others: as the stage is called
MEASURED_SIDE = 2048  # of the square matrices whose product tells the processor's peak
OF_PEAK = 0.6  # share of it that jobs reach, where nothing is on record
KEPT_MB = 0.5  # of a run's folder at the end
PLANE_VECTORS = 6  # vectors of weights in the file that training leaves for the later stages


@dataclass(frozen=True)
class Job:
    """One job of a stage.

    Attributes:
        operations: see `tlstudy.operations`.
        done: whether its result is there; whether that is up to date is the workflow's to say.
    """

    stage: str
    run: Run
    operations: float
    done: bool


@dataclass(frozen=True)
class Cost:
    """Seconds that a job of a stage holds a processor core for.

    Attributes:
        start: of any job, whatever it computes.
        per_operation: of each operation.
        records: finished jobs that both were measured on; 0 where they come from the peak.
    """

    start: float
    per_operation: float
    records: int

    def seconds(self, job: Job) -> float:
        return self.start + self.per_operation * job.operations


def jobs(study: Study) -> Iterator[Job]:
    """The jobs of a study that take long, one for each run that arms may share."""
    members = {
        "train": runs(study),
        **{stage: selected(study, getattr(study, stage)) for stage in STAGES[1:]},
    }
    for stage, of_stage in members.items():
        for folder, run in {paths.folder_of_run(study, run): run for run in of_stage}.items():
            done = (folder / FILES.get(stage, f"{stage}.parquet")).is_file()
            yield Job(stage, run, operations(study, run, stage), done)


def measured_costs(results: Path, processor: str) -> dict[str, Cost]:
    """Costs by stage from the records that Snakemake kept of the jobs of any study.

    Args:
        results: folder of all studies.
        processor: name of this machine's; records of another count for nothing.
    """
    spent: dict[str, list[tuple[float, float]]] = {}
    for settings in sorted(results.glob("*/study.json")):
        try:
            study = load_study([settings])
        except UserError as error:
            log.warning("%s: passed over, of another version (%s)", settings, error.message)
            continue
        for job in jobs(study):
            spent_on_it = _core_seconds(study, job, processor) if job.done else None
            if spent_on_it:
                spent.setdefault(job.stage, []).append((job.operations, spent_on_it))
    return {stage: _fitted(np.array(pairs)) for stage, pairs in spent.items()}


def _fitted(pairs: np.ndarray) -> Cost:
    """The line, neither part of it negative, with the least squared relative error.

    Args:
        pairs: (jobs, 2) operations and seconds.
    """
    done, took = pairs.T
    size = done.max()
    parts, _ = nnls(np.stack([1 / took, done / size / took], axis=1), np.ones(len(pairs)))
    return Cost(parts[0], parts[1] / size, len(pairs))


def _core_seconds(study: Study, job: Job, processor: str) -> float | None:
    """Seconds that a job held its cores for; None if it is not on record or ran elsewhere."""
    record = read_record(paths.folder_of_run(study, job.run) / "run.json", "train")
    file = paths.benchmark_file(study, job.stage, job.run)
    here = record["device"] == "cpu" and record["environment"]["processor"] == processor
    if not (here and file.is_file()):
        return None
    return float(pd.read_csv(file, sep="\t")["s"].iloc[0]) * record["threads"]


def peak_cost() -> Cost:
    """A share of what this machine's core does in products of large float32 matrices."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    matrix, best = torch.ones(MEASURED_SIDE, MEASURED_SIDE), np.inf
    for _ in range(4):
        began = time.thread_time()  # not the wall's: others may be using the core
        matrix @ matrix
        best = min(best, time.thread_time() - began)
    torch.set_num_threads(threads)
    return Cost(0.0, best / (2 * MEASURED_SIDE**3 * OF_PEAK), 0)


def plan_table(study: Study, costs: dict[str, Cost], otherwise: Cost) -> pd.DataFrame:
    """A row a stage: stage, jobs, done, hours, left (both of one core), records."""
    rows = laboratory_rows(study)
    listed = list(jobs(study))
    for stage in dict.fromkeys(job.stage for job in listed):
        of_stage = [job for job in listed if job.stage == stage]
        cost = costs.get(stage, otherwise)
        hours = [cost.seconds(job) / 3600 for job in of_stage]
        rows.append(
            {
                "stage": stage,
                "jobs": len(of_stage),
                "done": sum(job.done for job in of_stage),
                "hours": sum(hours),
                "left": sum(h for h, job in zip(hours, of_stage, strict=True) if not job.done),
                "records": cost.records,
            }
        )
    return pd.DataFrame(rows)


def laboratory_rows(study: Study) -> list[dict]:
    """The row of the laboratory's jobs, by the records of those done or else by what was measured
    on another machine; none for a study that has no laboratory."""
    hours, left, records, done = 0.0, 0.0, 0, 0
    for experiment in study.laboratory.experiments:
        files = [paths.laboratory_record(study, experiment, seed) for seed in study.seed]
        took = [read_record(file, "laboratory")["seconds"] for file in files if file.is_file()]
        each = float(np.mean(took)) if took else LABORATORY_SECONDS[experiment]
        hours += len(files) * each / 3600
        left += (len(files) - len(took)) * each / 3600
        records, done = records + len(took), done + len(took)
    count = len(study.laboratory.experiments) * len(study.seed)
    row = {"stage": "laboratory", "jobs": count, "done": done, "hours": hours, "left": left}
    return [row | {"records": records}] if count else []


def plan(study: Study) -> pd.DataFrame:
    """The plan of a study by what is on record, and by this machine's peak where nothing is."""
    costs = measured_costs(study.results, processor_name())
    return plan_table(study, costs, peak_cost())


def disk_mb(study: Study) -> tuple[float, float]:
    """What the runs keep at the end, and what each adds while later stages wait for it, MB."""
    folders = {paths.folder_of_run(study, run) for run in runs(study)}
    weights = max(MILLIONS_OF_WEIGHTS[arm.architecture] for arm in study.arms.values())
    return KEPT_MB * len(folders), PLANE_VECTORS * 4 * weights


def plan_text(study: Study, table: pd.DataFrame) -> str:
    """The plan for a terminal."""
    lines = [f"{'stage':<10} {'jobs':>6} {'done':>6} {'core hours':>11} {'left':>7}  known from"]
    for row in table.to_dict("records"):
        source = _known_from(row)
        lines.append(
            f"{row['stage']:<10} {row['jobs']:>6} {row['done']:>6} {row['hours']:>11.2f} "
            f"{row['left']:>7.2f}  {source}"
        )
    totals = table[["jobs", "done", "hours", "left"]].sum()
    lines.append(
        f"{'all':<10} {totals['jobs']:>6.0f} {totals['done']:>6.0f} {totals['hours']:>11.2f} "
        f"{totals['left']:>7.2f}"
    )
    lines += _room(study)
    lines.append("done: the result is there; `snakemake -n` says whether it is up to date")
    return "\n".join(lines)


def _known_from(row: dict) -> str:
    if row["records"]:
        return f"{row['records']} jobs on record"
    return "another machine" if row["stage"] == "laboratory" else "this machine's peak"


def _room(study: Study) -> list[str]:
    """Disk and memory, where networks are trained."""
    if not study.arms:
        return []
    kept, waiting = disk_mb(study)
    memory = max(training_memory_mb(arm) for arm in study.arms.values())
    return [
        f"disk: {kept:,.0f} MB at the end, and up to {waiting:,.0f} MB more for each run that a "
        "later stage waits for",
        f"memory: about {memory / 1000:.1f} GB a training",
    ]
