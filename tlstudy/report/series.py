"""What the sentences are computed from: medians over seeds, trends, slopes, correlations."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tlstudy.report.inputs import Inputs

UNMOVED = 1e-6  # relative displacement below which float32 weights have not moved
STEADY = 0.01  # a relative change of less than this is called none
WEIGHT_KINDS = ("convolution", "downsample", "linear-weight")


def of_arm(table: pd.DataFrame, arm: str, size: int) -> pd.DataFrame:
    """The rows of an arm at a subset size."""
    return table[(table["arm"] == arm) & (table["subset_size"] == size)]


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


def log_slope(values: pd.Series) -> float:
    """Slope of log value against log epoch: 1 is growth in proportion to the epoch."""
    values = values[values > 0]
    if len(values) < 3:
        return float("nan")
    return float(np.polyfit(np.log(values.index.to_numpy(float)), np.log(values), 1)[0])


@dataclass(frozen=True)
class LayerDrift:
    """How far the layers of an arm moved, and how well Adam's step size foretells it.

    Attributes:
        head, convolution: displacement from the start at the last epoch: of the last layer's
            weights and the median over convolutions; medians over seeds.
        correlation: rank correlation over layers of measured and predicted displacement from
            the previous epoch, median over epochs and seeds; NaN without a prediction.
        ratio: measured over predicted displacement, median over the same.
    """

    head: float
    convolution: float
    correlation: float
    ratio: float


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
    ratios = predicted["displacement_from_previous"] / predicted["predicted_displacement"]
    return LayerDrift(
        head=float(by_kind.get("linear-weight", np.nan)),
        convolution=float(by_kind.get("convolution", np.nan)),
        correlation=_rank_correlation(predicted),
        ratio=float(ratios.median()) if len(ratios) else float("nan"),
    )


def _rank_correlation(rows: pd.DataFrame) -> float:
    columns = ["displacement_from_previous", "predicted_displacement"]
    found = [
        part[columns].rank().corr().iloc[0, 1]
        for _, part in rows.groupby(["seed", "epoch"])
        if len(part) > 2
    ]
    return float(np.nanmedian(found)) if found and not np.isnan(found).all() else float("nan")
