"""The folder of a run of a study of this project."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tlstudy.audit.own_runs.raw import unreadable
from tlstudy.audit.sentinels.evidence import Evidence
from tlstudy.config.measurements import measurements
from tlstudy.config.study import STUDY_FILE, Run, finished_study, runs
from tlstudy.config.tables import ALL_TABLES
from tlstudy.config.training import Training
from tlstudy.jobs import paths
from tlstudy.jobs.run_record import read_run_record
from tlstudy.storage.columns import LAYERS, METRICS
from tlstudy.storage.errors import UserError
from tlstudy.storage.reading import made_by, read_json, read_table

FOLDERS_BELOW_STUDY = 4  # a run's: runs/<protocol>/n~50/seed~26


def is_run(folder: Path) -> bool:
    """Whether a study of this project left the folder."""
    return (folder / paths.RUN_RECORD).is_file()


def read_folder(folder: Path) -> list[Evidence]:
    """What a run left, once for each arm of its study that shares it.

    Outside of its study's folder it is a single one, and how its result is reported is not known.
    """
    found = _read(folder)
    where = folder.resolve()
    above = where.parents
    inside = len(above) >= FOLDERS_BELOW_STUDY
    arms = _arms(above[FOLDERS_BELOW_STUDY - 1]).get(where, []) if inside else []
    return [
        replace(
            found,
            arm=run.arm,
            training=run.settings,
            batchnorm=run.settings.batchnorm,
            reported_epoch=run.settings.reported_epoch,
        )
        for run in arms
    ] or [found]


@lru_cache(8)
def _arms(study_folder: Path) -> Mapping[Path, list[Run]]:
    """A study's runs by their folders; none where the folder is not that of a study."""
    if not (study_folder / STUDY_FILE).is_file():
        return {}
    study, found = finished_study(study_folder), {}
    for run in runs(study):
        found.setdefault(paths.folder_of_run(study, run), []).append(run)
    return found


def _read(folder: Path) -> Evidence:
    """Its landscape too if there is one, and its training images in their usual place."""
    record = read_run_record(folder)
    try:
        training = Training.model_validate(record["training"])
        size, seed = record["subset_size"], record["seed"]
        drawn = training.target.key, training.drawing, size, seed
        above = folder.resolve().parents
        root = above[min(FOLDERS_BELOW_STUDY, len(above)) - 1]  # "/" has none above it
        subset = paths.subset_folder_in(root, *drawn)
        measured = {name: folder / measurements()[name].file for name in ("landscape", "curvature")}
        return Evidence(
            arm=record["run"],
            subset_size=size,
            seed=seed,
            metrics=_part(folder / paths.METRICS, "train", METRICS),
            layers=_part(folder / paths.LAYERS, "train", LAYERS),
            record=record,
            landscape=_record(measured["landscape"], "landscape"),
            curvature=_part(measured["curvature"], "curvature", ALL_TABLES["curvature"]),
            subset=_record(subset / paths.SUBSET_RECORD, "subset"),
            training=training,
            classes=training.target.outputs,
        )
    except ValueError as error:
        reason = " ".join(str(error).split())
        file = folder / paths.RUN_RECORD
        raise UserError(f"{file}: is not the record of a run ({reason}).") from None


def _record(file: Path, command: str) -> dict[str, Any] | None:
    return read_json(file, command) if file.is_file() else None


def _part(file: Path, command: str, columns: Mapping[str, tuple[str, str]]) -> pd.DataFrame | None:
    """A table of a run's folder; None if it is missing or empty, as of a run that diverged.

    Args:
        columns: types of those that it may have.

    Raises:
        UserError: it cannot be read, or a column is of another type.
    """
    if not file.is_file():
        return None
    try:
        there = pq.read_schema(file).names
    except (OSError, ValueError, pa.ArrowException) as error:
        raise unreadable(file, error) from None
    known = {name: column for name, column in columns.items() if name in there}
    frame = read_table(file, command, known)
    if problem := _problem(frame, of_epochs=command == "train"):
        raise UserError(f"{file}: is damaged ({problem}); delete it and {made_by(command)}.")
    return None if frame.empty else frame


def _problem(frame: pd.DataFrame, of_epochs: bool) -> str:
    """What no table of a run has; empty if there is nothing."""
    for name in frame:
        if "accuracy" in name and not frame[name].dropna().between(0, 1).all():
            return f"{name} has values that are no shares from 0 to 1"
        if name in ("epoch", "layer") and frame[name].isna().any():
            return f"{name} is missing in a row"
    keys = [name for name in ("epoch", "layer") if name in frame]
    twice = of_epochs and keys and frame.duplicated(keys).any()
    return "an epoch stands there twice" if twice else ""
