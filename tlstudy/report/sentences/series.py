"""Numbers of an arm's runs: medians over seeds, and what the sentinels judge."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from tlstudy.audit import answers
from tlstudy.audit.sentinels.weights import any_moved, growth, step_size_drift
from tlstudy.audit.statistics import Summary
from tlstudy.report.inputs import Inputs

HALF = 0.5
WEIGHT_KINDS = ("convolution", "downsample", "inner-linear-weight", "linear-weight")


def of_arm(table: pd.DataFrame, arm: str, size: int) -> pd.DataFrame:
    """The rows of an arm at a subset size."""
    return table[(table["arm"] == arm) & (table["subset_size"] == size)]


def reported(inputs: Inputs, arm: str, size: int, measure: str) -> pd.Series:
    """(seeds,) reported values of an arm by seed; diverged runs have none."""
    return answers.reported(inputs.runs, arm, size, measure)


def differences(inputs: Inputs, arm: str, size: int, measure: str) -> pd.Series:
    """(seeds,) an arm's reported value less that of its reference, seed by seed."""
    reference = inputs.references[arm]
    ours, other = (reported(inputs, name, size, measure) for name in (arm, reference))
    return (ours - other).dropna()


def reported_summary(inputs: Inputs, arm: str, size: int, measure: str) -> Summary:
    """Of an arm's reported values, over seeds and test images where its answers are known."""
    return inputs.of_images.of_reported(inputs.runs, arm, size, measure)


def difference_summary(inputs: Inputs, arm: str, size: int, measure: str) -> Summary:
    """The same of its differences from its reference."""
    values = differences(inputs, arm, size, measure)
    terms = [(1, arm), (-1, inputs.references[arm])]
    return inputs.of_images.summary(measure, terms, size, values)


def by_epoch(inputs: Inputs, arm: str, size: int, column: str) -> pd.Series:
    """(epochs,) median over seeds; seeds that diverged count while they lasted.

    With early stopping the last value of a finished run stands for later epochs too.
    """
    rows = of_arm(inputs.metrics, arm, size)
    if inputs.study.arms[arm].early_stopping:
        by_seed = rows.pivot(index="epoch", columns="seed", values=column)
        ended = by_seed.columns.intersection(_finished(inputs, arm, size))
        values = by_seed.fillna(by_seed[ended].ffill()).median(axis=1)
    else:
        values = rows.groupby("epoch")[column].median()
    return values[np.isfinite(values)]


def _finished(inputs: Inputs, arm: str, size: int) -> list[int]:
    """Seeds of the runs that finished."""
    return list(of_arm(inputs.runs, arm, size).query("status == 'finished'")["seed"])


def last(inputs: Inputs, arm: str, size: int, column: str) -> float:
    """The median over seeds at the last epoch; NaN if there is none."""
    values = by_epoch(inputs, arm, size, column)
    return float(values.iloc[-1]) if len(values) else float("nan")


def diverged_after(inputs: Inputs, arm: str, size: int) -> int | None:
    """The last finished epoch of an arm of which all runs diverged; None of other arms."""
    if set(of_arm(inputs.runs, arm, size)["status"]) != {"diverged"}:
        return None
    epochs = by_epoch(inputs, arm, size, "displacement_from_start").index
    return int(epochs[-1]) if len(epochs) else None


def moved(inputs: Inputs, arm: str, size: int) -> bool:
    """Whether weights left their start in any run: a network that has not is not trained."""
    return any_moved(_displacements(inputs, arm, size))


def never_moved(inputs: Inputs, arm: str, size: int) -> bool:
    """Whether changes were measured and all are exactly 0; not so of an arm without runs."""
    measured = np.isfinite(_displacements(inputs, arm, size)).any()
    return bool(measured) and not moved(inputs, arm, size)


def _displacements(inputs: Inputs, arm: str, size: int) -> np.ndarray:
    return of_arm(inputs.metrics, arm, size)["displacement_from_start"].to_numpy(float)


def lost_at_once(inputs: Inputs, arm: str, size: int) -> bool:
    """Whether the arm's runs diverged in the first epoch, so that no change was ever measured."""
    runs = of_arm(inputs.runs, arm, size)
    measured = by_epoch(inputs, arm, size, "displacement_from_start")
    return bool((runs["status"] == "diverged").any()) and measured.empty


def slope_of_added_up(inputs: Inputs, arm: str, size: int) -> float | None:
    """Median log-log slope of the gradient norm where it adds up in every run; else None."""
    runs = of_arm(inputs.metrics, arm, size).groupby("seed")
    found = [
        growth(rows["epoch"].to_numpy(), rows["gradient_norm"].to_numpy(float)) for _, rows in runs
    ]
    if not found or not all(item is not None and item.adds_up for item in found):
        return None
    return float(np.median([item.slope for item in found]))


def distance_of_kind(inputs: Inputs, arm: str, size: int, kind: str) -> float:
    """Distance from the start after the last epoch: the median over layers of a kind and seeds."""
    rows = of_arm(inputs.layers, arm, size)
    rows = rows[(rows["kind"] == kind) & _at_end(inputs, arm, size, rows)]
    return float(rows["displacement_from_start"].median())


def _at_end(inputs: Inputs, arm: str, size: int, rows: pd.DataFrame) -> pd.Series:
    """Whether rows are of the last epoch; with early stopping, of that of their finished run."""
    finished = rows["seed"].isin(_finished(inputs, arm, size))
    if inputs.study.arms[arm].early_stopping and finished.any():
        return finished & (rows["epoch"] == rows.groupby("seed")["epoch"].transform("max"))
    return rows["epoch"] == rows["epoch"].max()


def step_size_correlation(inputs: Inputs, arm: str, size: int) -> float:
    """Rank correlation over layers of their path and the one that Adam's step size predicts.

    The median over seeds; NaN without a prediction.
    """
    columns = ("displacement_from_previous", "predicted_displacement")
    found = [
        step_size_drift(
            pd.factorize(rows["layer"])[0], *(rows[name].to_numpy(float) for name in columns)
        )
        for _, rows in of_arm(inputs.layers, arm, size).groupby("seed")
    ]
    known = [item.correlation for item in found if item is not None]
    return float(np.median(known)) if known else float("nan")


def largest_turn(inputs: Inputs, arm: str, size: int) -> pd.Series:
    """The row of the layer that turned most in one epoch, of all seeds."""
    rows = of_arm(inputs.layers, arm, size)
    rows = rows[rows["kind"].isin(WEIGHT_KINDS)]
    return rows.loc[rows["angle_from_previous"].idxmax()]


class Heaviest(NamedTuple):
    """A tensor that holds most of a network's weights by norm; medians over seeds.

    Attributes:
        layer: its name.
        share: its part of the squared norm of all weights after the first epoch.
        others: displacement from the start of all other tensors together, after the last epoch.
    """

    layer: str
    share: float
    others: float


def heaviest_tensor(inputs: Inputs, arm: str, size: int) -> Heaviest | None:
    """The tensor that holds more than half of the squared norm, if one does."""
    rows = of_arm(inputs.layers, arm, size)
    rows = rows[np.isfinite(rows["norm"])]
    first = rows[rows["epoch"] == rows["epoch"].min()]
    squares = first["norm"] ** 2
    shares = squares / squares.groupby(first["seed"]).transform("sum")
    by_layer = shares.groupby(first["layer"]).median()
    if by_layer.empty or by_layer.max() <= HALF:
        return None
    layer = str(by_layer.idxmax())
    others = rows[(rows["layer"] != layer) & _at_end(inputs, arm, size, rows)]
    drifts = [_joint_displacement(part) for _, part in others.groupby("seed")]
    return Heaviest(layer, float(by_layer.max()), float(np.median(drifts or [np.nan])))


def _joint_displacement(rows: pd.DataFrame) -> float:
    """Displacement from the start of several tensors together; those that began at 0 left out."""
    with np.errstate(divide="ignore", invalid="ignore"):
        start = rows["norm"] / (1 + rows["norm_change_from_start"])
        step = rows["displacement_from_start"] * start
    finite = np.isfinite(start) & np.isfinite(step)
    start, step = start[finite], step[finite]
    return float(np.sqrt((step**2).sum() / (start**2).sum())) if len(start) else float("nan")
