"""Quantities: each on tables in which it is known."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from known import SIZE, encoder_table, invariance_table, make_study, metrics_table, runs_table

from tlstudy.audit.quantities import INDEX, values_of, why_missing
from tlstudy.config.architectures import RESNET_STAGES
from tlstudy.config.quantities import listed_names, planned_seeds, quantity_list, quantity_of
from tlstudy.config.quantity_table import (
    OF_FEATURES,
    QUANTITIES,
    RATIOS_OF_FEATURES,
    TRANSFORM_GROUPS,
)
from tlstudy.config.tables import ALL_TABLES
from tlstudy.measures.features import COLUMNS
from tlstudy.storage.columns import LAYERS, schema

ARM, SEED = "new-first", 26
RUN = (ARM, SIZE, SEED)
CLEARED = [5.0, 2.0, 1.0, 0.5]
ADDED_UP = [17.496, 2 * 17.49, 3 * 17.485, 4 * 17.483, 5 * 17.481]


def tables(run: dict | None = None, untrained: bool = False, **metrics) -> dict:
    study = make_study()
    if untrained:
        arm = study.arms[ARM].model_copy(update={"optimiser_holds": "another-network"})
        study = study.model_copy(update={"arms": study.arms | {ARM: arm}})
    return {
        "runs": runs_table(study, {(ARM, SEED): run or {}}),
        "metrics": metrics_table({(ARM, SEED): metrics} if metrics else {}),
    }


def value(found: dict, name: str) -> float:
    values = values_of(found, name)
    assert list(values.index) == [RUN]
    return values[RUN]


@pytest.mark.parametrize(
    ("name", "run", "metrics", "expected"),
    [
        ("balanced_accuracy", {"reported_balanced_accuracy": 0.7}, {}, 0.7),
        ("loss", {"reported_loss": 1.2}, {}, 1.2),
        ("trajectory_rank", {"trajectory_rank": 2}, {}, 2),
        ("train_loss_fall", {"checkpoint_train_loss": 0.1}, {"train_loss": [2.3, 0.2]}, 2.2),
        # Of the last epoch, and of no other.
        ("displacement", {}, {"displacement_from_start": [0.1, 0.3, 0.2]}, 0.2),
        ("log10_gradient_growth", {}, {"gradient_norm": [2.0, 9.0, 200.0]}, 2),
        ("log10_gradient_growth", {}, {"gradient_norm": [2.0, 0.02]}, -2),
        ("log10_gradient_growth", {}, {"gradient_norm": [0.0, 1.0]}, np.nan),
        ("log10_gradient_growth", {}, {"gradient_norm": [1.0, 0.0]}, np.nan),
        ("log10_gradient_growth", {}, {"gradient_norm": [1.0, 10.0, np.nan]}, np.nan),
        ("gradients_cleared", {"settings": None}, {"gradient_norm": CLEARED}, np.nan),
    ],
)
def test_quantities_of_runs_and_epochs(name, run, metrics, expected):
    found = tables(run, **metrics)
    found["metrics"] = found["metrics"].sample(frac=1, random_state=1)
    assert value(found, name) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("untrained", "norms", "expected"),
    [
        (False, CLEARED, 1),
        (False, ADDED_UP, 0),  # whatever the settings say
        (True, ADDED_UP, 0),
        (True, CLEARED, 0),
        (False, ADDED_UP[:4], 1),  # too few epochs to tell
        (False, [1.0, 2.0, 3.0, 4.0, 6.5], 1),  # off the line at the last epoch
    ],
)
def test_gradients_cleared(untrained, norms, expected):
    assert value(tables(untrained=untrained, gradient_norm=norms), "gradients_cleared") == expected


def layers_table(moved: dict[tuple[str, str], list], predicted: dict[str, list]) -> pd.DataFrame:
    parts = [
        pd.DataFrame(
            {
                "arm": ARM,
                "subset_size": SIZE,
                "seed": SEED,
                "epoch": range(1, len(values) + 1),
                "layer": layer,
                "kind": kind,
                "displacement_from_previous": values,
                "predicted_displacement": predicted[layer],
                "angle_from_start": np.cumsum(values),
            }
        )
        for (layer, kind), values in moved.items()
    ]
    return pd.concat(parts).reindex(columns=list(LAYERS))


PREDICTED = {"a": [1, 1], "b": [1, 3], "c": [2, 2], "d": [1, 1], "n": [1, 1], "fc": [0.5, 0.5]}
MOVED = {
    ("a", "convolution"): [0.5, 0.5],  # a ratio of 1 / 2
    ("b", "convolution"): [0.0, 1.0],  # 1 / 4
    ("c", "convolution"): [4.0, 0.0],  # 1
    ("d", "downsample"): [9.0, 9.0],
    ("n", "batchnorm-weight"): [9.0, 9.0],
    ("fc", "linear-weight"): [1.0, 3.0],  # 4
}


def scaled(rows: dict, factor: float) -> dict:
    return {layer: [factor * one for one in values] for layer, values in rows.items()}


@pytest.mark.parametrize(
    ("moved", "predicted", "expected"),
    [
        (MOVED, PREDICTED, 3),  # 4 over the median of 1 / 2, 1 / 4 and 1
        (scaled(MOVED, 10), scaled(PREDICTED, 10), 3),  # whatever the learning rate
        (MOVED, scaled(PREDICTED, 0), np.nan),
        (MOVED, scaled(PREDICTED, np.nan), np.nan),
        (scaled(MOVED, 0), PREDICTED, np.nan),
        ({}, PREDICTED, np.nan),
    ],
)
def test_excess_movement_of_the_head(moved, predicted, expected):
    layers = schema(LAYERS).empty_table().to_pandas()
    found = {**tables(), "layers": layers_table(moved, predicted) if moved else layers}
    assert value(found, "log2_head_excess") == pytest.approx(expected, nan_ok=True)


def test_encoder_angle_is_the_median_over_convolutions_at_the_end():
    moved = {("a", "convolution"): [30.0, 2.0], ("b", "convolution"): [1.0, 1.0]}
    moved |= {("c", "convolution"): [4.0, 4.0], ("d", "downsample"): [0.1, 0.1]}
    layers = layers_table(moved, {layer: [1, 1] for layer in "abcd"})
    shuffled = layers.sample(frac=1, random_state=0)
    assert value({**tables(), "layers": shuffled}, "log2_encoder_angle") == 3


def test_encoder_quantities_are_rows_of_its_table():
    names = [name for name, quantity in QUANTITIES.items() if quantity.table == "encoder"]
    keys = [(ARM, SEED, *(name.split(".") if "." in name else (name, ""))) for name in names]
    table = encoder_table({key: index / 100 for index, key in enumerate(keys)})
    for index, name in enumerate(names):
        assert value({**tables(), "encoder": table}, name) == index / 100
    table["stage"] = table["stage"].replace("", None)
    assert value({**tables(), "encoder": table}, "fine-tuned") == names.index("fine-tuned") / 100


def test_encoder_quantities_are_those_that_are_measured():
    put_back = [name.partition(".")[2] for name in QUANTITIES if name.startswith("put-back.")]
    assert sorted(put_back) == sorted((*RESNET_STAGES, "head", "encoder"))


def reuse_rows(values: dict[tuple[str, str], float]) -> pd.DataFrame:
    rows = [(*RUN, measure, layer, value) for (measure, layer), value in values.items()]
    return pd.DataFrame(rows, columns=list(ALL_TABLES["reuse"]))


REUSED = {
    ("alignment", "a"): 0.9,
    ("share-within", "a"): 0.4,
    ("share-within-random", "a"): 0.1,
    ("drift.training", ""): 12.0,
    ("drift.gradient-descent", ""): 3.0,
    ("drift.explicit", ""): 1.5,
}


def test_reuse_is_the_median_over_convolutions():
    values = {}
    for layer, alignment, ratio in (("a", 0.1, 8), ("b", 0.7, 2), ("c", 0.9, 0.5)):
        values |= {("alignment", layer): alignment, ("share-within-random", layer): 0.05}
        values["share-within", layer] = 0.05 * ratio
    found = {**tables(), "reuse": reuse_rows(values)}
    assert value(found, "filter_alignment") == 0.7
    assert value(found, "log2_span_excess") == pytest.approx(1)


def test_drift_excess_is_over_the_least_change_and_needs_one():
    table = reuse_rows(REUSED)
    for way, excess in (("training", 3), ("gradient-descent", 1)):
        assert value({**tables(), "reuse": table}, f"log2_drift_excess.{way}") == excess
        assert np.isnan(value({**tables(), "reuse": table[:-1]}, f"log2_drift_excess.{way}"))


def features_table(values: dict[tuple[str, str], float]) -> pd.DataFrame:
    rows = [(*RUN, measure, stage, value, 100) for (measure, stage), value in values.items()]
    return pd.DataFrame(rows, columns=list(ALL_TABLES["features"]))


def test_quantities_of_features_are_rows_of_their_table():
    names = [f"{family}.{stage}" for family in OF_FEATURES for stage in RESNET_STAGES]
    ratios = {f"{family}.{stage}" for family in RATIOS_OF_FEATURES for stage in RESNET_STAGES}
    told = {name for name, quantity in QUANTITIES.items() if quantity.table == "features"}
    assert told == {*names, *ratios}
    keys = [tuple(name.replace("_", "-").split(".")) for name in [*names, "similarity.blocks.3"]]
    keys[-1] = ("similarity", "blocks.3")  # a stage of another network
    table = features_table({key: index / 100 for index, key in enumerate(keys)})
    for index, name in enumerate([*names, "similarity.blocks.3"]):
        assert quantity_of(name).table == "features"
        assert value({**tables(), "features": table}, name) == index / 100
    measured = COLUMNS["measure"][1]
    assert all(family.replace("_", "-") in measured for family in OF_FEATURES)


def test_ratios_of_dimensions_are_logarithms():
    found = {"dimensions-before": 32.0, "dimensions-after": 8.0, "shared-dimensions": 4.0}
    table = features_table({(name, "layer4"): number for name, number in found.items()})
    assert value({**tables(), "features": table}, "log2_dimensions_kept.layer4") == -2
    assert value({**tables(), "features": table}, "log2_dimensions_shared.layer4") == -1
    assert np.isnan(value({**tables(), "features": table[1:]}, "log2_dimensions_kept.layer4"))


def curvature_table(eigenvalue: float, rise: float, reason: str = "") -> pd.DataFrame:
    rows = [(*RUN, "final", 8.0, 0.5, ""), (*RUN, "matched", eigenvalue, rise, reason)]
    named = [*INDEX, "point", "hessian_eigenvalue", "rise", "reason"]
    found = pd.DataFrame(rows, columns=named)
    found["normalised_eigenvalue"] = 2 * found["hessian_eigenvalue"]
    return found.reindex(columns=list(ALL_TABLES["curvature"]))


@pytest.mark.parametrize(
    ("eigenvalue", "rise", "logarithms"),
    [(32.0, 0.25, (5, -2)), *((bad, bad, (np.nan, np.nan)) for bad in (0.0, -1.0, np.nan))],
)
def test_curvature_quantities_and_what_has_no_logarithm(eigenvalue, rise, logarithms):
    found = {**tables(), "curvature": curvature_table(eigenvalue, rise)}
    assert value(found, "log2_hessian_eigenvalue.final") == 3
    assert value(found, "log2_normalised_eigenvalue.final") == 4
    assert value(found, "log2_rise.final") == -1
    names = ("log2_hessian_eigenvalue.matched", "log2_rise.matched")
    np.testing.assert_array_equal([value(found, name) for name in names], logarithms)


def transformed_rows() -> pd.DataFrame:
    groups, values = ("none", *TRANSFORM_GROUPS), {}
    for point, group in product(("start", "end"), groups):
        values[ARM, SEED, point, group, "sensitivity", "layer4", ""] = 0.5
        for measure, label in product(("accuracy", "divergence"), range(10)):
            values[ARM, SEED, point, group, measure, "", str(label)] = 0.5
    return invariance_table(values)


@pytest.mark.parametrize("name", QUANTITIES)
def test_a_run_that_diverged_has_no_values(name):
    run = {"reported_balanced_accuracy": 0.7, "reported_loss": 1}
    run |= {"trajectory_rank": 3, "checkpoint_train_loss": 1}
    series = {"gradient_norm": [1.0, 0.2, 0.1], "train_loss": [2.0, 1.0, 0.5]}
    series["displacement_from_start"] = [0.1, 0.2, 0.3]
    family, _, argument = name.partition(".")
    others = {
        "layers": layers_table(MOVED, PREDICTED),
        "encoder": encoder_table({(ARM, SEED, family, argument): 0.5}),
        "curvature": curvature_table(2.0, 2.0),
        "reuse": reuse_rows(REUSED),
        "baselines": pd.DataFrame(
            [(*RUN, argument, 0.4, 0.5, 100)], columns=list(ALL_TABLES["baselines"])
        ),
        "invariance": transformed_rows(),
        "features": features_table(
            {(name.replace("_", "-"), argument): 0.5 for name in OF_FEATURES}
        ),
    }
    assert np.isfinite(value({**tables(run, **series), **others}, name))
    diverged = {**tables({**run, "status": "diverged"}, **series), **others}
    assert np.isnan(value(diverged, name))
    assert why_missing(diverged, name, RUN) == "the run diverged"


@pytest.mark.parametrize("name", ["probe.stem", "log2_rise.final", "similarity.stem"])
def test_a_table_that_is_missing_or_empty_gives_no_values(name):
    table = QUANTITIES[name].table
    empty = schema(ALL_TABLES[table]).empty_table().to_pandas()
    for found in (tables(), {**tables(), table: empty}):
        assert np.isnan(value(found, name))
        assert why_missing(found, name, RUN).startswith(f"not measured, see {table}.seeds")


def test_why_a_value_is_missing():
    reason = "the train loss never fell to 0.5"
    found = {
        **tables(),
        "curvature": curvature_table(np.nan, np.nan, reason),
        "encoder": encoder_table({(ARM, SEED, "probe", "stem"): np.nan}),
    }
    assert why_missing(found, "log2_rise.matched", RUN) == reason
    assert "positive" in why_missing(found, "log2_rise.final", RUN)
    assert "computed" in why_missing(found, "probe.stem", RUN)
    assert "computed" in why_missing(found, "displacement", RUN)
    assert why_missing(found, "probe.stem", (ARM, SIZE, 99)) == "there is no such run"


def test_seeds_in_which_a_quantity_is_measured():
    study = make_study(encoder={"seeds": [28, 26]}, curvature={"seeds": []})
    assert planned_seeds(study, "probe.stem") == [26, 28]
    assert planned_seeds(study, "log2_rise.final") == []
    assert planned_seeds(study, "loss") == study.seed


def test_every_quantity_is_listed_with_its_unit():
    families = {name.partition(".")[0] for name in QUANTITIES}
    lines = [line for line in quantity_list().splitlines() if not line.startswith(" ")]
    assert {line.partition(":")[0].partition(".")[0] for line in lines} == families
    assert len(listed_names()) == len(lines) == len(families)
    assert "probe.<stem|layer1|layer2|layer3|layer4>: share" in lines
