"""Runs from a table of their epochs, or from a folder that this project left.

The tables are described in docs/audit-format.md.
"""

import json
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from tlstudy.audit.sentinels.evidence import Evidence
from tlstudy.config.fields import CLASSES
from tlstudy.config.settings import Training
from tlstudy.jobs import paths
from tlstudy.jobs.run_record import read_run_record
from tlstudy.storage.columns import KEYS, METRICS
from tlstudy.storage.errors import UserError

RUN = "run"
NAMES = (RUN, *KEYS)
# One test value, as most programs log it, is taken in evaluation mode: the running statistics.
PLAIN = {
    f"test_{name}": f"test_{name}_running" for name in ("loss", "accuracy", "balanced_accuracy")
}
# What a table may have; what takes time does not concern any sentinel.
NUMBERS = tuple(
    name for name in METRICS if name not in (*KEYS, "epoch") and not name.endswith("_seconds")
)
COLUMNS = (*NAMES, "epoch", *NUMBERS, *PLAIN)
SUFFIXES = (".csv", ".parquet")
LARGEST_EPOCH = 10**9
MOST_IMAGES = 10**12


@dataclass(frozen=True)
class Source:
    """A table or a folder, as it was read.

    Attributes:
        unread: columns of a table that no sentinel reads.
    """

    path: Path
    runs: list[Evidence]
    unread: list[str] = field(default_factory=list)


def read_runs(path: Path, renamed: Mapping[str, str], classes: int = CLASSES) -> Source:
    """All runs of a table (.csv or .parquet), or the run of a folder.

    Args:
        renamed: for columns of this project, what they are called in the table.

    Raises:
        UserError: it cannot be read as such; names file and column.
    """
    if path.is_dir():
        return Source(path, [replace(_read_folder(path), classes=classes)])
    frame = _standard_names(_read_table(path), renamed, path)
    if frame.empty:
        raise UserError(f"{path}: found no rows; must have a row for each epoch.")
    if "epoch" not in frame:
        raise UserError(
            f"{path}: found the columns {_list(frame)}; must have a column epoch, or name it with "
            "--column epoch=..."
        )
    if not set(frame) & set(NUMBERS):
        raise UserError(
            f"{path}: found the columns {_list(frame)}; must have at least one of {_list(NUMBERS)}."
        )
    runs = [replace(run, classes=classes) for run in _split(frame, path)]
    return Source(path, runs, [str(name) for name in frame if name not in COLUMNS])


def _read_table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise UserError(f"{path}: no such file or folder.")
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(
            f"{path}: found '{path.suffix}'; must be a table ({', '.join(SUFFIXES)}) or the "
            "folder of a run."
        )
    try:
        frame = _read_csv(path) if path.suffix.lower() == ".csv" else pd.read_parquet(path)
    except (OSError, ValueError, pa.ArrowException) as error:  # pandas' own are ValueErrors
        raise UserError(f"{path}: cannot be read ({' '.join(str(error).split())}).") from None
    named = [name for name in frame.index.names if name and name not in frame]
    return frame.reset_index(drop=not named)


def _read_csv(path: Path) -> pd.DataFrame:
    """Without pandas' guess that a surplus first field is an index: it shifts all columns."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            return pd.read_csv(path, index_col=False)
        except pd.errors.ParserWarning:
            raise UserError(
                f"{path}: found rows with more fields than the header; must have as many."
            ) from None


def _standard_names(frame: pd.DataFrame, renamed: Mapping[str, str], path: Path) -> pd.DataFrame:
    """The table with this project's column names."""
    for name, theirs in renamed.items():
        if theirs not in frame:
            raise UserError(
                f"{path}: found no column '{theirs}' (--column {name}={theirs}); it has "
                f"{_list(frame)}."
            )
    # A column that is there under the name of another one gives way to the one asked for.
    frame = frame.drop(
        columns=[name for name in renamed if name in frame and name not in renamed.values()]
    )
    frame = frame.rename(columns={theirs: name for name, theirs in renamed.items()})
    for plain, full in PLAIN.items():
        if plain in frame and full in frame:
            raise UserError(f"{path}: found both {plain} and {full}; they are the same column.")
    return frame.rename(columns=PLAIN)


def _split(frame: pd.DataFrame, path: Path) -> Iterator[Evidence]:
    frame = frame.assign(**{name: _numbers(frame[name], path) for name in NUMBERS if name in frame})
    frame = frame.assign(epoch=_epochs(frame["epoch"], path))
    _check_shares(frame, path)
    keys = [RUN] if RUN in frame else [name for name in KEYS if name in frame]
    for name in keys:
        if frame[name].isna().any():
            raise UserError(f"{path}: column {name}: found an empty cell; each row must have one.")
    parts = frame.groupby(keys, sort=False) if keys else [((path.stem,), frame)]
    for values, part in parts:
        yield _evidence(dict(zip(keys or [RUN], values, strict=True)), part, path)


def _evidence(names: Mapping[str, Any], part: pd.DataFrame, path: Path) -> Evidence:
    size, seed = (_whole(names.get(key), key, path) for key in ("subset_size", "seed"))
    evidence = Evidence(
        arm=str(names.get(RUN, names.get("arm", path.stem))), subset_size=size, seed=seed
    )
    _check_order(part["epoch"], evidence.name, path)
    first = part["epoch"].iloc[0]
    part = part.assign(epoch=part["epoch"] + (1 if first == 0 else 0))  # here the first is 1
    metrics = part.drop(columns=[name for name in NAMES if name in part])
    return replace(evidence, metrics=metrics.reset_index(drop=True))


def _numbers(column: pd.Series, path: Path) -> pd.Series:
    try:
        numbers = pd.to_numeric(column, errors="coerce").astype(float)
    except TypeError:  # not even text: lists, say
        numbers = pd.Series(np.nan, column.index)
    wrong = column[numbers.isna() & column.notna()]
    if len(wrong):
        raise UserError(
            f"{path}: column {column.name}: found '{wrong.iloc[0]}' in row "
            f"{column.index.get_loc(wrong.index[0]) + 1}; must be a number."
        )
    return numbers


def _epochs(column: pd.Series, path: Path) -> pd.Series:
    numbers = _numbers(column, path)
    right = np.isfinite(numbers) & (numbers >= 0) & (numbers < LARGEST_EPOCH) & (numbers % 1 == 0)
    if not right.all():
        raise UserError(
            f"{path}: column epoch: found '{column[~right].iloc[0]}'; must be a whole number from "
            "0 in every row."
        )
    return numbers.astype("int64")


def _check_order(epochs: pd.Series, run: str, path: Path) -> None:
    steps = epochs.diff().iloc[1:]
    if (steps <= 0).any():
        place = int(np.argmax((steps <= 0).to_numpy())) + 1
        raise UserError(
            f"{path}: column epoch: found {epochs.iloc[place]} after {epochs.iloc[place - 1]} in "
            f"run '{run}'; must rise from row to row, one row for each epoch (several runs need a "
            "column run)."
        )


def _check_shares(frame: pd.DataFrame, path: Path) -> None:
    for name in frame:
        if name in NUMBERS and "accuracy" in name:
            wrong = frame.loc[(frame[name] < 0) | (frame[name] > 1), name]
            if len(wrong):
                raise UserError(
                    f"{path}: column {name}: found {wrong.iloc[0]:g}; must be a share from 0 to 1."
                )
    if "test_images" in frame:
        images = frame["test_images"].dropna()
        wrong = images[(images < 1) | (images % 1 != 0) | (images > MOST_IMAGES)]
        if len(wrong):
            raise UserError(
                f"{path}: column test_images: found {wrong.iloc[0]:g}; must be a whole number "
                f"from 1 to {MOST_IMAGES:,}."
            )


def _whole(value: Any, column: str, path: Path) -> int | None:
    if value is None:
        return None
    try:
        number = float(value)
        if number == int(number):
            return int(number)
    except (TypeError, ValueError, OverflowError):
        pass
    raise UserError(f"{path}: column {column}: found '{value}'; must be a whole number.")


def _read_folder(folder: Path) -> Evidence:
    """What a run left; its landscape if there is one, its training images in their usual place.

    Several arms can share a run, so how its result is reported is not known from its folder.
    """
    if not (folder / paths.RUN_RECORD).is_file():
        raise UserError(f"{folder}: found no {paths.RUN_RECORD}; must be the folder of a run.")
    record = read_run_record(folder)
    try:
        training = Training.model_validate(record["training"])
        size, seed = record["subset_size"], record["seed"]
        subset = folder.resolve().parents[3] / "subsets" / training.drawing
        return Evidence(
            arm=record["run"],
            subset_size=size,
            seed=seed,
            metrics=_part(folder / paths.METRICS),
            layers=_part(folder / paths.LAYERS),
            record=record,
            landscape=_record(folder / "landscape.json"),
            subset=_record(subset / f"n~{size}" / f"seed~{seed}" / "subset.json"),
            training=training,
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
        raise UserError(f"{file}: cannot be read ({' '.join(str(error).split())}).") from None


def _part(file: Path) -> pd.DataFrame | None:
    """A table of a run's folder; None if it is missing or empty, as of a run that diverged."""
    frame = _read_table(file) if file.is_file() else None
    return None if frame is None or frame.empty else frame


def _list(names: Iterable) -> str:
    return ", ".join(map(str, names))
