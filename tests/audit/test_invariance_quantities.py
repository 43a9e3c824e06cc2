"""Quantities of what transforms do to answers and features: on tables in which they are known."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from known import invariance_table, make_study, runs_table

from tlstudy.audit.quantities import values_of
from tlstudy.config.targets import Target
from tlstudy.data.shown_classes import half_of

ARMS, SEEDS = ("new-first", "pretrained-first"), (26, 27)


def made() -> dict:
    """Accuracies on turned images: 0.8 in the seed's half, 0.2 outside, and a tenth less new."""
    study, values = make_study(), {}
    for arm, seed in product(ARMS, SEEDS):
        less, half = 0.1 * arm.startswith("new"), half_of(Target(), seed)
        for label in range(10):
            turned = (0.8 if label in half else 0.2) - less
            for group, measure, value in (
                ("none", "accuracy", label / 10),
                ("quarter-turn", "accuracy", turned),
                ("half-and-three-quarter-turn", "accuracy", 0.3),
                ("shift", "divergence", 0.1 * label),
            ):
                values[arm, seed, "end", group, measure, "", str(label)] = value
        for point, last in (("start", 0.5), ("end", 0.125)):
            for stage, value in (("stem", 1.0), ("layer4", last)):
                values[arm, seed, point, "shift", "sensitivity", stage, ""] = value
    runs = runs_table(study, {(arm, seed): {} for arm, seed in product(ARMS, SEEDS)})
    return {"runs": runs, "invariance": invariance_table(values)}


@pytest.mark.parametrize(
    ("name", "new", "pretrained"),
    [
        ("accuracy_upright", 0.45, 0.45),
        ("accuracy_turned.seen", 0.7, 0.8),
        ("accuracy_turned.unseen", 0.1, 0.2),
        ("accuracy_turned.all", 0.4, 0.5),
        ("accuracy_transformed.half-and-three-quarter-turn", 0.3, 0.3),
        ("divergence.shift", 0.45, 0.45),
        ("log2_sensitivity.shift", -3, -3),
        ("log2_sensitivity_before.shift", -1, -1),
        ("log2_sensitivity.inversion", np.nan, np.nan),
    ],
)
def test_quantities_of_transformed_images(name, new, pretrained):
    values = values_of(made(), name)
    for arm, expected in zip(ARMS, (new, pretrained), strict=True):
        assert values[arm].to_numpy() == pytest.approx([expected] * 2, nan_ok=True)


def test_classes_left_out_are_those_of_the_arms_own_seed_whatever_it_was_shown():
    found = made()
    arm = make_study().arms["new-first"].model_dump()
    arm["augmentation"] = [{"name": "quarter-turn", "classes": "half", "angles": [0, 90]}]
    shown = make_study(arms={"new-first": arm, "pretrained-first": arm}, ladder=[]).arms
    changed = found["runs"].assign(settings=shown["new-first"].model_dump_json())
    for which in ("seen", "unseen"):
        name = f"accuracy_turned.{which}"
        pd.testing.assert_series_equal(
            values_of(found, name), values_of(found | {"runs": changed}, name)
        )
