"""Which rows of a table belong to which run: by columns that name it, or that look so."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tlstudy.audit.own_runs.columns import NAMES, RUN, TableColumns
from tlstudy.audit.own_runs.names import is_run
from tlstudy.audit.own_runs.raw import is_empty, listed
from tlstudy.storage.errors import UserError


def named_rows(columns: TableColumns, name: str) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Names of each run and the numbers of its rows."""
    keys = _keys(columns)
    if not keys:
        yield {RUN: name}, np.arange(len(columns.frame))
        return
    for ours, theirs in keys.items():
        columns.theirs[ours] = theirs
        if columns.frame[theirs].map(_is_missing).any():
            raise UserError(
                f"{columns.path}: column {theirs}: found an empty cell; each row must have one."
            )
    cells = {ours: columns.frame[theirs].map(str) for ours, theirs in keys.items()}
    for values, part in pd.DataFrame(cells).groupby(list(keys), sort=False):
        names = dict(zip(keys, values, strict=True))
        for key in {"subset_size", "seed"} & set(names):
            names[key] = _whole(names[key], key, columns.path)
        if keys.get(RUN, RUN) != RUN and names[RUN].isdecimal():
            names[RUN] = f"{keys[RUN]} {names[RUN]}"
        yield (names if "arm" in names else {RUN: name, **names}), part.index.to_numpy()


def _keys(columns: TableColumns) -> dict[str, str]:
    """Columns that tell runs apart: run and seed, or arm, size and seed, or one that looks so."""
    keys = {ours: columns.theirs[ours] for ours in NAMES if ours in columns.theirs}
    if RUN in keys:
        keys = {name: keys[name] for name in (RUN, "seed") if name in keys}
        if "seed" in keys and not _tells_seeds(columns.frame[[keys[RUN], keys["seed"]]]):
            del keys["seed"]
    if "seed" in keys and columns.frame[keys["seed"]].map(_is_missing).any():
        del keys["seed"]  # of a line before the first epoch
    if not keys:
        _check_summaries(columns)
    if RUN in keys or "arm" in keys:
        return keys
    other = _joined_key(columns)
    return {RUN: other, **keys} if other else keys


def _tells_seeds(cells: pd.DataFrame) -> bool:
    """Whether a seed beside a run is one of the whole run: a shuffle's may change with the row."""
    seeds = pd.to_numeric(cells.iloc[:, 1], errors="coerce")
    pairs = cells.map(str).drop_duplicates()
    return bool((seeds % 1 == 0).all()) and len(pairs) <= len(cells) / 2


def _joined_key(columns: TableColumns) -> str | None:
    """The column that tells runs apart, or one of several such columns joined: model and fold."""
    chosen: list[str] = []
    apart = 1
    for theirs in [theirs for theirs in columns.unread if _tells_runs(columns, theirs)]:
        groups = columns.frame[[*chosen, theirs]].map(str).drop_duplicates()
        if len(groups) > apart and 2 * len(groups) <= len(columns.frame):
            chosen, apart = [*chosen, theirs], len(groups)
        elif not chosen:
            chosen = [theirs]
    if len(chosen) < 2:
        return chosen[0] if chosen else None
    name = " + ".join(chosen)
    texts = [
        columns.frame[theirs].map(lambda cell, t=theirs: f"{t} {cell}" if _counts(cell) else cell)
        for theirs in chosen
    ]
    cells = [", ".join(map(str, row)) for row in zip(*texts, strict=True)]
    columns.frame = columns.frame.drop(columns=chosen).assign(**{name: cells})
    return name


def _counts(cell: Any) -> bool:
    return str(cell).strip().isdecimal()


def _tells_runs(columns: TableColumns, theirs: str) -> bool:
    cells = columns.frame[theirs]
    if not is_run(theirs) or cells.map(_is_missing).any():
        return False
    return cells.map(str).nunique() <= len(cells) / 2


def _check_summaries(columns: TableColumns) -> None:
    """Refuse a list of runs with their last values, as Weights & Biases has it.

    Raises:
        UserError: each row names another run, and no epoch rises from row to row.
    """
    axis = columns.theirs.get("epoch", columns.theirs.get("step"))
    steps = np.diff(columns.numbers_of(axis).values) if axis else np.zeros(1)
    for theirs in filter(is_run, columns.unread):
        cells = columns.frame[theirs].map(str)
        texts = bool(columns.numbers_of(theirs).wrong)
        if texts and len(cells) > 1 and cells.is_unique and not (steps > 0).all():
            raise UserError(
                f"{columns.path}: found one row for each {theirs}; must have a row for each epoch "
                "of a run."
            )


def _is_missing(cell: Any) -> bool:
    return is_empty(cell) or (isinstance(cell, float) and np.isnan(cell))


def _whole(value: Any, column: str, path: Path) -> int:
    try:
        number = float(value)
        if number == int(number):
            return int(number)
    except (TypeError, ValueError, OverflowError):
        pass
    raise UserError(f"{path}: column {column}: found '{listed([value])}'; must be a whole number.")
