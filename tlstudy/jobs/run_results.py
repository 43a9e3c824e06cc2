"""What a training leaves: its writer, and its reader for all runs of a study."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from tlstudy.config.settings import Study
from tlstudy.config.study import Run, runs_of_step
from tlstudy.jobs import paths
from tlstudy.jobs.run_record import RunRecord, read_run_record
from tlstudy.storage.columns import ANSWERS_OF_A_RUN, KEYS, LAYERS, METRICS, schema
from tlstudy.storage.reading import read_arrow
from tlstudy.storage.table_files import write_table

# Two threads decode while the caller works; more of them wait for the interpreter's lock.
THREADS = 2
AHEAD = 8  # runs that are read before they are asked for
TIMES = ("training_seconds", "evaluation_seconds")
# The keys of the run are added when the tables of a study are made.
ANSWERS_OF_RUN = schema(ANSWERS_OF_A_RUN)
METRICS_OF_RUN, LAYERS_OF_RUN = (
    schema({name: column for name, column in columns.items() if name not in KEYS})
    for columns in (METRICS, LAYERS)
)


@dataclass(frozen=True)
class RunResults:
    """One run of an arm.

    Attributes:
        metrics: a row for each epoch, `tlstudy.storage.columns.METRICS` without the run's keys.
        layers: a row for each epoch and layer, `tlstudy.storage.columns.LAYERS` likewise.
    """

    run: Run
    folder: Path
    record: RunRecord
    metrics: pa.Table
    layers: pa.Table


def write_measured(
    folder: Path, metrics: Iterable[dict] | dict, layers: Iterable[dict] | dict
) -> None:
    """Write what was measured after every epoch; a value that is not a number is empty.

    Args:
        metrics, layers: rows, or columns, as in `RunResults`.
    """
    for name, rows, kinds in (
        (paths.METRICS, metrics, METRICS_OF_RUN),
        (paths.LAYERS, layers, LAYERS_OF_RUN),
    ):
        write_table(folder / name, kinds, pd.DataFrame(rows, columns=kinds.names))


def write_answers(
    folder: Path, indices: np.ndarray, labels: np.ndarray, answers: Mapping[str, np.ndarray]
) -> None:
    """Write what every test image was taken for at the end.

    Args:
        indices: (N,) places of the images among the target's test images.
        answers: (N,) classes by BatchNorm statistics; empty where there are none.
    """
    columns = {"image": indices, "label": labels}
    columns |= {f"answer_{name}": found for name, found in answers.items()}
    frame = pd.DataFrame(columns).reindex(columns=ANSWERS_OF_RUN.names)
    write_table(folder / paths.ANSWERS, ANSWERS_OF_RUN, frame)


def packed_answers(results: "RunResults", statistics: str) -> dict | None:
    """Columns of `tlstudy.storage.columns.ANSWERS` of a run; None without answers.

    Args:
        statistics: BatchNorm statistics of the answers.
    """
    table = read_arrow(results.folder / paths.ANSWERS, "train", ANSWERS_OF_RUN)
    answers = table[f"answer_{statistics}"]
    if not len(table) or answers.null_count:
        return None
    labels = table["label"].to_numpy().astype("<i2")
    return {
        "statistics": statistics,
        "images": len(labels),
        "labels": labels.tobytes(),
        "right": np.packbits(answers.to_numpy() == labels).tobytes(),
    }


def results_of_runs(study: Study) -> Iterator[RunResults]:
    """The results of all runs in the order of the study; a few are in memory at a time.

    Raises:
        UserError: a file is missing or damaged.
    """
    pool, ahead = ThreadPoolExecutor(THREADS), deque()
    try:
        for run in runs_of_step(study, "train"):
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
    return RunResults(
        run=run,
        folder=folder,
        record=read_run_record(folder),
        metrics=read_arrow(folder / paths.METRICS, "train", METRICS_OF_RUN),
        layers=read_arrow(folder / paths.LAYERS, "train", LAYERS_OF_RUN),
    )
