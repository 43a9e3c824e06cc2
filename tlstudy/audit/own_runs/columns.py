"""This project's columns, and which column of a table is chosen for each."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from tlstudy.audit.own_runs.names import AXES, Name, part_of, understood, words_of
from tlstudy.audit.own_runs.numbers import Numbers, counted, numbers
from tlstudy.audit.own_runs.raw import listed
from tlstudy.storage.columns import KEYS, METRICS
from tlstudy.storage.errors import UserError

RUN = "run"
NAMES = (RUN, *KEYS)
AXIS = ("epoch", "step")
# One test value, as most programs log it, is taken in evaluation mode: the running statistics.
PLAIN = {
    f"test_{name}": f"test_{name}_running" for name in ("loss", "accuracy", "balanced_accuracy")
}
# What a table may have; what takes time does not concern any sentinel.
NUMBERS = (
    *(n for n in METRICS if n not in (*KEYS, "epoch") and not n.endswith("_seconds")),
    "learning_rate",
)
COLUMNS = (*NAMES, *AXIS, *NUMBERS, *PLAIN)
CURVES = ("loss", "accuracy", "balanced_accuracy", "error_rate")  # of each part of the data
EVALUATIONS = ("validation", "test")
MOST_REMARKS = 2  # rows such as "best" or "test" at the end
NAMELESS = "Value"  # of a curve whose file does not say what it is


@dataclass
class TableColumns:
    """The columns of a table by this project's names.

    Attributes:
        inverted: accuracies that are logged as rates of errors.
        theirs: by this project's name, what the column is called in the table.
        notes: sentences on choices that the names alone do not explain.
    """

    frame: pd.DataFrame
    path: Path
    inverted: set[str] = field(default_factory=set)
    theirs: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @cached_property
    def _known(self) -> dict[str, Numbers]:
        return {}

    def numbers_of(self, theirs: str) -> Numbers:
        """A column of the table by its own name."""
        if theirs not in self._known:
            found = numbers(self.frame[theirs])
            if found.wrong and understood(theirs).quantity in AXES:
                found = numbers(counted(self.frame[theirs]))
            self._known[theirs] = found
        return self._known[theirs]

    def numbers(self, name: str) -> Numbers:
        """A column by this project's name.

        Raises:
            UserError: it has a cell that is no number.
        """
        found = self.numbers_of(self.theirs[name])
        if found.wrong:
            cell = self.frame[self.theirs[name]].iloc[found.wrong[0]]
            shown = name.removesuffix("_running")
            other = (self.theirs[name] != shown and f" ('{self.theirs[name]}')") or ""
            raise UserError(
                f"{self.path}: column {shown}{other}: found '{listed([cell])}' in row "
                f"{found.wrong[0] + 1}; must "
                f"be a number, or name another one with --column {shown}=..."
            )
        return found

    @property
    def unread(self) -> list[str]:
        """Columns that were not chosen."""
        return [name for name in self.frame if name not in self.theirs.values()]


def chosen(frame: pd.DataFrame, renamed: Mapping[str, str], path: Path) -> TableColumns:
    """For each of this project's columns the one of the table that has it.

    Those asked for come first, then those with this project's own names, then those whose words
    say what they are.

    Raises:
        UserError: a column that was asked for is not there, or there is none that can be read.
    """
    if frame.empty:
        raise UserError(f"{path}: found no rows; must have a row for each epoch.")
    columns = TableColumns(frame.reset_index(drop=True), path)
    for name, theirs in renamed.items():
        theirs = theirs.strip()
        if theirs not in frame:
            raise UserError(
                f"{path}: found no column '{theirs}' (--column {name}={theirs}); it has "
                f"{listed(frame)}."
            )
        columns.theirs[PLAIN.get(name, name)] = theirs
    own = {name: name for name in (*NUMBERS, *NAMES) if name in frame}
    _take(columns, {name: name for name in own if name in NAMES or _has_numbers(columns, name)})
    taken = {theirs for theirs in columns.theirs.values() if not theirs.startswith("train_")}
    names = {name: understood(name) for name in frame if name not in taken}
    names = {theirs: name for theirs, name in names.items() if name.quantity}
    names = {theirs: name for theirs, name in names.items() if _has_numbers(columns, theirs)}
    for axis in AXIS:
        _take(columns, {axis: _axis(columns, [n for n in names if names[n].quantity == axis])})
    if "epoch" in columns.theirs:
        remarks = columns.numbers_of(columns.theirs["epoch"]).wrong
        if 0 < len(remarks) <= MOST_REMARKS and len(remarks) < len(frame):
            cells = frame[columns.theirs["epoch"]].iloc[list(remarks)]
            columns = chosen(frame.drop(index=frame.index[list(remarks)]), renamed, path)
            columns.notes.append(f"left out rows whose epoch is no number: {listed(cells)}")
            return columns
    _choose_parts(columns, names)
    _choose_nameless(columns)
    if not set(columns.theirs) & set(NUMBERS):
        _take(columns, own)  # though they are empty
    if not set(columns.theirs) & set(NUMBERS):
        example = _example(columns)
        remedy = f", or name one with --column, such as --column {example}" if example else ""
        found = _words_found(columns) or (
            f"found the columns {listed(frame)}; must have a loss, an accuracy or a gradient norm"
        )
        raise UserError(f"{path}: {found}{remedy}.")
    return columns


def _words_found(columns: TableColumns) -> str:
    """The first cell of a loss or the like that has no number; empty if there is none."""
    for name in columns.frame:
        found = columns.numbers_of(name)
        if found.wrong and understood(name).quantity not in (None, *AXES):
            cell = columns.frame[name].iloc[found.wrong[0]]
            place = f"'{listed([cell])}' in row {found.wrong[0] + 1}"
            return f"column {listed([name])}: found {place}; must have a number"
    return ""


def _example(columns: TableColumns) -> str:
    """An option that names a real column with numbers; empty if there is none.

    First what looks like a loss or an accuracy, then what changes from row to row.
    """

    def rank(theirs: str) -> tuple:
        words = " ".join(words_of(theirs))
        found = columns.numbers_of(theirs)
        still = len(np.unique(found.values[found.logged])) < 2
        return theirs != NAMELESS, not re.search("loss|acc|err|obj", words), still

    # A name with a line break cannot be typed.
    typed = [theirs for theirs in columns.unread if theirs.isprintable()]
    others = [theirs for theirs in typed if columns.numbers_of(theirs).any]
    others = [theirs for theirs in others if understood(theirs).quantity not in AXES]
    others = [theirs for theirs in others if not columns.numbers_of(theirs).wrong]
    if not others:
        return ""
    best = min(others, key=rank)
    part = "test" if part_of(best) in EVALUATIONS else "train"
    kind = "accuracy" if "acc" in best.lower() else "loss"
    return f"{part}_{kind}='{best}'"


def _take(columns: TableColumns, found: Mapping[str, str | None]) -> None:
    """Choose columns unless their name, or what they are called, is taken."""
    for name, theirs in found.items():
        if theirs and name not in columns.theirs and theirs not in columns.theirs.values():
            columns.theirs[name] = theirs


def _has_numbers(columns: TableColumns, theirs: str) -> bool:
    found = columns.numbers_of(theirs)
    return found.any or (bool(found.wrong) and theirs in COLUMNS)


def _axis(columns: TableColumns, candidates: list[str]) -> str | None:
    """The first that varies, or the first."""

    def varies(theirs: str) -> bool:
        return len(np.unique(columns.numbers_of(theirs).values)) > 1

    return max(candidates, key=varies, default=None)


def _choose_parts(columns: TableColumns, names: dict[str, Name]) -> None:
    """Train values, then those of one other part: the one with the most, validation at a tie."""
    groups: dict[tuple[str | None, str], list[str]] = {}
    for theirs, name in names.items():
        if name.quantity in CURVES:
            groups.setdefault((name.part, name.quantity), []).append(theirs)
    for quantity in ("gradient_norm", "learning_rate"):
        of_any = [n for n in names if names[n].quantity == quantity]
        _take(columns, {quantity: _best(columns, of_any, names, quantity)})
    assigned = _with_unprefixed(columns, groups)
    others = sorted(EVALUATIONS, key=lambda part: -_count(columns, assigned, part))
    for quantity in CURVES:
        name = "accuracy" if quantity == "error_rate" else quantity
        train = _best(columns, assigned.get(("train", quantity), []), names, f"train_{name}")
        like = names[train].extra if train else frozenset()
        _take(columns, {f"train_{name}": train})
        for part in others:
            found = assigned.get((part, quantity), [])
            ours = f"test_{name}"
            _take(columns, {PLAIN[ours]: _best(columns, found, names, ours, like)})
    columns.inverted = {
        ours
        for ours, theirs in columns.theirs.items()
        if theirs in names and names[theirs].quantity == "error_rate"
    }
    if all(_count(columns, assigned, part) for part in others):
        columns.notes.append(
            f"of validation and test values the {others[0]} values are read where there are both"
        )


def _with_unprefixed(columns: TableColumns, groups: dict) -> dict[tuple[str, str], list[str]]:
    """The groups, a quantity without a part being given one.

    A loss is of the training. So is an accuracy, unless only the validation has none and it is
    logged with the validation loss (fastai) or never with the train loss (MMEngine).
    """
    rest = {key: found for key, found in groups.items() if key[0] is not None}
    bare = {quantity: found for (part, quantity), found in groups.items() if part is None}

    def logged(quantity: str, *parts: str | None) -> np.ndarray:
        names = [theirs for part in parts for theirs in groups.get((part, quantity), [])]
        return np.any([columns.numbers_of(theirs).logged for theirs in names], axis=0)

    train_loss, test_loss = logged("loss", "train", None), logged("loss", *EVALUATIONS)
    prefixed = ("train", "loss") in rest
    for quantity, found in bare.items():
        of_it = logged(quantity, None)
        validated = any((part, quantity) in rest for part in EVALUATIONS)
        apart = bool(np.any(train_loss)) and not np.any(of_it & train_loss)
        named = prefixed and np.any(of_it & test_loss)
        if quantity == "loss" or validated or not (apart or named):
            if ("train", quantity) not in rest:
                rest["train", quantity] = found
        else:
            rest["validation", quantity] = found
            columns.notes.append(
                f"{listed(found)}, without a part in the name, is read as of the validation"
            )
    return rest


def _count(columns: TableColumns, groups: dict, part: str) -> int:
    """The number of values of a part."""
    found = [theirs for (other, _), names in groups.items() if other == part for theirs in names]
    return max((int(columns.numbers_of(theirs).logged.sum()) for theirs in found), default=0)


def _best(
    columns: TableColumns,
    candidates: list[str],
    names: dict[str, Name],
    ours: str,
    like: frozenset[str] = frozenset(),
) -> str | None:
    """The name with the fewest words that are not understood; an epoch's value before a step's.

    A column that does not vary comes last.

    Args:
        like: words of the train column that it is to be compared with.
    """

    def rank(theirs: str) -> tuple:
        name = names[theirs]
        found = columns.numbers_of(theirs)
        # A summary, a test at the end, or a part of the loss that the task has not.
        still = found.logged.sum() == 1 or len(np.unique(found.values[found.logged])) == 1
        apart = name.part not in (None, "train") and not ours.startswith("test_")
        return still, apart, name.extra != like, name.cost, name.granularity

    best = min(candidates, key=rank, default=None)
    if rest := [theirs for theirs in candidates if theirs != best]:
        why = "fewest other words, then epoch before step"
        columns.notes.append(f"{ours} is {best} rather than {listed(rest)}: {why}")
    return best


def _choose_nameless(columns: TableColumns) -> None:
    """A curve of TensorBoard whose file does not say of what: a train loss if it falls."""
    if NAMELESS not in columns.frame or set(columns.theirs) & set(NUMBERS):
        return
    found = columns.numbers_of(NAMELESS)
    values = found.values[np.isfinite(found.values)]
    if len(values) > 1 and values[-1] < values[0]:
        columns.theirs["train_loss"] = NAMELESS
        columns.notes.append(
            f"nothing says what {NAMELESS} is: as it falls it is read as train_loss; if it is "
            f"another, name it with --column test_loss={NAMELESS}"
        )
