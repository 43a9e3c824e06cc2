"""Resizing gives PIL's integers, whether images grow or shrink, and keeps colours."""

import numpy as np
import pytest
import torch
from PIL import Image

from tlstudy.networks.inputs import Inputs, resize

CPU = torch.device("cpu")
SIZES = [(28, 28, 32), (64, 64, 33), (100, 100, 32), (37, 61, 40), (97, 97, 61), (32, 32, 32)]


@pytest.mark.parametrize("colours", [(), (3,)])
@pytest.mark.parametrize(("height", "width", "side"), SIZES)
def test_images_are_resized_as_in_pil(height, width, side, colours):
    shape = (3, height, width, *colours)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    expected = np.stack(
        [
            np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR))
            for image in images
        ]
    )
    found = resize(images, side, CPU).numpy()
    assert (found == (expected.transpose(0, 3, 1, 2) if colours else expected)).all()


def test_a_small_image_is_what_it_was():
    """By Pillow 13, so that another rounding of a later version is noticed."""
    image = np.array([[[0, 255], [10, 90]]], dtype=np.uint8)
    expected = [[0, 128, 255], [5, 89, 173], [10, 50, 90]]
    assert resize(image, 3, CPU).tolist() == [expected]
    colours = np.stack([image, 255 - image, image // 2], axis=-1)
    assert resize(colours, 3, CPU)[0, 0].tolist() == expected


def test_grey_images_have_three_equal_channels_and_colours_stay_apart():
    inputs = Inputs("none", None, CPU)
    grey = inputs(torch.full((2, 4, 4), 51, dtype=torch.uint8))
    assert (grey[:, :1] * 5 == 1).all()
    colours = torch.arange(3, dtype=torch.uint8).view(1, 3, 1, 1).expand(2, 3, 4, 4)
    assert (inputs(colours) * 255).round()[0, :, 0, 0].tolist() == [0, 1, 2]
