"""How fast this machine is at each kind of work, and what was timed of it."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from math import ceil, log2
from pathlib import Path

import numpy as np

from tlstudy.config.settings import Study
from tlstudy.config.study import STEPS, Run, distinct, runs_of_step
from tlstudy.jobs import paths
from tlstudy.jobs.cost import (
    CORE_SPEED,
    evaluation_operations,
    millions_of_weights,
    on_one_core,
    operations,
    training_operations,
)
from tlstudy.jobs.graph import code_of
from tlstudy.storage.environment import version
from tlstudy.storage.errors import UserError
from tlstudy.storage.files import write_json_atomically
from tlstudy.storage.reading import json_or_none

log = logging.getLogger(__name__)

TRAINING, EVALUATION = "training", "evaluation"
SPEED_FILE = "speed.json"  # in the cache: what was timed on this machine
# Seconds of a job before and after its work, where no job is on record: programs start alike.
START = 8.0


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
class LongJob:
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
        for kind in self._timed:
            if kind not in known:
                measurement = kind.work not in (TRAINING, EVALUATION)
                yield self.training if measurement else kind

    def seconds(self, speeds: Speeds) -> float:
        """Seconds of a core or a GPU that the job works, its start apart.

        A job on one core uses no network, so no measured rate fits it: its time is its operations
        at `CORE_SPEED`.
        """
        if not self._timed:
            return sum(self.work.values()) / CORE_SPEED
        weights = millions_of_weights(self.run.settings)
        work = sum(
            done * speeds.rate(kind, self.training).per_operation
            for kind, done in self.work.items()
        )
        return work + speeds.bookkeeping * weights * self.epochs

    def measured(self, speeds: Speeds) -> set[int]:
        """Runs that the rates of its work are known from; 0 among them if some were timed.

        Empty where it is reckoned by operations alone.
        """
        return {speeds.rate(kind, self.training).measured for kind in self._timed}

    @property
    def _timed(self) -> list[Kind]:
        """Kinds of work whose rates are those of this machine's records or timings."""
        return [] if on_one_core(self.step) else list(self.work)


def training_kind(run: Run) -> Kind:
    """Kind of a run's training steps."""
    settings = run.settings
    batch = run.subset_size / ceil(run.subset_size / settings.batch_size)
    images = 2 ** ceil(log2(batch))
    return Kind(TRAINING, settings.architecture, settings.image_size, settings.precision, images)


def evaluation_kind(study: Study, run: Run) -> Kind:
    settings = run.settings
    return Kind(EVALUATION, settings.architecture, settings.image_size, study.evaluation.precision)


def long_job(study: Study, run: Run, step: str) -> LongJob:
    steps = training_kind(run)
    if step == "train":
        work = {
            steps: training_operations(study, run),
            evaluation_kind(study, run): evaluation_operations(study, run),
        }
    else:
        kind = Kind(step, steps.architecture, steps.image_size)
        work = {kind: operations(study, run, step)}
    return LongJob(step, run, work, replace(steps, precision="float32"))


def shortened(run: Run, epochs: int) -> Run:
    """The run with fewer epochs, untuned: what these take apart from the others."""
    changes = {"epochs": epochs, "tune_learning_rate": False}
    return replace(run, settings=run.settings.model_copy(update=changes))


def seconds_left(study: Study, training: LongJob, epochs: int, speeds: Speeds) -> float:
    """Seconds of a core or a GPU that a training still takes after some epochs.

    The look at all test images is a part of the last epoch, and can take longer than all others.
    """
    if epochs == 0:
        return training.seconds(speeds)
    if epochs == training.epochs:
        return 0.0
    whole, with_last, last = (  # a tuning is over
        long_job(study, shortened(training.run, n), "train").seconds(speeds)
        for n in (training.epochs, epochs + 1, 1)
    )
    return whole - (with_last - last)


def first_file(study: Study, job: LongJob) -> Path:
    """What a job writes last, which stands for all that it leaves."""
    return paths.step_files(study, job.step, job.run)[0]


def jobs(study: Study) -> Iterator[LongJob]:
    """The jobs of a study that take long, one for each run that arms may share."""
    for step in STEPS:
        for run in distinct(runs_of_step(study, step)):
            yield long_job(study, run, step)


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
            self.rows = json_or_none(self.file)["timed"]
            self.add_to(Speeds())
        except (ValueError, KeyError, TypeError):  # missing, or of another version
            self.rows = []

    def add_to(self, speeds: Speeds) -> Speeds:
        """The same speeds, with what was timed where there were none."""
        for row in self.rows:
            if row["machine"] == self.machine:
                rate = Rate(row["seconds_per_operation"], 0)
                speeds.rates.setdefault(Kind(**row["of"]), rate)
                speeds.bookkeeping = speeds.bookkeeping or row["bookkeeping"]
        return speeds

    def add(self, steps: Kind, looks: Kind, found: Timed) -> None:
        """Add what was timed."""
        self.rows += [
            {
                "machine": self.machine,
                "of": asdict(kind),
                "seconds_per_operation": rate,
                "bookkeeping": found.bookkeeping,
            }
            for kind, rate in ((steps, found.training), (looks, found.evaluation))
        ]

    def keep(self) -> None:
        """Write all that is known; if that cannot be done it will be timed again."""
        try:
            write_json_atomically(self.file, {"timed": self.rows})
        except (OSError, UserError) as error:
            log.warning("%s: not kept (%s)", self.file, error)


def missing_pairs(
    study: Study, wanted: Iterable[LongJob], known: Iterable[Kind]
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
