"""One number a seed from the laboratory's rows, for its claims and its figures."""

import itertools

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

CONDITION = ["overlap", "cosine", "features", "scale", "gamma", "samples"]
WITHOUT_BATCHNORM = {  # the network has no statistics; the rule undoes the factor under BatchNorm
    "network": "plain",
    "statistics": "",
    "optimiser": "sgd",
    "learning_rate_rule": "squared-factor",
}


def of(table: pd.DataFrame, measure: str, **conditions: float | str) -> pd.DataFrame:
    """The rows of a measure where each column has the value given, or one of the values."""
    chosen = table["measure"] == measure
    for column, wanted in conditions.items():
        chosen &= table[column].isin(wanted if isinstance(wanted, tuple) else (wanted,))
    return table[chosen]


def by_seed(rows: pd.DataFrame, reduce: str = "mean") -> pd.Series:
    """One number a seed, reduced over the conditions; NaN if a condition has no value."""
    missing = rows["value"].isna().groupby(rows["seed"]).any()
    return rows.groupby("seed")["value"].agg(reduce).mask(missing)


def ratios(table: pd.DataFrame) -> pd.DataFrame:
    """Ratios of what fine-tuning pays to the least, as rows of the laboratory's columns.

    Measure `change` is the squared change over the least one. Measure `price` is the penalty over
    the least one in diagonal networks, the squared change over the units' penalty in ReLU networks.
    """
    keys = ["seed", "experiment", "network", *CONDITION]
    change, penalty = ("squared_change", "fine-tuned"), ("penalty", "fine-tuned")
    parts = []
    for measure, network, *sides in (
        ("change", "diagonal", change, ("squared_change", "least-change")),
        ("change", "relu", change, ("squared_change", "least-change")),
        ("price", "diagonal", penalty, ("penalty", "least-penalty")),
        ("price", "relu", change, penalty),
    ):
        paid, least = (
            of(table, name, network=network, method=method).set_index(keys)["value"]
            for name, method in sides
        )
        ratio = (paid / least.reindex(paid.index)).rename("value").reset_index()
        parts.append(ratio.assign(measure=measure))
    return pd.concat(parts, ignore_index=True)


def excess(table: pd.DataFrame, measure: str, reduce: str) -> pd.Series:
    """By seed: a ratio of `ratios` minus one, reduced over the conditions."""
    found = of(ratios(table), measure)
    return by_seed(found.assign(value=found["value"] - 1), reduce)


def log2_errors(table: pd.DataFrame, **conditions: float | str) -> pd.Series:
    """By seed: log2 of the test error, mean over the conditions' rows."""
    rows = of(table, "test_error", **conditions)
    return by_seed(rows.assign(value=np.log2(rows["value"])))


def gain(table: pd.DataFrame, **tuned: float | str) -> pd.Series:
    """By seed: log2 of the error from scratch over that after fine-tuning, on as many samples.

    Fine-tuning is that at scale 1 and gamma 0.03.
    """
    start = {"features": 4, "scale": 1.0, "gamma": 0.03}
    scratch = log2_errors(table, method="scratch", features=4)
    return scratch - log2_errors(table, method="fine-tuned", **start, **tuned)


def nested(table: pd.DataFrame, measure: str, scale: float) -> pd.Series:
    """By seed: a measure after fine-tuning on nested tasks, at a scale."""
    return by_seed(of(table, measure, method="fine-tuned", features=2, scale=scale))


def difference(table: pd.DataFrame, reduce: str, **conditions: float | str) -> pd.Series:
    """By seed: difference from the unscaled run's outputs, over factors on the encoder."""
    fixed = {"network": "batchnorm", "statistics": "recalibrated"}
    tuned = {"method": "fine-tuned", "part": "encoder"}
    rows = of(table, "prediction_difference", **fixed | tuned | conditions)
    return by_seed(rows[rows["scale"] != 1], reduce)


def alignment(table: pd.DataFrame, scale: float) -> pd.Series:
    """By seed: alignment with pretraining at a factor on the encoder."""
    where = {"network": "batchnorm", "method": "fine-tuned", "part": "encoder"}
    rule = {"learning_rate_rule": "fixed", "scale": scale}
    return by_seed(of(table, "alignment", **where, **rule))


OVERLAPS = (
    {"overlap": 0.0, "cosine": 0.0},
    {"overlap": 0.5, "cosine": 0.0},
    {"overlap": 1.0},
)


def smallest_step(values: list[pd.Series]) -> pd.Series:
    """By seed: the smallest increase from one value to the next."""
    steps = [after - before for before, after in itertools.pairwise(values)]
    return pd.concat(steps, axis=1).min(axis=1, skipna=False)


def rank_correlation(table: pd.DataFrame) -> pd.Series:
    """By seed: Spearman's correlation of scale and test error, of the nested tasks."""
    rows = of(table, "test_error", method="fine-tuned", features=2)
    found = {
        seed: spearmanr(each["scale"], each["value"]).statistic
        for seed, each in rows.groupby("seed")
    }
    return pd.Series(found, dtype=float).rename_axis("seed")


def transfer(table: pd.DataFrame, network: str) -> pd.Series:
    """By seed: accuracy on turned images, half of the classes shown turned less none."""
    half, none = (
        by_seed(of(table, "accuracy_turned", network=network, method=method))
        for method in ("half", "none")
    )
    return half - none
