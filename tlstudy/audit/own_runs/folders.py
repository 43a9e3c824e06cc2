"""The folder of a run of a study of this project."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from tlstudy.audit.own_runs.raw import unreadable
from tlstudy.audit.sentinels.evidence import Evidence
from tlstudy.config.settings import Training
from tlstudy.jobs import paths
from tlstudy.jobs.run_record import read_run_record
from tlstudy.storage.errors import UserError


def is_run(folder: Path) -> bool:
    """Whether a study of this project left the folder."""
    return (folder / paths.RUN_RECORD).is_file()


def read_folder(folder: Path) -> Evidence:
    """What a run left; its landscape if there is one, its training images in their usual place.

    Several arms can share a run, so how its result is reported is not known from its folder.
    """
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
