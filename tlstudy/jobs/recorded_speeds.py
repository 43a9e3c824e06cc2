"""How fast this machine is, from the records of runs of any study."""

import logging
from dataclasses import dataclass, field
from math import ceil, isfinite
from pathlib import Path

import numpy as np
import pandas as pd

from tlstudy.config.architectures import NotCalledError
from tlstudy.config.measurements import measurements
from tlstudy.config.settings import Study
from tlstudy.config.study import SETTINGS_FOLDER, Run, is_validated, load_study
from tlstudy.jobs import paths
from tlstudy.jobs.cost import evaluation_operations, millions_of_weights, training_operations
from tlstudy.jobs.graph import code_of
from tlstudy.jobs.run_record import RunRecord, read_run_record
from tlstudy.jobs.sharing import is_taken
from tlstudy.jobs.speed import (
    EVALUATION,
    START,
    TRAINING,
    Kind,
    LongJob,
    Rate,
    Speeds,
    evaluation_kind,
    first_file,
    jobs,
    shortened,
    training_kind,
)
from tlstudy.storage.environment import version
from tlstudy.storage.errors import UserError
from tlstudy.storage.reading import read_table

log = logging.getLogger(__name__)

# Of a job's start, seconds that the run's own record counts: weights and images are read.
START_ON_RECORD = 3.0
# Threads wait for each other: a load of 1.4 is that of two, one of 1.05 is that of one.
WAITING = 0.1


@dataclass
class _Samples:
    """Values on record by what they are of, then by the run's folder."""

    rates: dict[Kind, dict[Path, tuple[bool, float]]] = field(default_factory=dict)
    starts: dict[Path, float] = field(default_factory=dict)
    bookkeeping: dict[Path, float] = field(default_factory=dict)

    def speeds(self) -> Speeds:
        found = Speeds()
        for kind, by_folder in self.rates.items():
            # Other code may be slower; where there is no better record it is near enough.
            values = [value for current, value in by_folder.values() if current]
            values = values or [value for _, value in by_folder.values()]
            found.rates[kind] = Rate(float(np.median(values)), len(values))
        if self.starts:
            found.start = float(np.median([*self.starts.values()]))
        if self.bookkeeping:
            found.bookkeeping = float(np.median([*self.bookkeeping.values()]))
        return found


def recorded_speeds(results: Path, device: str) -> Speeds:
    """Speeds by the records of runs of any study.

    Args:
        results: folder of all studies.
        device: name of this machine's processor or GPU; runs on another count for nothing.
    """
    samples = _Samples()
    # By the names of those that studies write: others would be read as the user's own.
    found = results.glob(f"*/{SETTINGS_FOLDER}/*.json")
    files = [file for file in found if is_validated(file) and file.is_file()]
    for settings in sorted(files, key=lambda file: file.stat().st_mtime):
        try:
            study = load_study(settings)
        except UserError as error:
            log.warning("%s: passed over, of another version (%s)", settings, error.message)
            continue
        study = study.model_copy(update={"results": results})
        try:
            known = list(jobs(study))
        except NotCalledError:  # somebody else's; it tells no speed of networks that are asked for
            continue
        for job in known:
            if first_file(study, job).is_file() and not is_taken(study, job.run, job.step):
                _take_sample(samples, study, job, device)
    return samples.speeds()


def _take_sample(samples: _Samples, study: Study, job: LongJob, device: str) -> None:
    folder = paths.folder_of_run(study, job.run)
    try:
        record = read_run_record(folder)
        if not _is_like_here(record, device):
            return
        current = record.get("code") == code_of("train")
        if job.step == "train":
            rates = _rates_of_training(study, job.run, record, folder)
            _take_the_rest(samples, study, job.run, record, folder)
        else:
            rates = _rates_of_measurement(study, job, record, samples)
    except UserError:  # is told where the run is used
        return
    except (TypeError, ValueError, LookupError, ArithmeticError) as error:  # somebody else's record
        log.warning("%s: tells no speed (%s: %s)", folder, type(error).__name__, error)
        return
    for kind, rate in rates.items():
        if isfinite(rate) and rate > 0:
            samples.rates.setdefault(kind, {})[folder] = (current, rate)


def _is_like_here(record: RunRecord, device: str) -> bool:
    held = record["environment"]["processor"] if _on_processor(record) else record["device"]
    torch = record["environment"]["torch"]
    return held == device and torch == version("torch") and record["status"] == "finished"


def _on_processor(record: RunRecord) -> bool:
    return record["device"] == "cpu"


def _cores(record: RunRecord) -> int:
    return record["threads"] if _on_processor(record) else 1


def _rates_of_training(
    study: Study, run: Run, record: RunRecord, folder: Path
) -> dict[Kind, float]:
    """Seconds for an operation of steps and of looks.

    The first epoch is slower, so it counts only where it is the only one.
    """
    table = read_table(folder / paths.METRICS, "train", ["training_seconds", "evaluation_seconds"])
    training, looks = (table[f"{name}_seconds"].to_numpy() for name in (TRAINING, EVALUATION))
    cores, epochs = _cores(record), len(table)
    if epochs != run.settings.epochs:
        return {}
    usual = float(np.median(training[1:] if epochs > 1 else training))
    rates = {training_kind(run): cores * usual / training_operations(study, shortened(run, 1))}
    if record["evaluation"] == study.evaluation.model_dump(mode="json"):
        last = evaluation_operations(study, shortened(run, 1))
        each = evaluation_operations(study, shortened(run, 2)) - last
        seconds, done = looks[-1], last
        if each and epochs > 2:
            seconds += (epochs - 1) * np.median(looks[1:-1])
            done += (epochs - 1) * each
        rates[evaluation_kind(study, run)] = cores * float(seconds) / done
    return rates


def _take_the_rest(
    samples: _Samples, study: Study, run: Run, record: RunRecord, folder: Path
) -> None:
    """What a training took beside steps and looks: at its start, and in each epoch."""
    if record.get("resumed_after_epochs") or record["tuning"]:
        return
    table = read_table(folder / paths.METRICS, "train")
    worked = table["training_seconds"].sum() + table["evaluation_seconds"].sum()
    rest = record["seconds"] - worked - START_ON_RECORD
    weights = millions_of_weights(run.settings)
    each = max(0.0, float(rest)) * _cores(record) / record["epochs"] / weights
    # A run that stopped early has no row of its epochs after the best one.
    if isfinite(each) and record["epochs"] == run.settings.epochs:
        samples.bookkeeping[folder] = each
    if measured := _benchmark(study, "train", run):
        outside = measured["s"] - record["seconds"]
        samples.starts[folder] = max(0.0, outside) + START_ON_RECORD


def _rates_of_measurement(
    study: Study, job: LongJob, record: RunRecord, samples: _Samples
) -> dict[Kind, float]:
    measured = _benchmark(study, job.step, job.run)
    # What baselines of few images take is their start, and says nothing of many.
    if not measured or measurements()[job.step].on_one_core:
        return {}
    start = float(np.median([*samples.starts.values()])) if samples.starts else START
    cores = 1
    if _on_processor(record):
        # The record has the threads of the training; the measurement may have had others.
        load = measured.get("mean_load")
        cores = max(1, ceil(load / 100 - WAITING)) if load else record["threads"]
    [(kind, done)] = job.work.items()
    # A short measurement says little of its speed, but its start cannot be all of it.
    worked = max(measured["s"] - start, 0.1 * measured["s"])
    return {kind: cores * worked / done}


def _benchmark(study: Study, step: str, run: Run) -> dict[str, float] | None:
    """Snakemake's measurement of a job; None if there is none."""
    file = paths.benchmark_file(paths.study_folder(study), paths.job_of_run(step, run))
    if not file.is_file():
        return None
    row = pd.read_csv(file, sep="\t").iloc[0]
    found = {name: float(row[name]) for name in ("s", "mean_load") if name in row}
    return found if isfinite(found["s"]) else None
