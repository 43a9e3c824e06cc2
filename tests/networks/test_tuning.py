"""Cross-validation inside the training images: what it may look at and what it chooses."""

import numpy as np
import pytest
import torch
from tiny import CPU, tiny_images, tiny_training

from tlstudy.networks.build import initial_network
from tlstudy.networks.tuning import tune_learning_rate

# Too small to learn in three epochs, right, and so large that the loss becomes infinite.
IDLE, RIGHT, DIVERGING = 1e-7, 1e-3, 1e30


def tune(rates, images=None, folds=2, seed=26):
    training = tiny_training(tune_learning_rate=True)
    images = images or tiny_images(training)
    return tune_learning_rate(
        training, rates, folds, lambda: initial_network(training, seed, None), images, seed, CPU
    )


@pytest.fixture(scope="module")
def result():
    return tune([IDLE, RIGHT, DIVERGING])


def test_the_rate_that_generalises_is_chosen(result):
    assert result["chosen"] == RIGHT
    scores = [row["balanced_accuracy"] for row in result["candidates"]]
    assert scores[1] > scores[0] + 0.3


def test_a_diverging_candidate_is_never_chosen(result):
    assert np.isnan(result["candidates"][2]["loss"])
    assert tune([DIVERGING, 10 * DIVERGING])["chosen"] is None


def test_test_images_play_no_part(result):
    images = tiny_images(tiny_training())
    images.test = torch.zeros_like(images.test)
    images.test_labels = images.test_labels.flip(0)
    again = tune([IDLE, RIGHT], images)
    assert again["candidates"] == result["candidates"][:2]


def test_held_out_images_are_not_trained_on():
    """Labels of noise can be learnt by heart, but not of images left out."""
    images = tiny_images(tiny_training())
    generator = torch.Generator().manual_seed(0)
    images.train = torch.randint(0, 256, images.train.shape, generator=generator).byte()
    candidate = tune([RIGHT, IDLE], images)["candidates"][0]
    assert candidate["balanced_accuracy"] < 0.5


def test_the_lower_loss_decides_between_equals():
    rates = [RIGHT / 2, RIGHT]
    for ordered in (rates, rates[::-1]):
        result = tune(ordered)
        first, second = result["candidates"]
        assert first["balanced_accuracy"] == second["balanced_accuracy"]
        better = min(result["candidates"], key=lambda row: row["loss"])
        assert result["chosen"] == better["learning_rate"]
