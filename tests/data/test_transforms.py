"""Transforms of a target: what they do to images, and which are refused."""

import numpy as np
import pytest

from tlstudy.config.study import build_study, runs
from tlstudy.config.targets import Target
from tlstudy.data.transforms import transformed
from tlstudy.storage.errors import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 8, 8), dtype=np.uint8)
COLOURS = np.random.default_rng(1).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)


def result(images=IMAGES, part="train", indices=(0, 1, 2, 3, 4), **settings):
    return transformed(images, Target(**settings), part, list(indices))


def test_without_transforms_images_are_as_they_were():
    assert (result() == IMAGES).all()
    assert (result(part="test", indices=(3,)) == IMAGES[3:4]).all()


@pytest.mark.parametrize("images", [IMAGES, COLOURS])
def test_blocks_change_places_alike_in_all_images(images):
    mixed = result(images, block_shuffle=4, seed=1)
    assert mixed.shape == images.shape
    assert (np.sort(mixed.reshape(5, -1)) == np.sort(images.reshape(5, -1))).all()
    first = mixed[0, :2, :2]
    places = [
        (row, column)
        for row in range(0, 8, 2)
        for column in range(0, 8, 2)
        if (images[0, row : row + 2, column : column + 2] == first).all()
    ]
    ((row, column),) = places
    assert (mixed[:, :2, :2] == images[:, row : row + 2, column : column + 2]).all()
    assert (mixed != result(images, block_shuffle=4, seed=2)).any()
    assert (result(images, "test", block_shuffle=4, seed=1) == mixed).all()


def test_images_are_inverted_and_put_on_a_canvas():
    assert (result(invert=True) == 255 - IMAGES).all()
    corner = result(canvas={"side": 16, "place": "bottom-left"})
    assert (corner[:, 8:, :8] == IMAGES).all()
    assert corner.sum() == IMAGES.sum()
    anywhere = {"side": 16, "place": "anywhere"}
    whole = result(COLOURS, canvas=anywhere)
    assert whole.shape == (5, 16, 16, 3)
    assert (result(COLOURS, indices=(3, 1), canvas=anywhere) == whole[[3, 1]]).all()


def test_test_images_may_lie_at_a_place_of_their_own():
    canvas = {"side": 16, "place": "top-left", "test_place": "bottom-right"}
    assert (result(canvas=canvas)[:, :8, :8] == IMAGES).all()
    assert (result(part="test", canvas=canvas)[:, 8:, 8:] == IMAGES).all()


def test_test_images_alone_are_turned():
    assert (result(test_transform="rotate-90") == IMAGES).all()
    turned = result(part="test", test_transform="rotate-90")
    assert (turned[0] == np.rot90(IMAGES[0])).all()
    flipped = result(part="test", test_transform="flip-horizontal")
    assert (flipped[0] == IMAGES[0][:, ::-1]).all()


def test_transforms_make_other_runs_and_wrong_ones_are_refused():
    def study(**target):
        return build_study(
            {"study": "s", "seed": 1, "subset_size": 20, "arms": {"new": {"target": target}}}
        )

    names = {
        runs(study(**target))[0].name for target in ({}, {"block_shuffle": 4}, {"invert": True})
    }
    assert len(names) == 3
    assert study(block_shuffle=4).arms["new"].target.place == study().arms["new"].target.place
    with pytest.raises(UserError, match="have 28 pixels a side, so allowed are 2, 4, 7, 14, 28"):
        study(block_shuffle=5)
    with pytest.raises(UserError, match="must be more than 28"):
        study(canvas={"side": 20})


def test_blocks_change_places_whatever_the_seed():
    """One order of four blocks in 24 is the one that they have."""
    images = np.arange(4, dtype=np.uint8).reshape(1, 2, 2)
    for seed in range(100):
        target = Target(name="digits", block_shuffle=2, seed=seed)
        assert not np.array_equal(transformed(images, target, "train", [0]), images)
