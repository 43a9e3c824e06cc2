"""Classes whose images an augmentation changes, and the half of them that a seed draws."""

from collections.abc import Collection

import numpy as np

from tlstudy.config.augmentation import HALF, Transform
from tlstudy.config.datasets import ALIKE_TURNED
from tlstudy.config.targets import Target
from tlstudy.storage.randomness import Stream, derived_seed


def classes_of(transform: Transform, target: Target, seed: int) -> tuple[int, ...]:
    """Classes whose training images the transform changes, ascending."""
    if transform.classes == HALF:
        return half_of(target, seed)
    return tuple(sorted(transform.classes)) or tuple(range(target.outputs))


def half_of(target: Target, seed: int) -> tuple[int, ...]:
    """Half of the target's classes (rounded down), ascending, drawn by the seed.

    Classes that turn into each other are all in it or all outside. It depends on nothing but the
    seed and the data set, so that arms of a seed have the same half whether they use it or not.
    """
    generator = np.random.default_rng(derived_seed(seed, Stream.HALF))
    return draw_half(generator, target.outputs, ALIKE_TURNED.get(target.name, ()))


def draw_half(
    generator: np.random.Generator, classes: int, together: Collection[Collection[int]]
) -> tuple[int, ...]:
    """Half of so many classes (rounded down), ascending, each group all in it or all outside."""
    while True:
        half = set(generator.permutation(classes)[: classes // 2].tolist())
        if all(len(half & set(group)) in (0, len(group)) for group in together):
            return tuple(sorted(half))
