"""What the trainings of a study left, read once for each run of an arm, as Arrow has it."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from tlstudy.config.settings import Study
from tlstudy.config.study import Run, runs_of_stage
from tlstudy.jobs import paths
from tlstudy.storage.columns import KEYS, LAYERS, METRICS, schema
from tlstudy.storage.reading import read_arrow, read_record

# Two threads decode while the caller works; more of them wait for the interpreter's lock.
THREADS = 2
AHEAD = 8  # runs that are read before they are asked for
KINDS_OF_METRICS, KINDS_OF_LAYERS = schema(METRICS), schema(LAYERS)
TIMES = ("training_seconds", "evaluation_seconds")
# Columns of a training that went to its end; the keys of its run are added later.
ALL_METRICS, ALL_LAYERS = (
    [name for name in columns if name not in KEYS] for columns in (METRICS, LAYERS)
)


@dataclass(frozen=True)
class RunResults:
    """One run of an arm: its folder, `run.json`, and its tables as they were stored.

    Attributes:
        metrics: a row for each epoch; of `columns.METRICS` all but the run's keys. A run
            that diverged at once lacks some columns, here as in `layers`.
        layers: a row for each epoch and layer, `tlstudy.storage.columns.LAYERS` likewise.
    """

    run: Run
    folder: Path
    record: dict[str, Any]
    metrics: pa.Table
    layers: pa.Table


def results_of_runs(study: Study) -> Iterator[RunResults]:
    """The results of all runs in the order of the study; a few are in memory at a time.

    Raises:
        UserError: a file is missing or damaged.
    """
    pool, ahead = ThreadPoolExecutor(THREADS), deque()
    try:
        for run in runs_of_stage(study, "train"):
            ahead.append(pool.submit(read_results, study, run))
            if len(ahead) > AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def read_results(study: Study, run: Run) -> RunResults:
    """
    Raises:
        UserError: a file is missing or damaged.
    """
    folder = paths.folder_of_run(study, run)
    record = read_record(folder / "run.json", "train")
    needed = (TIMES, ()) if record["status"] == "diverged" else (ALL_METRICS, ALL_LAYERS)
    return RunResults(
        run=run,
        folder=folder,
        record=record,
        metrics=read_arrow(folder / "metrics.parquet", "train", KINDS_OF_METRICS, needed[0]),
        layers=read_arrow(folder / "layers.parquet", "train", KINDS_OF_LAYERS, needed[1]),
    )
