"""Choice of the training images, and order of the test images."""

from collections import Counter

import numpy as np

from tlstudy.storage.randomness import Stream, derived_seed


def draw_subset(labels: np.ndarray, drawing: str, size: int, seed: int) -> np.ndarray:
    """Indices (size,) of training images.

    Args:
        labels: (pool,) labels of the training images.
        drawing: stratified (the same number of each class, give or take one, without
            replacement) or published (with replacement, from NumPy's legacy generator, as in
            the slides' notebook).
    """
    if drawing == "published":
        return np.random.RandomState(seed).choice(len(labels), size)
    generator = np.random.default_rng(derived_seed(seed, Stream.SUBSET))
    return stratified_order(labels, generator)[:size]


def stratified_order(labels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A random order (pool,) of the images in which every prefix holds the classes evenly.

    Each round takes one image of every class, in random order, until a class runs out.
    """
    rank = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        rank[generator.permutation(members)] = np.arange(len(members))
    within_round = generator.random(len(labels))
    return np.lexsort((within_round, rank))


def order_of_test_images(labels: np.ndarray) -> np.ndarray:
    """The order of the test images (pool,), the same for every run of every study."""
    generator = np.random.default_rng(derived_seed(0, Stream.TEST_IMAGES))
    return stratified_order(labels, generator)


def describe_subset(indices: np.ndarray, labels: np.ndarray, classes: int) -> dict:
    """Record of a subset: indices, labels, count of each class, number of repeated images."""
    drawn = labels[indices]
    return {
        "indices": indices.tolist(),
        "labels": drawn.tolist(),
        "counts": np.bincount(drawn, minlength=classes).tolist(),
        "duplicates": sum(count - 1 for count in Counter(indices.tolist()).values()),
    }
