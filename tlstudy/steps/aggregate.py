"""Step `aggregate`: tidy tables of all runs of a study."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tlstudy.audit.runs import Examiner, Key, names_of_alarms
from tlstudy.audit.sentinels.sentinel import Finding
from tlstudy.config.measurements import measured_tables
from tlstudy.config.settings import Study
from tlstudy.config.study import Run, experiments, runs_of_step
from tlstudy.jobs import graph, paths
from tlstudy.jobs.provenance import with_provenance
from tlstudy.jobs.run_record import RunRecord
from tlstudy.jobs.run_results import TIMES, RunResults, packed_answers, results_of_runs
from tlstudy.jobs.study_files import keep_study
from tlstudy.storage.columns import ANSWERS, FINDINGS, KEYS, LAYERS, METRICS, RUNS
from tlstudy.storage.errors import UserError
from tlstudy.storage.laboratory_columns import LABORATORY, LABORATORY_RUNS
from tlstudy.storage.reading import read_json, read_table
from tlstudy.storage.table_files import table_file, write_frames


@with_provenance(graph.aggregate)
def aggregate_study(study: Study) -> None:
    """Write the tables of runs, what was measured on them, findings, and the laboratory's.

    A complete study's configuration is left in its folder. Every file of a training is read once,
    and a few runs are in memory at a time; of each run its row and its findings stay until the
    end. Tables that the study asks for nothing of are empty, and what an incomplete study lacks
    has no rows.

    Raises:
        UserError: a file is missing or damaged, or runs with the same named weights did not use
            the same weights.
    """
    folder = paths.tables_folder(study)
    rows, findings, answers = _gather_trainings(study, folder)
    if not study.incomplete:
        keep_study(study)
    diverged = {key for key, row in rows.items() if row["status"] == "diverged"}
    for name, columns in measured_tables().items():
        frames = (_measured(study, run, name, diverged) for run in runs_of_step(study, name))
        write_frames(folder / f"{name}.parquet", {**KEYS, **columns}, frames)
    write_frames(folder / "answers.parquet", ANSWERS, [pd.DataFrame(answers)])
    write_frames(folder / "laboratory.parquet", LABORATORY, _laboratory(study))
    write_frames(folder / "laboratory-runs.parquet", LABORATORY_RUNS, _laboratory_runs(study))
    found = [each.row() for of_run in findings.values() for each in of_run]
    write_frames(folder / "findings.parquet", FINDINGS, [pd.DataFrame(found)])
    whole = [row | {"findings": names_of_alarms(findings[key])} for key, row in rows.items()]
    write_frames(folder / "runs.parquet", RUNS, [pd.DataFrame(whole)])


# The others are conditions and results of some experiments only.
OF_EVERY_EXPERIMENT = ("seed", "experiment", "measure", "value")


def _gather_trainings(
    study: Study, folder: Path
) -> tuple[dict[Key, dict], dict[Key, list[Finding]], list[dict]]:
    """Write the tables of epochs and layers.

    Returns:
        Rows of runs, and findings, by run; rows of answers.
    """
    answers: list[dict] = []
    rows, watch, runs_folder = {}, Examiner(study), paths.study_folder(study) / paths.RUNS
    weights: dict[tuple[str, str], set[str]] = {}
    with (
        table_file(folder / "metrics.parquet", METRICS) as metrics,
        table_file(folder / "layers.parquet", LAYERS) as layers,
    ):
        for results in results_of_runs(study):
            run = results.run
            keys = dict(zip(KEYS, run.key, strict=True))
            metrics.add(results.metrics, **keys)
            layers.add(results.layers, **keys)
            if used := results.record["weights"]:
                key = run.settings.initialisation, run.settings.architecture
                weights.setdefault(key, set()).add(used["sha256"])
            place = results.folder.relative_to(runs_folder)
            rows[run.key] = {**keys, "run": str(place), **run_row(results)}
            watch.look_at(results)
            if row := packed_answers(results, run.settings.batchnorm):
                answers.append(keys | row)
        _check_weights(study, weights)
    return rows, watch.findings(), answers


def _check_weights(study: Study, used: dict[tuple[str, str], set[str]]) -> None:
    """Refuse to put runs on different weights of one name into one table.

    Args:
        used: digests of the weights' files by their name and architecture.
    """
    for (name, architecture), digests in used.items():
        if len(digests) > 1:
            raise UserError(
                f"weights '{name}' ({architecture}): runs of study {study.study} used "
                f"{len(digests)} different files (SHA-256 {', '.join(sorted(digests))}); "
                "run the workflow again, it makes the outdated runs anew."
            )


def _measured(study: Study, run: Run, table: str, diverged: set[Key]) -> pd.DataFrame:
    frame = read_table(paths.measured_file(study, table, run), table, measured_tables()[table])
    if run.key in diverged:
        # What a diverged run was on its way is no result to compare, here as in the ledger.
        columns = measured_tables()[table]
        frame[[name for name, (kind, _) in columns.items() if kind == "float64"]] = float("nan")
        if "reason" in columns:
            frame["reason"] = "the run diverged"
    return frame.assign(**dict(zip(KEYS, run.key, strict=True)))


def _laboratory(study: Study) -> Iterator[pd.DataFrame]:
    for experiment, seed in experiments(study):
        file = paths.laboratory_file(study, experiment, seed)
        yield read_table(file, "laboratory", OF_EVERY_EXPERIMENT)


def _laboratory_runs(study: Study) -> Iterator[pd.DataFrame]:
    for experiment, seed in experiments(study):
        file = paths.laboratory_facts(study, experiment, seed)
        facts = read_json(file, "laboratory")
        yield pd.DataFrame([facts | facts["environment"]])


def run_row(results: RunResults) -> dict:
    """A row of the table of runs, but for the run's place and what the sentinels found."""
    run, record = results.run, results.record
    weights = record["weights"] or {}
    environment = record["environment"]
    return {
        "label": run.settings.label or run.arm,
        "group": run.settings.group,
        "status": record["status"],
        "epochs": record["epochs"],
        "initialisation": run.settings.initialisation,
        "weights_source": weights.get("source", ""),
        "weights_sha256": weights.get("sha256", ""),
        "batchnorm": run.settings.batchnorm,
        "reported_epoch": run.settings.reported_epoch,
        **_reported(run, record, results.metrics),
        **{
            f"final_test_{name}_{statistics}": value
            for statistics, values in record["final"].items()
            for name, value in values.items()
        },
        "final_test_images": record["final_test_images"],
        "checkpoint_train_loss": record["checkpoint_train_loss"],
        "trajectory_rank": record["trajectory"]["rank"],
        **{
            f"explained_variance_{axis}": share
            for axis, share in enumerate(record["trajectory"]["explained_variance"][:2], start=1)
        },
        "device": record["device"],
        "learning_rate": record["learning_rate"],
        "precision": run.settings.precision,
        "evaluation_precision": record["evaluation"]["precision"],
        "threads": record["threads"],
        "torch": environment["torch"],
        "code": record.get("code", ""),
        "commit": environment["commit"],
        **{name: float(np.nansum(results.metrics[name].to_numpy())) for name in TIMES},
        "seconds": record["seconds"],
        "ended": record.get("ended", ""),
        "peak_memory_gib": record["peak_memory_gib"],
        "settings": run.settings.model_dump_json(),
    }


def _reported(run: Run, record: RunRecord, metrics: pa.Table) -> dict:
    """Reported test values: of the final epoch, or the best over epochs as in the slides.

    The slides' table takes the lowest loss and the highest accuracies over the epochs, each from
    its own epoch. A run that diverged has no reported values.
    """
    statistics = run.settings.batchnorm
    if record["status"] == "diverged":
        return {}
    if run.settings.reported_epoch == "best-on-test":
        return {
            "reported_loss": pc.min(metrics[f"test_loss_{statistics}"]).as_py(),
            **{
                f"reported_{name}": pc.max(metrics[f"test_{name}_{statistics}"]).as_py()
                for name in ("accuracy", "balanced_accuracy")
            },
            "reported_test_images": metrics["test_images"][-1].as_py(),
        }
    final = {f"reported_{name}": value for name, value in record["final"][statistics].items()}
    return {**final, "reported_test_images": record["final_test_images"]}
