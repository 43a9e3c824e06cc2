"""Which images are drawn."""

import numpy as np
import pytest

from tlstudy.data.stored import load_images
from tlstudy.data.subset import describe_subset, draw_subset, order_of_test_images


@pytest.fixture(scope="module")
def train_labels(cache):
    return load_images(cache / "mnist", "train")[1]


def test_seed_26_gives_the_very_images_of_the_slides(train_labels):
    indices = draw_subset(train_labels, "published", 50, 26)
    np.random.seed(26)  # the published line, to the letter
    assert indices.tolist() == np.random.choice(60000, 50).tolist()
    record = describe_subset(indices, train_labels, 10)
    assert record["counts"] == [2, 6, 6, 5, 5, 7, 3, 9, 2, 5]
    assert record["duplicates"] == 0


def test_drawing_with_replacement_repeats_images(train_labels):
    record = describe_subset(draw_subset(train_labels, "published", 1000, 26), train_labels, 10)
    assert record["duplicates"] == 1000 - len(set(record["indices"])) > 0


@pytest.mark.parametrize("size", [10, 50, 1000, 54210])
def test_stratified_subsets_hold_every_digit_evenly(train_labels, size):
    record = describe_subset(draw_subset(train_labels, "stratified", size, 3), train_labels, 10)
    assert record["counts"] == [size // 10] * 10
    assert record["duplicates"] == 0


def test_uneven_sizes_differ_by_one(train_labels):
    counts = describe_subset(draw_subset(train_labels, "stratified", 57, 3), train_labels, 10)[
        "counts"
    ]
    assert sorted(set(counts)) == [5, 6]


def test_seeds_draw_other_images_and_the_same_seed_the_same(train_labels):
    first, again, other = (draw_subset(train_labels, "stratified", 50, s) for s in (1, 1, 2))
    assert first.tolist() == again.tolist()
    assert set(first.tolist()) != set(other.tolist())


def test_every_prefix_of_the_test_order_is_stratified(cache):
    labels = load_images(cache / "mnist", "test")[1]
    order = order_of_test_images(labels)
    assert sorted(order.tolist()) == list(range(10000))
    for count in (10, 250, 2000):
        assert np.bincount(labels[order[:count]]).tolist() == [count // 10] * 10
