"""Transforms and sensitivities: against brute force, and on networks that are invariant."""

import numpy as np
import pandas as pd
import pytest
import torch
from tiny import CPU, tiny_images, tiny_run, tiny_training
from torch import nn

from tlstudy.config.quantity_table import TRANSFORM_GROUPS
from tlstudy.measures import invariance
from tlstudy.measures.sensitivity import (
    GROUPS,
    answer_rows,
    in_every_way,
    relative_sensitivity,
    sensitivity_rows,
)
from tlstudy.measures.stage_features import batches_of, stage_features

EXACT = ("quarter-turn", "horizontal-flip", "vertical-flip", "shift")


def test_images_are_shown_in_as_many_ways_as_the_plan_counts():
    assert len(in_every_way(torch.zeros(2, 8, 8, dtype=torch.uint8))) == 2 * invariance.VERSIONS
    assert GROUPS.keys() == TRANSFORM_GROUPS.keys()


@pytest.mark.parametrize("shape", [(5, 16, 16), (5, 3, 16, 16)])
@pytest.mark.parametrize("group", GROUPS)
def test_transforms_keep_shape_and_type_and_do_something(group, shape):
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
    for transform in GROUPS[group]:
        changed = transform(images)
        assert (changed.shape, changed.dtype) == (images.shape, images.dtype)
        assert not torch.equal(changed, images)
        if group in EXACT:
            pixels = (values.flatten(-2).sort().values for values in (images, changed))
            assert torch.equal(*pixels)


def test_turns_come_full_circle():
    images = torch.arange(32, dtype=torch.uint8).view(2, 4, 4)
    quarter, half, _ = GROUPS["quarter-turn"]
    assert torch.equal(quarter(quarter(images)), half(images))
    assert torch.equal(half(half(images)), images)


def test_sensitivity_is_a_ratio_of_mean_distances():
    generator = np.random.default_rng(1)
    features = [torch.from_numpy(generator.normal(size=(6, 3))) for _ in range(3)]
    arrays = [each.numpy() for each in features]
    across = [
        np.linalg.norm(arrays[a][i] - arrays[b][i])
        for a in range(3)
        for b in range(a + 1, 3)
        for i in range(6)
    ]
    between = [
        np.linalg.norm(each[i] - each[j]) for each in arrays for i in range(6) for j in range(i)
    ]
    expected = np.mean(across) / np.mean(between)
    assert relative_sensitivity(features) == pytest.approx(expected)
    assert relative_sensitivity([features[0], features[0]]) == 0
    assert np.isnan(relative_sensitivity([torch.ones(4, 2, dtype=torch.float64)] * 2))


def test_features_without_any_tie_to_the_image_have_a_sensitivity_of_one():
    generator = torch.Generator().manual_seed(2)
    features = [torch.randn(400, 30, generator=generator) for _ in range(2)]
    assert relative_sensitivity(features) == pytest.approx(1, abs=0.02)


class Averaged(nn.Module):
    """The mean of a network's answers over the four turns of an image."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        turned = (self.network(inputs.rot90(quarters, (-2, -1))) for quarters in range(4))
        return sum(turned) / 4


def answers(network: nn.Module, training, images) -> pd.DataFrame:
    rows = pd.DataFrame(answer_rows(network, training, images, "float32"))
    return rows.set_index(["group", "measure", "class"])["value"]


def test_answers_of_an_averaged_network_do_not_turn():
    trainer, _ = tiny_run(epochs=1)
    network, images = trainer.network, trainer.images
    plain, averaged = (
        answers(each, trainer.training, images) for each in (network, Averaged(network))
    )
    assert averaged.loc["quarter-turn", "divergence"].max() == pytest.approx(0, abs=1e-9)
    pd.testing.assert_series_equal(
        averaged.loc["quarter-turn", "accuracy"], averaged.loc["none", "accuracy"]
    )
    assert plain.loc["quarter-turn", "divergence"].min() > 1e-4
    assert (averaged.loc["vertical-flip", "divergence"] > 1e-6).any()


def test_the_accuracy_of_a_class_is_the_share_of_its_bits():
    trainer, _ = tiny_run(epochs=1)
    images = trainer.images
    rows = pd.DataFrame(answer_rows(trainer.network, trainer.training, images, "float32"))
    accuracies = rows[rows["measure"] == "accuracy"]
    for _, row in accuracies.iterrows():
        transforms = len(GROUPS.get(row["group"], (None,)))
        count = transforms * int((images.test_labels == int(row["class"])).sum())
        right = np.unpackbits(np.frombuffer(row["right"], np.uint8))
        assert right[:count].mean() == pytest.approx(row["value"])
        assert not right[count:].any()
        assert len(right) - count < 8
    assert rows.loc[rows["measure"] != "accuracy", "right"].isna().all()


class ColourMeans(nn.Module):
    """A stage whose features no transform of places can change, and one that it can."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(4, 5, 3, padding=1), nn.ReLU())
        self.fc = nn.Linear(5, 10)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.fc(self.second(self.first(inputs)).mean(dim=(2, 3)))


def test_a_stage_that_sees_pixels_one_by_one_is_insensitive_to_where_they_are():
    torch.manual_seed(0)
    training = tiny_training()
    rows = pd.DataFrame(sensitivity_rows(ColourMeans(), training, tiny_images(training)))
    value = rows.set_index(["stage", "group"])["value"]
    for group in EXACT:
        assert value["first", group] == pytest.approx(0, abs=1e-5)
    assert value["first", "inversion"] > 0.1
    assert value["second.0", "quarter-turn"] > 1e-3


def test_groups_get_the_features_of_their_own_transforms():
    torch.manual_seed(0)
    training = tiny_training()
    network, images = ColourMeans(), tiny_images(training)
    rows = pd.DataFrame(sensitivity_rows(network, training, images))
    value = rows.set_index(["stage", "group"])["value"]

    def features(raw: torch.Tensor) -> torch.Tensor:
        return stage_features(network, images, raw, batches_of(images, images.train))["second.0"]

    for group, transforms in GROUPS.items():
        ways = [images.test, *(transform(images.test) for transform in transforms)]
        expected = relative_sensitivity(list(map(features, ways)))
        assert value["second.0", group] == pytest.approx(expected, rel=1e-6)


def test_a_run_has_rows_for_every_group_stage_and_class():
    trainer, _ = tiny_run(epochs=1)
    at = trainer.network, trainer.training, trainer.images
    stages = pd.DataFrame(sensitivity_rows(*at))
    assert len(stages) == len(GROUPS) * 5
    assert (np.isfinite(stages["value"]) & (stages["value"] >= 0)).all()
    assert next(trainer.network.parameters()).device == CPU
    told = answers(*at)
    assert set(told.index.get_level_values("group")) == {"none", *GROUPS}
    assert len(told.loc["shift", "accuracy"]) == 10
    assert (told.loc[:, "divergence", :] >= 0).all()
