"""Baselines on pixels: against computation by hand."""

import numpy as np
import torch
from tiny import tiny_images, tiny_training

from tlstudy.measures.pixels import METHODS, baseline_rows, pixels


def test_pixels_are_means_of_those_of_the_enlarged_image():
    image = torch.arange(56 * 56).view(1, 56, 56).remainder(256).to(torch.uint8)
    blocks = image.view(28, 2, 28, 2).double().mean(dim=(1, 3)) / 255
    np.testing.assert_allclose(pixels(image)[0], blocks.flatten(), atol=1e-6)
    assert pixels(image.expand(2, 3, 56, 56)).shape == (2, 3 * 28 * 28)
    assert pixels(torch.zeros(1, 8, 8, dtype=torch.uint8)).shape == (1, 64)


def test_the_nearest_image_is_found_by_brute_force():
    images = tiny_images(tiny_training(), train=20, test=30)
    train, test = pixels(images.train), pixels(images.test)
    nearest = [np.square(train - one).sum(axis=1).argmin() for one in test]
    right = images.train_labels.numpy()[nearest] == images.test_labels.numpy()
    rows = {row["method"]: row for row in baseline_rows(images)}
    assert list(rows) == list(METHODS)
    assert rows["nearest"]["test_accuracy"] == right.mean()
    assert rows["nearest"]["test_images"] == 30
    assert all(
        row["test_balanced_accuracy"] > 0.8 for row in rows.values()
    )  # a bar tells the class
