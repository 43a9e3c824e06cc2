"""Numbers behind the sentences: medians over seeds, slopes and correlations."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tlstudy.audit.statistics import paired_differences, reference_arms
from tlstudy.report.inputs import Inputs

UNMOVED = 1e-6  # relative displacement below which float32 weights have not moved
STEADY = 0.01  # a relative change of less than this is called none
HALF = 0.5
WEIGHT_KINDS = ("convolution", "downsample", "linear-weight")


def of_arm(table: pd.DataFrame, arm: str, size: int) -> pd.DataFrame:
    """The rows of an arm at a subset size."""
    return table[(table["arm"] == arm) & (table["subset_size"] == size)]


def reported(inputs: Inputs, arm: str, size: int, measure: str) -> pd.Series:
    """(seeds,) reported values of an arm by seed; diverged runs have none."""
    rows = of_arm(inputs.runs, arm, size)
    return rows.set_index("seed")[f"reported_{measure}"].astype(float).dropna()


def differences(inputs: Inputs, arm: str, size: int, measure: str) -> pd.Series:
    """(seeds,) an arm's reported value less that of its reference, seed by seed."""
    reference = reference_arms(inputs.study)[arm]
    table = paired_differences(inputs.runs, f"reported_{measure}", {arm: reference})
    table = table[table["subset_size"] == size]
    return table.set_index("seed")["difference"].astype(float).dropna()


def by_epoch(inputs: Inputs, arm: str, size: int, column: str) -> pd.Series:
    """(epochs,) median over seeds; seeds that stopped early count while they lasted."""
    rows = of_arm(inputs.metrics, arm, size)
    values = rows.groupby("epoch")[column].median()
    return values[np.isfinite(values)]


def last(inputs: Inputs, arm: str, size: int, column: str) -> float:
    """The median over seeds at the last epoch; NaN if there is none."""
    values = by_epoch(inputs, arm, size, column)
    return float(values.iloc[-1]) if len(values) else float("nan")


def moved(inputs: Inputs, arm: str, size: int) -> bool:
    """Whether the weights left their start: a network that has not is not trained."""
    return last(inputs, arm, size, "displacement_from_start") > UNMOVED


def lost_at_once(inputs: Inputs, arm: str, size: int) -> bool:
    """Whether the arm's runs diverged in the first epoch, so that no change was ever measured."""
    runs = of_arm(inputs.runs, arm, size)
    measured = by_epoch(inputs, arm, size, "displacement_from_start")
    return bool((runs["status"] == "diverged").any()) and measured.empty


def log_slope(values: pd.Series) -> float:
    """Slope of log value against log epoch: 1 is growth in proportion to the epoch."""
    values = values[values > 0]
    if len(values) < 3:
        return float("nan")
    return float(np.polyfit(np.log(values.index.to_numpy(float)), np.log(values), 1)[0])


@dataclass(frozen=True)
class LayerDrift:
    """How far the layers of an arm moved, and how well Adam's step size predicts it.

    Attributes:
        head: displacement of the last layer's weights from the start at the last epoch, median
            over seeds.
        convolution: the same, median over convolutions and seeds.
        correlation: rank correlation over layers of measured and predicted displacement from
            the previous epoch, median over epochs and seeds; NaN without a prediction.
    """

    head: float
    convolution: float
    correlation: float


def layer_drift(inputs: Inputs, arm: str, size: int) -> LayerDrift | None:
    """The drift of an arm's layers; None without rows."""
    rows = of_arm(inputs.layers, arm, size)
    rows = rows[rows["kind"].isin(WEIGHT_KINDS)]
    if rows.empty:
        return None
    final = rows[rows["epoch"] == rows["epoch"].max()]
    by_kind = final.groupby("kind")["displacement_from_start"].median()
    predicted = rows[
        (rows["predicted_displacement"] > 0) & (rows["displacement_from_previous"] > 0)
    ]
    return LayerDrift(
        head=float(by_kind.get("linear-weight", np.nan)),
        convolution=float(by_kind.get("convolution", np.nan)),
        correlation=_rank_correlation(predicted),
    )


def _rank_correlation(rows: pd.DataFrame) -> float:
    """Median over seeds and epochs of the rank correlation of both displacements over layers."""
    columns = ["displacement_from_previous", "predicted_displacement"]
    epochs = [rows["seed"], rows["epoch"]]
    ranks = rows.groupby(epochs)[columns].rank()
    centred = ranks - ranks.groupby(epochs).transform("mean")
    moved, predicted = (centred[column] for column in columns)
    products = pd.DataFrame(
        {"both": moved * predicted, "moved": moved**2, "predicted": predicted**2}
    )
    sums = products.groupby(epochs).sum()[rows.groupby(epochs).size() > 2]
    found = sums["both"] / np.sqrt(sums["moved"] * sums["predicted"])
    return float(found.median())


@dataclass(frozen=True)
class Heaviest:
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
    others = rows[(rows["layer"] != layer) & (rows["epoch"] == rows["epoch"].max())]
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
