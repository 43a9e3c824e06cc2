"""How fast this machine is at each kind of work: from records of runs, or timed once."""

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from math import ceil, log2
from pathlib import Path

import numpy as np
import pandas as pd

from tlstudy.config.settings import Study
from tlstudy.config.study import SETTINGS_FOLDER, STEPS, Run, load_study, runs_of_step
from tlstudy.jobs import paths
from tlstudy.jobs.cost import (
    MILLIONS_OF_WEIGHTS,
    evaluation_operations,
    operations,
    training_operations,
)
from tlstudy.jobs.graph import code_of
from tlstudy.jobs.run_record import RunRecord, read_run_record
from tlstudy.storage.errors import UserError
from tlstudy.storage.files import write_json_atomically
from tlstudy.storage.provenance import version
from tlstudy.storage.reading import read_table

log = logging.getLogger(__name__)

TRAINING, EVALUATION = "training", "evaluation"
SPEED_FILE = "speed.json"  # in the cache: what was timed on this machine
# Seconds of a job before and after its work, where no job is on record: programs start alike.
START = 8.0
# Of these, seconds that the run's own record counts: weights and images are read.
START_ON_RECORD = 3.0
# Threads wait for each other: a load of 1.4 is that of two, one of 1.05 is that of one.
WAITING = 0.1


@dataclass(frozen=True)
class Kind:
    """Work of which all operations take equally long.

    Attributes:
        work: training, evaluation, or the name of a measurement.
        images: of a training step, to the next power of two.
    """

    work: str
    architecture: str
    image_size: int
    precision: str = ""
    images: int = 0


@dataclass(frozen=True)
class Rate:
    """Seconds of a core, or of a GPU, for an operation.

    Attributes:
        measured: runs that it is known from; 0 where it was timed.
    """

    per_operation: float
    measured: int


@dataclass
class Speeds:
    """What is known of a machine.

    Attributes:
        rates: by kind of work.
        start: seconds of any job, whatever it computes.
        bookkeeping: core seconds of an epoch beside steps and looks, for a million weights.
    """

    rates: dict[Kind, Rate] = field(default_factory=dict)
    start: float = START
    bookkeeping: float = 0.0

    def rate(self, kind: Kind, training: Kind) -> Rate:
        """The rate of a kind; of a measurement of unknown speed by what is nearest to it.

        Args:
            training: training steps of the same network in float32.
        """
        if kind in self.rates or kind.work in (TRAINING, EVALUATION):
            return self.rates[kind]
        own = self.rates[training]
        # Measured on other networks: as much faster or slower than training as there.
        others = [
            (rate.per_operation / steps.per_operation, rate.measured)
            for other, rate in self.rates.items()
            if other.work == kind.work
            for steps in [self._steps_of(other)]
            if steps
        ]
        if not others:
            return own
        ratios, measured = zip(*others, strict=True)
        return Rate(own.per_operation * float(np.median(ratios)), max(measured))

    def _steps_of(self, kind: Kind) -> Rate | None:
        """Training steps of a measurement's network."""
        wanted = (TRAINING, kind.architecture, kind.image_size, "float32")
        found = [
            rate
            for other, rate in self.rates.items()
            if (other.work, other.architecture, other.image_size, other.precision) == wanted
        ]
        return found[0] if found else None


@dataclass(frozen=True)
class Job:
    """One job of a step that takes long.

    Attributes:
        work: operations by kind.
        training: kind of its network's training steps in float32.
    """

    step: str
    run: Run
    work: dict[Kind, float]
    training: Kind

    @property
    def epochs(self) -> int:
        return self.run.settings.epochs if self.step == "train" else 0

    def needs(self, known: Iterable[Kind]) -> Iterator[Kind]:
        """Kinds whose rates must be known beside the known ones."""
        for kind in self.work:
            if kind not in known:
                measurement = kind.work not in (TRAINING, EVALUATION)
                yield self.training if measurement else kind

    def seconds(self, speeds: Speeds) -> float:
        """Seconds of a core or a GPU that the job works, its start apart."""
        weights = MILLIONS_OF_WEIGHTS[self.run.settings.architecture]
        work = sum(
            done * speeds.rate(kind, self.training).per_operation
            for kind, done in self.work.items()
        )
        return work + speeds.bookkeeping * weights * self.epochs

    def measured(self, speeds: Speeds) -> set[int]:
        """Runs that the rates of its work are known from; 0 among them if some were timed."""
        return {speeds.rate(kind, self.training).measured for kind in self.work}


def training_kind(run: Run) -> Kind:
    """Kind of a run's training steps."""
    settings = run.settings
    batch = run.subset_size / ceil(run.subset_size / settings.batch_size)
    images = 2 ** ceil(log2(batch))
    return Kind(TRAINING, settings.architecture, settings.image_size, settings.precision, images)


def evaluation_kind(study: Study, run: Run) -> Kind:
    settings = run.settings
    return Kind(EVALUATION, settings.architecture, settings.image_size, study.evaluation.precision)


def make_job(study: Study, run: Run, step: str) -> Job:
    steps = training_kind(run)
    if step == "train":
        work = {
            steps: training_operations(study, run),
            evaluation_kind(study, run): evaluation_operations(study, run),
        }
    else:
        kind = Kind(step, steps.architecture, steps.image_size)
        work = {kind: operations(study, run, step)}
    return Job(step, run, work, replace(steps, precision="float32"))


def first_file(study: Study, job: Job) -> Path:
    """What a job writes last, which stands for all that it leaves."""
    return paths.step_files(study, job.step, job.run)[0]


def jobs(study: Study) -> Iterator[Job]:
    """The jobs of a study that take long, one for each run that arms may share."""
    for step in STEPS:
        of_step = runs_of_step(study, step)
        for run in {paths.folder_of_run(study, run): run for run in of_step}.values():
            yield make_job(study, run, step)


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
    files = results.glob(f"*/{SETTINGS_FOLDER}/*.json")
    for settings in sorted(files, key=lambda file: file.stat().st_mtime):
        try:
            study = load_study([settings])
        except UserError as error:
            log.warning("%s: passed over, of another version (%s)", settings, error.message)
            continue
        study = study.model_copy(update={"results": results})
        for job in jobs(study):
            if first_file(study, job).is_file():
                _take_sample(samples, study, job, device)
    return samples.speeds()


def _take_sample(samples: _Samples, study: Study, job: Job, device: str) -> None:
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
    for kind, rate in rates.items():
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
    rates = {training_kind(run): cores * usual / training_operations(study, _shortened(run, 1))}
    if record["evaluation"] == study.evaluation.model_dump(mode="json"):
        last = evaluation_operations(study, _shortened(run, 1))
        each = evaluation_operations(study, _shortened(run, 2)) - last
        seconds, done = looks[-1], last
        if each and epochs > 2:
            seconds += (epochs - 1) * np.median(looks[1:-1])
            done += (epochs - 1) * each
        rates[evaluation_kind(study, run)] = cores * float(seconds) / done
    return rates


def _shortened(run: Run, epochs: int) -> Run:
    """The run with fewer epochs, untuned: what these take apart from the others."""
    changes = {"epochs": epochs, "tune_learning_rate": False}
    return replace(run, settings=run.settings.model_copy(update=changes))


def _take_the_rest(
    samples: _Samples, study: Study, run: Run, record: RunRecord, folder: Path
) -> None:
    """What a training took beside steps and looks: at its start, and in each epoch."""
    if record.get("resumed_after_epochs") or record["tuning"]:
        return
    table = read_table(folder / paths.METRICS, "train")
    worked = table["training_seconds"].sum() + table["evaluation_seconds"].sum()
    rest = record["seconds"] - worked - START_ON_RECORD
    weights = MILLIONS_OF_WEIGHTS[run.settings.architecture]
    samples.bookkeeping[folder] = max(0.0, rest) * _cores(record) / record["epochs"] / weights
    if measured := _benchmark(study, "train", run):
        outside = measured["s"] - record["seconds"]
        samples.starts[folder] = max(0.0, outside) + START_ON_RECORD


def _rates_of_measurement(
    study: Study, job: Job, record: RunRecord, samples: _Samples
) -> dict[Kind, float]:
    measured = _benchmark(study, job.step, job.run)
    if not measured:
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
    file = paths.benchmark_file(study, paths.job_of_run(step, run))
    if not file.is_file():
        return None
    row = pd.read_csv(file, sep="\t").iloc[0]
    return {name: float(row[name]) for name in ("s", "mean_load") if name in row}


@dataclass(frozen=True)
class Timed:
    """Seconds of a core or a GPU: for an operation of a step, of a look; of an epoch's rest."""

    training: float
    evaluation: float
    bookkeeping: float


# From the kinds of steps and looks to what they take on this machine.
Timing = Callable[[Kind, Kind], Timed]


class TimedSpeeds:
    """What was timed on this machine, kept in a file so that it is timed once.

    Args:
        device: name of the processor or GPU.
    """

    def __init__(self, cache: Path, device: str):
        self.file = cache / SPEED_FILE
        self.machine = {"device": device, "torch": version("torch"), "code": code_of("train")}
        try:
            self.rows = json.loads(self.file.read_text(encoding="utf-8"))["timed"]
            self.add_to(Speeds())
        except (OSError, ValueError, KeyError, TypeError):  # missing, or of another version
            self.rows = []

    def add_to(self, speeds: Speeds) -> Speeds:
        """The same speeds, with what was timed where there were none."""
        for row in self.rows:
            if row["machine"] == self.machine:
                rate = Rate(row["seconds_per_operation"], 0)
                speeds.rates.setdefault(Kind(**row["of"]), rate)
                speeds.bookkeeping = speeds.bookkeeping or row["bookkeeping"]
        return speeds

    def keep(self, steps: Kind, looks: Kind, found: Timed) -> None:
        """Add what was timed; if the file cannot be written it will be timed again."""
        self.rows += [
            {
                "machine": self.machine,
                "of": asdict(kind),
                "seconds_per_operation": rate,
                "bookkeeping": found.bookkeeping,
            }
            for kind, rate in ((steps, found.training), (looks, found.evaluation))
        ]
        try:
            write_json_atomically(self.file, {"timed": self.rows})
        except (OSError, UserError) as error:
            log.warning("%s: not kept (%s)", self.file, error)


def missing_pairs(
    study: Study, wanted: Iterable[Job], known: Iterable[Kind]
) -> list[tuple[Kind, Kind]]:
    """Kinds of steps and of looks to be timed together, so that all jobs have their rates."""
    known, pairs = set(known), []
    for job in wanted:
        looks = evaluation_kind(study, job.run)
        for kind in job.needs(known):
            if kind in known:
                continue
            steps = kind if kind.work == TRAINING else training_kind(job.run)
            pairs.append((steps, looks))
            known |= {steps, looks}
    return pairs
