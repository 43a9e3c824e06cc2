"""The folder of a run of a study of this project."""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from tlstudy.audit.own_runs.raw import unreadable
from tlstudy.audit.sentinels.evidence import Evidence
from tlstudy.config.settings import Training
from tlstudy.config.study import STUDY_FILE, Run, finished_study, runs
from tlstudy.jobs import paths
from tlstudy.jobs.run_record import read_run_record
from tlstudy.storage.errors import UserError


def is_run(folder: Path) -> bool:
    """Whether a study of this project left the folder."""
    return (folder / paths.RUN_RECORD).is_file()


def read_folder(folder: Path) -> list[Evidence]:
    """What a run left, once for each arm of its study that shares it.

    Outside of its study's folder it is a single one, and how its result is reported is not known.
    """
    found = _read(folder)
    where = folder.resolve()
    arms = _arms(where.parents[3]).get(where, []) if len(where.parents) > 3 else []
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
        subset = folder.resolve().parents[3] / "subsets" / training.target.key / training.drawing
        return Evidence(
            arm=record["run"],
            subset_size=size,
            seed=seed,
            metrics=_part(folder / paths.METRICS),
            layers=_part(folder / paths.LAYERS),
            record=record,
            landscape=_record(folder / "landscape.json"),
            curvature=_part(folder / "curvature.parquet"),
            subset=_record(subset / f"n~{size}" / f"seed~{seed}" / "subset.json"),
            training=training,
            classes=training.target.outputs,
        )
    except (IndexError, ValueError) as error:
        reason = " ".join(str(error).split())
        file = folder / paths.RUN_RECORD
        raise UserError(f"{file}: is not the record of a run ({reason}).") from None


def _record(file: Path) -> dict[str, Any] | None:
    if not file.is_file():
        return None
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise unreadable(file, error) from None


def _part(file: Path) -> pd.DataFrame | None:
    """A table of a run's folder; None if it is missing or empty, as of a run that diverged."""
    if not file.is_file():
        return None
    try:
        frame = pd.read_parquet(file)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise unreadable(file, error) from None
    return None if frame.empty else frame
