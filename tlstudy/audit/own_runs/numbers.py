"""Cells as numbers: what was logged as nan is told apart from what was not logged."""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tlstudy.audit.own_runs.raw import is_empty

# How programs write that there is no value. A nan is a value: of a loss that stopped being one.
EMPTY = {"-", "--", "na", "n/a", "#n/a", "none", "null", "nil", "no log"}
WRAPPED = re.compile(
    r"^(?:tensor)?\s*[(\[]+\s*([^,\])]+).*$"
)  # tensor(0.5, device='cuda:0'), [0.5]

# An epoch in words: "3/10", "Epoch 3".
COUNTED = re.compile(
    r"^\s*(?:epoch|step|iter|iteration)?\s*[\[(]?(\d+)(?:\s*/\s*\d+)?[\])]?\s*$", re.I
)


@dataclass(frozen=True)
class Numbers:
    """A column.

    Attributes:
        values: nan where it is empty, and where it was logged as nan.
        logged: whether there is a cell, of each row.
        wrong: rows, from 0, whose cell is no number.
        percent: whether cells end in %.
    """

    values: np.ndarray
    logged: np.ndarray
    wrong: tuple[int, ...] = ()
    percent: bool = False

    @property
    def any(self) -> bool:
        """Whether any number or nan was logged."""
        return bool(self.logged.any())

    def at(self, rows: np.ndarray) -> "Numbers":
        """The same of some rows."""
        return Numbers(self.values[rows], self.logged[rows], (), self.percent)


def numbers(column: pd.Series) -> Numbers:
    """A column of cells of any type as numbers."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "fiu":
        return Numbers(column.to_numpy(float), np.ones(len(column), bool))
    values, logged = np.full(len(column), np.nan), np.zeros(len(column), bool)
    wrong, percent = [], False
    for row, cell in enumerate(column.to_list()):
        if isinstance(cell, str):
            cell = cell.strip()
            percent |= cell.endswith("%")
            cell = WRAPPED.sub(r"\1", cell).rstrip("% ")
        if is_empty(cell) or (isinstance(cell, str) and cell.lower() in EMPTY):
            continue
        try:
            values[row], logged[row] = float(cell), True
        except (TypeError, ValueError, OverflowError):
            wrong.append(row)
    return Numbers(values, logged, tuple(wrong), percent)


def counted(column: pd.Series) -> pd.Series:
    """A column of epochs or steps, those in words as their numbers."""
    return column.map(lambda cell: found[1] if (found := COUNTED.match(str(cell))) else cell)
