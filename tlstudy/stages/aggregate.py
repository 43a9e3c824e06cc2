"""Stage `aggregate`: tidy tables of all runs of a study."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tlstudy import artefacts, paths
from tlstudy.columns import (
    CURVATURE,
    ENCODER,
    FINDINGS,
    LABORATORY,
    LABORATORY_RUNS,
    LAYERS,
    METRICS,
    REUSE,
    RUNS,
    schema,
)
from tlstudy.errors import UserError
from tlstudy.files import atomic_path
from tlstudy.records import recorded
from tlstudy.sentinels.runs import findings_of_study, names_of_alarms
from tlstudy.sentinels.sentinel import Finding
from tlstudy.settings import Study
from tlstudy.stages.settings import keep_study
from tlstudy.stored import read_record, read_table
from tlstudy.study import Run, experiments, runs_of_stage

CURVATURE_VALUES = ["epoch", "train_loss", "hessian_eigenvalue", "residual", "rise"]


@recorded(artefacts.aggregate)
def aggregate_study(study: Study) -> None:
    """Write the tables of runs, what was measured on them, findings, and the laboratory's.

    A complete study's configuration is left in its folder. A few runs are in memory at a time.
    Tables that the study asks for nothing of are empty, and what an incomplete study lacks has no
    rows.

    Raises:
        UserError: runs with the same named weights did not use the same weights.
    """
    check_weights(study)
    if not study.incomplete:
        keep_study(study)
    folder, findings = paths.tables_folder(study), findings_of_study(study)
    trained = runs_of_stage(study, "train")
    tables = {
        "metrics": (METRICS, trained),
        "layers": (LAYERS, trained),
        "curvature": (CURVATURE, runs_of_stage(study, "curvature")),
        "encoder": (ENCODER, runs_of_stage(study, "encoder")),
        "reuse": (REUSE, runs_of_stage(study, "reuse")),
    }
    for name, (columns, members) in tables.items():
        frames = (_of_run(study, run, name) for run in members)
        _write(folder / f"{name}.parquet", columns, frames)
    _write(folder / "laboratory.parquet", LABORATORY, _laboratory(study))
    _write(folder / "laboratory-runs.parquet", LABORATORY_RUNS, _laboratory_runs(study))
    _write_findings(folder / "findings.parquet", findings)
    rows = (pd.DataFrame([run_row(study, run, findings)]) for run in trained)
    _write(folder / "runs.parquet", RUNS, rows)


def run_record(study: Study, run: Run) -> dict:
    """The record that a run left in its folder."""
    return read_record(paths.folder_of_run(study, run) / "run.json", "train")


def check_weights(study: Study) -> None:
    """Refuse to put runs on different weights of one name into one table."""
    used: dict[tuple[str, str], set[str]] = {}
    for run in runs_of_stage(study, "train"):
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


def _write(path: Path, columns: dict, frames: Iterable[pd.DataFrame]) -> None:
    table_schema = schema(columns)
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, table_schema) as writer:
        for frame in frames:
            frame = frame.reindex(columns=list(columns))
            writer.write_table(pa.Table.from_pandas(frame, table_schema, preserve_index=False))


def _write_findings(path: Path, findings: list[Finding]) -> None:
    rows = [finding.row() for finding in findings]
    with atomic_path(path) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, schema(FINDINGS)), temporary)


def _of_run(study: Study, run: Run, table: str) -> pd.DataFrame:
    file = paths.folder_of_run(study, run) / f"{table}.parquet"
    frame = read_table(file, table if table in ("curvature", "encoder", "reuse") else "train")
    if table == "curvature" and run_record(study, run)["status"] == "diverged":
        # What a diverged run was on its way is no result to compare, here as in the ledger.
        frame[CURVATURE_VALUES] = float("nan")
        frame["reason"] = "the run diverged"
    return frame.assign(arm=run.arm, subset_size=run.subset_size, seed=run.seed)


def _laboratory(study: Study) -> Iterator[pd.DataFrame]:
    for experiment, seed in experiments(study):
        yield read_table(paths.laboratory_file(study, experiment, seed), "laboratory")


def _laboratory_runs(study: Study) -> Iterator[pd.DataFrame]:
    for experiment, seed in experiments(study):
        file = paths.laboratory_record(study, experiment, seed)
        record = read_record(file, "laboratory")
        yield pd.DataFrame([record | record["environment"]])


def run_row(study: Study, run: Run, findings: list[Finding]) -> dict:
    """One row of the table of runs."""
    record = run_record(study, run)
    metrics = _of_run(study, run, "metrics")
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
        "learning_rate": record["learning_rate"],
        "findings": names_of_alarms(findings, run.arm, run.subset_size, run.seed),
        "precision": run.settings.precision,
        "evaluation_precision": record["evaluation"]["precision"],
        "threads": record["threads"],
        "torch": environment["torch"],
        "code": record.get("code", ""),
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
