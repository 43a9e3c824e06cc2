"""From the chosen columns of a table to the epochs of its runs."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from tlstudy.audit.own_runs.columns import NUMBERS, RUN, TableColumns
from tlstudy.audit.own_runs.names import AXES, understood
from tlstudy.audit.own_runs.numbers import Numbers
from tlstudy.audit.own_runs.run_keys import named_rows
from tlstudy.storage.errors import UserError

LARGEST_EPOCH = 10**15
MOST_IMAGES = 10**12
AVERAGED = ("train_loss", "train_accuracy", "train_balanced_accuracy", "learning_rate")
EVALUATED = tuple(name for name in NUMBERS if name.startswith("test_") and name != "test_images")
FEWEST_EPOCHS = 3  # with fewer, and many rows in them, the steps are looked at
MANY = 5  # rows an epoch
UNSORTED = 0.25  # share of rows before which the epoch falls, from which they are in no order
MOST_RESTARTS = 1000
SAME_EPOCH = 1e-6
ROUNDING = 1e-6  # a mean of ones in float32 may be above 1


@dataclass
class Run:
    """A run's epochs.

    Attributes:
        names: of run, or arm, subset size and seed.
        metrics: a row for each epoch, or for each step where only steps are known.
        not_finite: epochs in which a column was logged as nan.
    """

    names: dict[str, Any]
    metrics: pd.DataFrame
    not_finite: dict[str, list[int]] = field(default_factory=dict)


def runs_of(columns: TableColumns, name: str) -> list[Run]:
    """The runs of a table; adds to the columns' notes what was done to their rows.

    Raises:
        UserError: a cell cannot be understood.
    """
    found = {ours: columns.numbers(ours) for ours in NUMBERS if ours in columns.theirs}
    _leave_out(found, columns)
    found = {ours: _in_its_unit(numbers, ours, columns) for ours, numbers in found.items()}
    axes = {
        axis: _checked_axis(columns, axis) for axis in ("epoch", "step") if axis in columns.theirs
    }
    axes = {axis: values for axis, values in axes.items() if values is not None}
    runs = []
    for names, rows in named_rows(columns, name):
        parts = _restarts(axes, rows, columns)
        for number, part in enumerate(parts, 1):
            own = {**names, RUN: f"{names.get(RUN, names.get('arm'))} #{number}"}
            runs.append(_run(own if len(parts) > 1 else names, part, found, axes, columns))
    columns.notes[:] = dict.fromkeys(columns.notes)  # each is said once
    return runs


def _leave_out(found: dict[str, Numbers], columns: TableColumns) -> None:
    """Leave out accuracies that are none.

    Raises:
        UserError: there is no other column, or a number of images is none.
    """
    if "test_images" in found:
        _check_images(found["test_images"].values, columns)
    for ours in [name for name in found if "accuracy" in name]:
        values = found[ours].values
        wrong = values[(values < 0) | (values > 100 * (1 + ROUNDING))]
        if not len(wrong):
            continue
        text = f"found {wrong[0]:g}; must be a share from 0 to 1 or a percentage"
        if len(found) == 1:
            raise UserError(
                f"{columns.path}: column {ours.removesuffix('_running')} "
                f"('{columns.theirs[ours]}'): {text}, or name another column with --column "
                f"{ours.removesuffix('_running')}=..."
            )
        columns.notes.append(f"{columns.theirs.pop(ours)} is left out: {text}")
        del found[ours]


def _in_its_unit(found: Numbers, ours: str, columns: TableColumns) -> Numbers:
    """Accuracies as shares from 0 to 1."""
    if "accuracy" not in ours:
        return found
    values = found.values
    if found.percent or (values > 1 + ROUNDING).any():
        columns.notes.append(f"{columns.theirs[ours]} is in per cent")
        values = values / 100
    values = np.minimum(values, 1) if (values > 1).any() else values
    if ours in columns.inverted:
        columns.notes.append(f"{columns.theirs[ours]} is 1 less the accuracy")
        values = 1 - values
    return Numbers(values, found.logged)


def _check_images(values: np.ndarray, columns: TableColumns) -> None:
    known = values[~np.isnan(values)]
    wrong = [value for value in known if not (1 <= value <= MOST_IMAGES and value % 1 == 0)]
    if wrong:
        raise UserError(
            f"{columns.path}: column test_images: found {wrong[0]:g}; must be a whole number from "
            f"1 to {MOST_IMAGES:,}."
        )


def _checked_axis(columns: TableColumns, axis: str) -> np.ndarray | None:
    """Epochs or steps; an empty cell has that of the row before; None if all are empty."""
    found = columns.numbers(axis)
    given = found.values[~np.isnan(found.values)]
    wrong = given[~((given >= 0) & (given < LARGEST_EPOCH))]
    if len(wrong):
        raise UserError(
            f"{columns.path}: column {axis}: found '{wrong[0]:g}'; must be a number from 0, or "
            f"name another column with --column {axis}=..."
        )
    return pd.Series(found.values).ffill().bfill().to_numpy() if len(given) else None


def _restarts(
    axes: dict[str, np.ndarray], rows: np.ndarray, columns: TableColumns
) -> list[np.ndarray]:
    """The rows of each run, which begins where the epoch (or the step, if there is none) falls."""
    axis = next((axis for axis in ("epoch", "step") if axis in axes), None)
    if axis is None or len(rows) < 2:
        return [rows]
    values = axes[axis][rows]
    falls = np.flatnonzero(np.diff(values) < 0) + 1
    to_start = np.isclose(values[falls], values.min()).mean() if len(falls) else 1.0
    if len(falls) > 2 and len(falls) > UNSORTED * len(rows) and to_start < 0.5:
        columns.notes.append(f"rows are in no order: sorted by {columns.theirs[axis]}")
        return [rows[np.argsort(values, kind="stable")]]
    if len(falls) > MOST_RESTARTS:
        raise UserError(
            f"{columns.path}: column {columns.theirs[axis]} falls back {len(falls)} times; must "
            f"rise in each run, or name another column with --column {axis}=..."
        )
    if len(falls):
        columns.notes.append(
            f"{columns.theirs[axis]} falls back {len(falls)} time{'s' * (len(falls) > 1)}: "
            f"{len(falls) + 1} runs"
        )
    return np.split(rows, falls)


def _run(
    names: dict[str, Any],
    rows: np.ndarray,
    found: dict[str, Numbers],
    axes: dict[str, np.ndarray],
    columns: TableColumns,
) -> Run:
    if "epoch" not in axes and "step" in axes:  # a step at which nothing was logged is none
        there = np.any([numbers.logged[rows] for numbers in found.values()], axis=0)
        rows = rows[there] if there.any() else rows
    own = {ours: numbers.at(rows) for ours, numbers in found.items()}
    own = _without_filled(own, rows, columns)
    labels, axis = _labels(own, {name: values[rows] for name, values in axes.items()}, columns)
    first_is_0 = labels[0] == 0
    if first_is_0:
        columns.notes.append(f"the first {axis} is 0 in the file and counts as epoch 1")
    epochs, groups = np.unique(labels + first_is_0, return_inverse=True)
    metrics, not_finite = {"epoch": epochs}, {}
    for ours, numbers in own.items():
        averaged = ours in AVERAGED
        values, logged = _of_groups(numbers, groups, len(epochs), averaged)
        metrics[ours] = values
        nan = epochs[logged & np.isnan(values)]
        if len(nan):
            not_finite[ours] = nan.tolist()
        if averaged and ours == "train_loss" and numbers.logged.sum() > logged.sum():
            rows_of = "an epoch" if axis == "epoch" else "the steps up to an evaluation"
            columns.notes.append(f"{columns.theirs[ours]} is averaged over the rows of {rows_of}")
    return Run(names, pd.DataFrame(metrics), not_finite)


def _without_filled(
    own: dict[str, Numbers], rows: np.ndarray, columns: TableColumns
) -> dict[str, Numbers]:
    """Takes a nan for an empty cell in a row of numbers that never share one with the column's.

    Programs that fill gaps write it there: pandas in the rows of validation, which have no train
    loss. A train loss that diverged has it beside numbers that stood beside it before.
    """
    nans = {ours: numbers.logged & np.isnan(numbers.values) for ours, numbers in own.items()}
    if not any(cells.any() for cells in nans.values()):
        return own
    unread = [theirs for theirs in columns.unread if understood(theirs).quantity not in AXES]
    every = [*own.values(), *(columns.numbers_of(theirs).at(rows) for theirs in unread)]
    there = [numbers.logged & ~np.isnan(numbers.values) for numbers in every]
    filled = dict(own)
    for (ours, numbers), own_rows in zip(own.items(), there, strict=False):
        apart = [cells for cells in there if own_rows.any() and not (cells & own_rows).any()]
        gap = nans[ours] & np.any([np.zeros(len(rows), bool), *apart], axis=0)
        if gap.any():
            filled[ours] = replace(numbers, logged=numbers.logged & ~gap)
            columns.notes.append(
                f"{columns.theirs[ours]}: nan in rows of other values is an empty cell"
            )
    return filled


def _labels(
    own: dict[str, Numbers], axes: dict[str, np.ndarray], columns: TableColumns
) -> tuple[np.ndarray, str]:
    """A whole number for each row; rows with the same one are one epoch. What it counts."""
    size = len(next(iter(own.values())).logged)
    evaluated = np.zeros(size, bool)
    for ours in set(EVALUATED) & set(own):
        evaluated |= own[ours].logged
    if "epoch" in axes:
        epochs = axes["epoch"]
        fractional = (epochs % 1 != 0).any()
        whole = np.maximum(np.ceil(epochs - SAME_EPOCH), 1) if fractional else epochs
        distinct = len(np.unique(whole))
        often = fractional and len(np.unique(epochs[evaluated])) > 1.5 * distinct
        few = distinct < FEWEST_EPOCHS and size >= MANY * distinct
        if not often and not few:
            if fractional:
                columns.notes.append("epochs are fractional: joined to whole ones")
            return whole.astype("int64"), "epoch"
        columns.notes.append(f"in {distinct} epochs there are {size} rows: steps are looked at")
    elif "step" not in axes:
        columns.notes.append("no column has the epoch: rows are epochs (else --column epoch=...)")
        return np.arange(1, size + 1), "epoch"
    else:
        columns.notes.append("no column has the epoch: steps are counted in its place")
    steps = axes.get("step", np.arange(1, size + 1))
    if (np.diff(steps) < 0).any() or (steps % 1 != 0).any():
        steps = np.arange(1, size + 1)
    ends = np.flatnonzero(evaluated)
    trained = own["train_loss"].logged.sum() if "train_loss" in own else 0
    if len(ends) >= FEWEST_EPOCHS and trained > 1.5 * len(np.unique(steps[ends])):
        # Rows up to an evaluation, and those of its step, are joined with it.
        bounds = np.unique(steps[ends])
        place = np.searchsorted(bounds, steps)
        steps = np.append(bounds, max(steps[-1], bounds[-1] + 1))[place]
    return steps.astype("int64"), "step"


def _of_groups(
    numbers: Numbers, groups: np.ndarray, size: int, averaged: bool
) -> tuple[np.ndarray, np.ndarray]:
    """A value for each group of rows, the mean or the last one logged, and whether it has one."""
    rows = np.flatnonzero(numbers.logged)
    logged = np.zeros(size, bool)
    logged[groups[rows]] = True
    values = np.full(size, np.nan)
    if averaged:
        sums, counts = np.zeros(size), np.zeros(size)
        np.add.at(sums, groups[rows], numbers.values[rows])
        np.add.at(counts, groups[rows], 1)
        values[logged] = sums[logged] / counts[logged]
    else:
        values[groups[rows]] = numbers.values[rows]  # of several the last one stays
    return values, logged
