"""What a study will cost, before anything starts: jobs, time, disk and memory."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from tlstudy.config.settings import Study
from tlstudy.config.study import SETTINGS_FOLDER, STEPS, Run, load_study, runs, runs_of_step
from tlstudy.jobs import paths
from tlstudy.jobs.cost import MILLIONS_OF_WEIGHTS, memory_mb, operations
from tlstudy.jobs.run_record import read_run_record
from tlstudy.storage.errors import UserError
from tlstudy.storage.provenance import processor_name
from tlstudy.storage.reading import read_json

log = logging.getLogger(__name__)

# Core seconds of the laboratory's experiments where none was run here: of an AMD EPYC (Zen 4).
LABORATORY_SECONDS = {"diagonal": 6, "relu": 30, "batchnorm": 13}
MEASURED_SIDE = 2048  # of the square matrices whose product tells the processor's peak
OF_PEAK = 0.6  # share of it that jobs reach, where nothing was measured
KEPT_MB = 0.5  # of a run's folder at the end
PLANE_VECTORS = 6  # vectors of weights in the file that training leaves for the later steps
CHECKPOINT_VECTORS = 6  # in two checkpoints, old and new, beside one for each epoch


@dataclass(frozen=True)
class Job:
    """One job of a step.

    Attributes:
        operations: see `tlstudy.jobs.cost`.
        done: whether its result is there; whether that is up to date is the workflow's to say.
    """

    step: str
    run: Run
    operations: float
    done: bool


@dataclass(frozen=True)
class Cost:
    """Seconds that a job of a step holds a processor core, or a GPU, for.

    Attributes:
        start: of any job, whatever it computes.
        per_operation: of each operation.
        measured: finished jobs that both were measured on; 0 where they come from the peak.
    """

    start: float
    per_operation: float
    measured: int

    def seconds(self, job: Job) -> float:
        return self.start + self.per_operation * job.operations


def jobs(study: Study) -> Iterator[Job]:
    """The jobs of a study that take long, one for each run that arms may share."""
    for step in STEPS:
        of_step = runs_of_step(study, step)
        for run in {paths.folder_of_run(study, run): run for run in of_step}.values():
            done = paths.step_files(study, step, run)[0].is_file()
            yield Job(step, run, operations(study, run, step), done)


def measured_costs(results: Path, device: str) -> dict[str, Cost]:
    """Costs by step from what Snakemake measured of the jobs of any study.

    Args:
        results: folder of all studies.
        device: name of this machine's processor or GPU; jobs on another count for nothing.
    """
    spent: dict[str, dict[Path, tuple[float, float]]] = {}
    files = results.glob(f"*/{SETTINGS_FOLDER}/*.json")
    for settings in sorted(files, key=lambda file: file.stat().st_mtime):
        try:
            study = load_study([settings])
        except UserError as error:
            log.warning("%s: passed over, of another version (%s)", settings, error.message)
            continue
        for job in jobs(study):
            if job.done and (seconds := _seconds_held(study, job, device)):
                # Configurations of one study share most of their jobs.
                folder = paths.folder_of_run(study, job.run)
                spent.setdefault(job.step, {})[folder] = (job.operations, seconds)
    return {step: _fitted(np.array([*pairs.values()])) for step, pairs in spent.items()}


def _fitted(pairs: np.ndarray) -> Cost:
    """The line, neither part of it negative, with the least squared relative error.

    Args:
        pairs: (jobs, 2) operations and seconds.
    """
    done, took = pairs.T
    size = done.max()
    parts, _ = nnls(np.stack([1 / took, done / size / took], axis=1), np.ones(len(pairs)))
    return Cost(parts[0], parts[1] / size, len(pairs))


def _seconds_held(study: Study, job: Job, device: str) -> float | None:
    """Seconds that a job held its cores or its GPU; None if not measured or of another device."""
    try:
        record = read_run_record(paths.folder_of_run(study, job.run))
        if record.get("resumed_after_epochs"):
            return None  # Snakemake's measurement is of its last process alone
    except UserError:  # is told where the run is used
        return None
    file = paths.benchmark_file(study, paths.job_of_run(job.step, job.run))
    on_processor = record["device"] == "cpu"
    held = record["environment"]["processor"] if on_processor else record["device"]
    if held != device or not file.is_file():
        return None
    seconds = float(pd.read_csv(file, sep="\t")["s"].iloc[0])
    return seconds * record["threads"] if on_processor else seconds


def peak_cost(device: str = "cpu") -> Cost:
    """A share of what this machine's core or GPU does in products of large float32 matrices.

    Args:
        device: cpu or cuda.
    """
    import torch  # here, as the workflow's own estimates need no such heavy import

    # Of a core its own time, not the wall's: others may be using it.
    clock = time.thread_time if device == "cpu" else time.perf_counter
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    matrix, best = torch.ones(MEASURED_SIDE, MEASURED_SIDE, device=device), np.inf
    for _ in range(4):
        began = clock()
        (matrix @ matrix)[0, 0].item()  # waits for a GPU
        best = min(best, clock() - began)
    torch.set_num_threads(threads)
    return Cost(0.0, best / (2 * MEASURED_SIDE**3 * OF_PEAK), 0)


def plan_table(study: Study, costs: dict[str, Cost], otherwise: Cost) -> pd.DataFrame:
    """A row a step: step, jobs, done, hours, left (both of a core or GPU), measured."""
    found = [
        (job.step, 1, job.done, cost.seconds(job) / 3600, cost.measured)
        for job in jobs(study)
        for cost in [costs.get(job.step, otherwise)]
    ]
    columns = ["step", "jobs", "done", "hours", "measured"]
    table = pd.DataFrame([*_laboratory(study), *found], columns=columns)
    table.insert(4, "left", table["hours"].where(table["done"] == 0, 0.0))
    sums = dict.fromkeys(("jobs", "done", "hours", "left"), "sum")
    return table.groupby("step", sort=False, as_index=False).agg(sums | {"measured": "max"})


def _laboratory(study: Study) -> list[tuple]:
    """Rows of the laboratory's jobs, by those done or else by what another machine took."""
    seconds_of = {}
    for experiment in study.laboratory.experiments:
        for seed in study.seed:
            file = paths.laboratory_facts(study, experiment, seed)
            took = read_json(file, "laboratory")["seconds"] if file.is_file() else None
            seconds_of[experiment, seed] = took
    done = {key: took for key, took in seconds_of.items() if took is not None}
    rows = []
    for experiment, seed in seconds_of:
        alike = [took for (other, _), took in done.items() if other == experiment]
        each = float(np.mean(alike)) if alike else LABORATORY_SECONDS[experiment]
        rows.append(("laboratory", 1, (experiment, seed) in done, each / 3600, len(done)))
    return rows


def plan(study: Study) -> tuple[pd.DataFrame, str]:
    """The plan of a study by the jobs that were measured, and by this machine's peak elsewhere.

    Returns:
        The table; what its hours are hours of, core or GPU.

    Raises:
        UserError: the study is for a GPU and there is none here.
    """
    from tlstudy.networks.device import choose_device, device_name

    device = choose_device(study.device)
    on_processor = device.type == "cpu"
    name = processor_name() if on_processor else device_name(device)
    table = plan_table(study, measured_costs(study.results, name), peak_cost(device.type))
    return table, "core" if on_processor else "GPU"


def disk_mb(study: Study) -> tuple[float, float, float]:
    """What the runs keep at the end; what each adds while it is trained; and while later steps
    wait for it, MB."""
    folders = {paths.folder_of_run(study, run) for run in runs(study)}
    weights = max(MILLIONS_OF_WEIGHTS[arm.architecture] for arm in study.arms.values())
    vectors = CHECKPOINT_VECTORS + max(arm.epochs for arm in study.arms.values())
    return KEPT_MB * len(folders), 4 * weights * vectors, 4 * weights * PLANE_VECTORS


def plan_text(study: Study, table: pd.DataFrame, of: str) -> str:
    """The plan for a terminal; `of`: what its hours are hours of."""
    shown = table.assign(known=[_known_from(row) for row in table.to_dict("records")])
    shown.loc[len(shown)] = {"step": "all", **table[["jobs", "done", "hours", "left"]].sum()}
    shown = shown.drop(columns="measured").astype({"jobs": int, "done": int})
    shown = shown.rename(columns={"hours": f"{of} hours", "known": "known from"})
    lines = [shown.to_string(index=False, na_rep="", float_format="{:.2f}".format)]
    if study.arms:  # networks are trained
        kept, training, waiting = disk_mb(study)
        memory = max(memory_mb(run, "train") for run in runs(study))
        lines += [
            f"disk: {kept:,.0f} MB at the end, and up to {waiting:,.0f} MB more for each run that "
            f"a later step waits for; in the scratch folder up to {training:,.0f} MB for each "
            "training that is not done",
            f"memory: about {memory / 1000:.1f} GB a training",
        ]
    lines.append("done: the result is there; `snakemake -n` says whether it is up to date")
    return "\n".join(lines)


def _known_from(row: dict) -> str:
    if row["measured"]:
        return f"{row['measured']} jobs measured"
    return "another machine" if row["step"] == "laboratory" else "this machine's peak"
