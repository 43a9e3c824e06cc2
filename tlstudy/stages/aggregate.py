"""Stage `aggregate`: tidy tables of all runs of a study."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tlstudy import paths
from tlstudy.columns import LAYERS, METRICS, RUNS, schema
from tlstudy.errors import UserError
from tlstudy.files import atomic_path
from tlstudy.settings import Study
from tlstudy.stages.train import read_record
from tlstudy.study import Run, runs

TABLES = {"metrics": METRICS, "layers": LAYERS, "runs": RUNS}


def aggregate_study(study: Study) -> None:
    """Write metrics.parquet, layers.parquet and runs.parquet; one run in memory at a time.

    Raises:
        UserError: runs with the same named weights did not use the same weights.
    """
    check_weights(study)
    folder = paths.tables_folder(study)
    _write(folder / "metrics.parquet", METRICS, study, lambda run: _series(study, run, "metrics"))
    _write(folder / "layers.parquet", LAYERS, study, lambda run: _series(study, run, "layers"))
    _write(folder / "runs.parquet", RUNS, study, lambda run: pd.DataFrame([run_row(study, run)]))


def run_record(study: Study, run: Run) -> dict:
    """The record that a run left in its folder."""
    return read_record(paths.folder_of_run(study, run) / "run.json", "train")


def check_weights(study: Study) -> None:
    """Refuse to put runs on different weights of one name into one table."""
    used: dict[tuple[str, str], set[str]] = {}
    for run in runs(study):
        weights = run_record(study, run)["weights"]
        if weights:
            key = run.settings.initialisation, run.settings.architecture
            used.setdefault(key, set()).add(weights["sha256"])
    for (name, architecture), digests in used.items():
        if len(digests) > 1:
            raise UserError(
                f"weights '{name}' ({architecture}): runs of study {study.study} used "
                f"{len(digests)} different files (SHA-256 {', '.join(sorted(digests))}); "
                "run the workflow again, it makes the outdated runs anew."
            )


def _write(path: Path, columns: dict, study: Study, rows_of: Callable[[Run], pd.DataFrame]) -> None:
    table_schema = schema(columns)
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, table_schema) as writer:
        for run in runs(study):
            frame = rows_of(run).reindex(columns=list(columns))
            writer.write_table(pa.Table.from_pandas(frame, table_schema, preserve_index=False))


def _series(study: Study, run: Run, table: str) -> pd.DataFrame:
    frame = pd.read_parquet(paths.folder_of_run(study, run) / f"{table}.parquet")
    return frame.assign(arm=run.arm, subset_size=run.subset_size, seed=run.seed)


def run_row(study: Study, run: Run) -> dict:
    """One row of the table of runs."""
    record = run_record(study, run)
    metrics = _series(study, run, "metrics")
    weights = record["weights"] or {}
    environment = record["environment"]
    return {
        "arm": run.arm,
        "subset_size": run.subset_size,
        "seed": run.seed,
        "run": str(paths.folder_of_run(study, run).relative_to(paths.study_folder(study) / "runs")),
        "label": run.settings.label or run.arm,
        "group": run.settings.group,
        "status": record["status"],
        "epochs": record["epochs"],
        "initialisation": run.settings.initialisation,
        "weights_source": weights.get("source", ""),
        "weights_sha256": weights.get("sha256", ""),
        "batchnorm": run.settings.batchnorm,
        "reported_epoch": run.settings.reported_epoch,
        **_reported(run, record, metrics),
        **dict(_final(record)),
        "final_test_images": record["final_test_images"],
        "checkpoint_train_loss": record["checkpoint_train_loss"],
        "trajectory_rank": record["trajectory"]["rank"],
        **_explained(record["trajectory"]["explained_variance"]),
        "device": record["device"],
        "precision": run.settings.precision,
        "evaluation_precision": record["evaluation"]["precision"],
        "threads": record["threads"],
        "torch": environment["torch"],
        "commit": environment["commit"],
        "training_seconds": metrics["training_seconds"].sum(),
        "evaluation_seconds": metrics["evaluation_seconds"].sum(),
        "seconds": record["seconds"],
        "peak_memory_gib": record["peak_memory_gib"],
        "settings": run.settings.model_dump_json(),
    }


def _reported(run: Run, record: dict, metrics: pd.DataFrame) -> dict:
    """Reported test values: of the final epoch, or the best over epochs as in the slides.

    The slides' table takes the lowest loss and the highest accuracies over the epochs, each from
    its own epoch. A run that diverged has no reported values.
    """
    statistics = run.settings.batchnorm
    if record["status"] == "diverged":
        return {}
    if run.settings.reported_epoch == "best-on-test":
        return {
            "reported_loss": metrics[f"test_loss_{statistics}"].min(),
            "reported_accuracy": metrics[f"test_accuracy_{statistics}"].max(),
            "reported_balanced_accuracy": metrics[f"test_balanced_accuracy_{statistics}"].max(),
            "reported_test_images": int(metrics["test_images"].iloc[-1]),
        }
    final = record["final"][statistics]
    return {
        "reported_loss": final["loss"],
        "reported_accuracy": final["accuracy"],
        "reported_balanced_accuracy": final["balanced_accuracy"],
        "reported_test_images": record["final_test_images"],
    }


def _final(record: dict) -> Iterator[tuple[str, float]]:
    for statistics, values in record["final"].items():
        for name, value in values.items():
            yield f"final_test_{name}_{statistics}", value


def _explained(shares: list[float]) -> dict[str, float]:
    return {f"explained_variance_{axis + 1}": share for axis, share in enumerate(shares[:2])}
