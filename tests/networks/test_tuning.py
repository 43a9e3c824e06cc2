"""Cross-validation inside the training images: what it may look at and what it chooses."""

import numpy as np
import pytest
import torch
from tiny import CPU, tiny_images, tiny_training

from tlstudy.networks.build import initial_network
from tlstudy.networks.tuning import tune_learning_rate

# Too small to learn in three epochs, right, and so large that the loss becomes infinite.
IDLE, RIGHT, DIVERGING = 1e-7, 1e-3, 1e30


def tune(rates, images=None, folds=2, seed=26, remembered=lambda name, compute: compute()):
    training = tiny_training(tune_learning_rate=True)
    images = images or tiny_images(training)

    def start():
        return initial_network(training, seed, None)

    return tune_learning_rate(training, rates, folds, start, images, seed, CPU, remembered)


@pytest.fixture(scope="module")
def result():
    return tune([IDLE, RIGHT, DIVERGING])


def test_the_rate_that_generalises_is_chosen_and_a_diverging_one_never(result):
    assert result["chosen"] == RIGHT
    scores = [row["balanced_accuracy"] for row in result["candidates"]]
    assert scores[1] > scores[0] + 0.3
    assert np.isnan(result["candidates"][2]["loss"])


def test_test_images_play_no_part(result):
    images = tiny_images(tiny_training())
    images.test = torch.zeros_like(images.test)
    images.test_labels = images.test_labels.flip(0)
    assert tune([RIGHT], images)["candidates"] == result["candidates"][1:2]


def test_held_out_images_are_not_trained_on():
    """Labels of noise can be learnt by heart, but not of images left out."""
    images = tiny_images(tiny_training())
    generator = torch.Generator().manual_seed(0)
    images.train = torch.randint(0, 256, images.train.shape, generator=generator).byte()
    assert tune([RIGHT], images)["candidates"][0]["balanced_accuracy"] < 0.5


@pytest.mark.parametrize(
    ("losses", "chosen"),
    [((0.2, 0.1), 2.0), ((0.1, 0.2), 1.0), ((None, 0.2), 2.0), ((None,), None)],
)
def test_the_lower_loss_decides_between_equals(losses, chosen):
    rates = [float(number) for number in range(1, len(losses) + 1)]

    def remembered(name: str, _) -> dict | None:
        [loss] = [loss for rate, loss in zip(rates, losses, strict=True) if f"rate {rate}," in name]
        return loss and {"balanced_accuracy": 0.5, "loss": loss}

    assert tune(rates, remembered=remembered)["chosen"] == chosen
