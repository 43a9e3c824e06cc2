"""The computation of the quantities of claims from the result tables: one number for each run.

A run that diverged has no values.
"""

import json
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from tlstudy.audit.sentinels.weights import growth
from tlstudy.config.quantities import SELECTIONS, quantity_of
from tlstudy.config.quantity_table import OF_FEATURES
from tlstudy.config.targets import Target
from tlstudy.data.shown_classes import half_of
from tlstudy.storage.columns import KEYS

Tables = Mapping[str, pd.DataFrame]

INDEX = list(KEYS)


def values_of(tables: Tables, name: str) -> pd.Series:
    """The quantity for every run, by arm, subset_size and seed; NaN where it has no value."""
    status = tables["runs"].set_index(INDEX)["status"]
    if quantity_of(name).table not in tables:
        return pd.Series(np.nan, index=status.index)
    family, _, argument = name.partition(".")
    if family in COMPUTED:
        found = COMPUTED[family](tables, *([argument] if argument else []))
    else:
        found = _encoder(tables, family, argument)
    values = found.reindex(status.index).astype(float)
    return values.where(np.isfinite(values) & (status == "finished"))


def why_missing(tables: Tables, name: str, run: tuple[str, int, int]) -> str:
    """Why the quantity has no value for a run (arm, subset_size, seed), in words."""
    status = tables["runs"].set_index(INDEX)["status"]
    if run not in status.index:
        return "there is no such run"
    if status[run] != "finished":
        return "the run diverged"
    table = quantity_of(name).table
    if table in SELECTIONS:
        rows = tables.get(table, pd.DataFrame(columns=INDEX)).set_index(INDEX)
        if run not in rows.index:
            return f"not measured, see {table}.seeds and {table}.arms in the configuration"
        if table == "curvature":
            rows = rows.loc[[run]]
            reasons = rows.loc[rows["point"] == name.partition(".")[2], "reason"]
            return next(filter(None, reasons), "its logarithm needs a positive value")
    return "it cannot be computed from what was measured"


def _logarithm(values: pd.Series, base: float) -> pd.Series:
    """Logarithm to a base; NaN where there is none."""
    return np.log(values.where(values > 0)) / np.log(base)


def _of_runs(tables: Tables, column: str) -> pd.Series:
    return tables["runs"].set_index(INDEX)[column]


def _at_epoch(tables: Tables, column: str, which: str) -> pd.Series:
    """A column of the metrics at each run's first or last epoch."""
    ordered = tables["metrics"].sort_values("epoch")
    return ordered.drop_duplicates(INDEX, keep=which).set_index(INDEX)[column]


def _gradients_cleared(tables: Tables) -> pd.Series:
    held = _of_runs(tables, "settings").map(
        lambda settings: json.loads(settings)["optimiser_holds"] == "network", na_action="ignore"
    )
    norms = tables["metrics"].groupby(INDEX)[["epoch", "gradient_norm"]]
    added_up = norms.apply(_adds_up).reindex(held.index, fill_value=False)
    return held.astype(float).mask(held.notna() & added_up, 0.0)


def _adds_up(metrics: pd.DataFrame) -> bool:
    found = growth(metrics["epoch"].to_numpy(), metrics["gradient_norm"].to_numpy(float))
    return found is not None and found.adds_up


def _gradient_growth(tables: Tables) -> pd.Series:
    first, last = (_at_epoch(tables, "gradient_norm", which) for which in ("first", "last"))
    return _logarithm(last / first.where(first > 0), 10)


def _head_excess(tables: Tables) -> pd.Series:
    layers = tables["layers"]
    sums = layers.groupby([*INDEX, "kind", "layer"])[
        ["displacement_from_previous", "predicted_displacement"]
    ].sum(min_count=1)
    beyond = sums["displacement_from_previous"] / sums["predicted_displacement"]
    kinds = beyond.index.get_level_values("kind")
    head = beyond[kinds == "linear-weight"].groupby(INDEX).median()  # a single layer
    convolutions = beyond[kinds == "convolution"].groupby(INDEX).median()
    return _logarithm(head / convolutions, 2)


def _encoder_angle(tables: Tables) -> pd.Series:
    layers = tables["layers"]
    layers = layers[layers["kind"] == "convolution"].sort_values("epoch")
    last = layers.drop_duplicates([*INDEX, "layer"], keep="last")
    return _logarithm(last.groupby(INDEX)["angle_from_start"].median(), 2)


def _encoder(tables: Tables, measure: str, stage: str) -> pd.Series:
    rows = tables["encoder"]
    rows = rows[(rows["measure"] == measure) & (rows["stage"].fillna("") == stage)]
    return rows.set_index(INDEX)["test_balanced_accuracy"]


def _baseline(tables: Tables, method: str) -> pd.Series:
    rows = tables["baselines"]
    return rows[rows["method"] == method].set_index(INDEX)["test_balanced_accuracy"]


def _curvature(tables: Tables, column: str, point: str) -> pd.Series:
    rows = tables["curvature"]
    return _logarithm(rows[rows["point"] == point].set_index(INDEX)[column], 2)


def _reuse(tables: Tables, measure: str) -> pd.Series:
    """A measure by run and layer."""
    rows = tables["reuse"]
    return rows[rows["measure"] == measure].set_index([*INDEX, "layer"])["value"]


def _features(tables: Tables, family: str, stage: str) -> pd.Series:
    """A measure of a stage's features by run."""
    rows = tables["features"]
    rows = rows[(rows["measure"] == family.replace("_", "-")) & (rows["stage"] == stage)]
    return rows.set_index(INDEX)["value"]


def _ratio_of_features(tables: Tables, above: str, below: str, stage: str) -> pd.Series:
    return _logarithm(_features(tables, above, stage) / _features(tables, below, stage), 2)


def _span_excess(tables: Tables) -> pd.Series:
    ratios = _reuse(tables, "share-within") / _reuse(tables, "share-within-random")
    return _logarithm(ratios.groupby(INDEX).median(), 2)


def _drift_excess(tables: Tables, way: str) -> pd.Series:
    drift, least = (
        _reuse(tables, f"drift.{name}").droplevel("layer") for name in (way, "explicit")
    )
    return _logarithm(drift / least, 2)


def _by_class(tables: Tables, group: str, measure: str) -> pd.Series:
    """An answer's measure after training by run and class."""
    rows = tables["invariance"]
    rows = rows[(rows["point"] == "end") & (rows["group"] == group) & (rows["measure"] == measure)]
    return rows.astype({"class": int}).set_index([*INDEX, "class"])["value"]


def _mean_of_classes(tables: Tables, group: str, measure: str) -> pd.Series:
    return _by_class(tables, group, measure).groupby(INDEX).mean()


def _accuracy_turned(tables: Tables, which: str) -> pd.Series:
    """Mean over the classes of the half that a run's seed draws, over the others, or over all."""
    found, settings = _by_class(tables, "quarter-turn", "accuracy"), _of_runs(tables, "settings")
    if which == "all":
        return found.groupby(INDEX).mean()
    means = {}
    for run, values in found.groupby(INDEX):
        target = Target.model_validate(json.loads(settings[run])["target"])
        in_half = values.index.get_level_values("class").isin(half_of(target, run[-1]))
        means[run] = values[in_half == (which == "seen")].mean()
    return pd.Series(means, dtype=float)


def _sensitivity(tables: Tables, point: str, group: str) -> pd.Series:
    """log2 of the relative sensitivity of the encoder's last stage; rows have the stages' order."""
    rows = tables["invariance"]
    rows = rows[rows["measure"] == "sensitivity"]
    rows = rows[(rows["point"] == point) & (rows["group"] == group)]
    return _logarithm(rows.drop_duplicates(INDEX, keep="last").set_index(INDEX)["value"], 2)


# How a quantity, or a family by what follows the point of its name, is computed from the tables: a
# series by arm, subset_size and seed. What is not finite, or not there, counts as no value. The
# other families are measures of the encoder.
COMPUTED: dict[str, Callable[..., pd.Series]] = {
    "balanced_accuracy": lambda tables: _of_runs(tables, "reported_balanced_accuracy"),
    "loss": lambda tables: _of_runs(tables, "reported_loss"),
    "displacement": lambda tables: _at_epoch(tables, "displacement_from_start", "last"),
    "train_loss_fall": lambda tables: (
        _at_epoch(tables, "train_loss", "first") - _of_runs(tables, "checkpoint_train_loss")
    ),
    "trajectory_rank": lambda tables: _of_runs(tables, "trajectory_rank"),
    "gradients_cleared": _gradients_cleared,
    "log10_gradient_growth": _gradient_growth,
    "log2_encoder_angle": _encoder_angle,
    "log2_head_excess": _head_excess,
    "log2_hessian_eigenvalue": lambda tables, point: _curvature(
        tables, "hessian_eigenvalue", point
    ),
    "baseline": _baseline,
    "log2_normalised_eigenvalue": lambda tables, point: _curvature(
        tables, "normalised_eigenvalue", point
    ),
    "log2_rise": lambda tables, point: _curvature(tables, "rise", point),
    "filter_alignment": lambda tables: _reuse(tables, "alignment").groupby(INDEX).median(),
    "log2_span_excess": _span_excess,
    "log2_drift_excess": _drift_excess,
    "accuracy_upright": lambda tables: _mean_of_classes(tables, "none", "accuracy"),
    "accuracy_turned": _accuracy_turned,
    "accuracy_transformed": lambda tables, group: _mean_of_classes(tables, group, "accuracy"),
    "divergence": lambda tables, group: _mean_of_classes(tables, group, "divergence"),
    "log2_sensitivity": lambda tables, group: _sensitivity(tables, "end", group),
    "log2_sensitivity_before": lambda tables, group: _sensitivity(tables, "start", group),
    "log2_dimensions_kept": lambda tables, stage: _ratio_of_features(
        tables, "dimensions_after", "dimensions_before", stage
    ),
    "log2_dimensions_shared": lambda tables, stage: _ratio_of_features(
        tables, "shared_dimensions", "dimensions_after", stage
    ),
    **{
        family: lambda tables, stage, family=family: _features(tables, family, stage)
        for family in OF_FEATURES
    },
}
