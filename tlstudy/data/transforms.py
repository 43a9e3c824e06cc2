"""What is done to a target's images before they are resized."""

from collections.abc import Callable

import numpy as np

from tlstudy.config.targets import ANYWHERE, PARTS, PLACES, Target
from tlstudy.storage.randomness import Stream, derived_seed

QUARTERS = {"rotate-90": 1, "rotate-180": 2, "rotate-270": 3}
FLIPS = {"flip-vertical": 1, "flip-horizontal": 2}


def transformed(
    images: np.ndarray, target: Target, part: str, indices: np.ndarray | list[int]
) -> np.ndarray:
    """Some images of a part after all transforms of the target, in the order of TRANSFORMS.

    Args:
        images: (pool, H, W) or (pool, H, W, 3) uint8, all of the part.
        part: train or test.
        indices: those to return. What is drawn for an image depends on its place in the pool.
    """
    chosen = images[indices]
    for transform in TRANSFORMS:
        chosen = transform(chosen, target, part, len(images), indices)
    return chosen


def _invert(images, target, part, pool, indices):
    return 255 - images if target.invert else images


def _block_shuffle(images, target, part, pool, indices):
    """Cut each image into blocks and put them together by one permutation, the same for all."""
    if not target.block_shuffle:
        return images
    count, size = target.block_shuffle, images.shape[1] // target.block_shuffle
    rest = images.shape[3:]
    blocks = images.reshape(-1, count, size, count, size, *rest).swapaxes(2, 3)
    order = _order(target)
    mixed = blocks.reshape(-1, count**2, size, size, *rest)[:, order]
    return mixed.reshape(-1, count, count, size, size, *rest).swapaxes(2, 3).reshape(images.shape)


def _order(target: Target) -> np.ndarray:
    """The blocks' order: one that changes something."""
    generator, as_it_is = _generator(target, 0), np.arange(target.block_shuffle**2)
    order = as_it_is
    while (order == as_it_is).all():
        order = generator.permutation(len(order))
    return order


def _canvas(images, target, part, pool, indices):
    """Put each image on a larger black square."""
    if not target.canvas:
        return images
    side, free = target.canvas.side, target.canvas.side - images.shape[1]
    place = target.canvas.places[part]
    if place == ANYWHERE:
        drawn = _generator(target, 1 + PARTS.index(part)).integers(0, free + 1, (pool, 2))
        places = drawn[indices]
    else:
        down, across = PLACES[place]
        places = np.tile([int(free * down), int(free * across)], (len(images), 1))
    whole = np.zeros((len(images), side, side, *images.shape[3:]), dtype=np.uint8)
    for image, canvas, (top, left) in zip(images, whole, places, strict=True):
        canvas[top : top + image.shape[0], left : left + image.shape[1]] = image
    return whole


def _test_transform(images, target, part, pool, indices):
    if part != "test" or target.test_transform == "none":
        return images
    if target.test_transform in QUARTERS:
        return np.rot90(images, QUARTERS[target.test_transform], axes=(1, 2))
    return np.flip(images, axis=FLIPS[target.test_transform])


def _generator(target: Target, use: int) -> np.random.Generator:
    return np.random.default_rng([derived_seed(target.seed, Stream.TRANSFORMS), use])


TRANSFORMS: tuple[Callable[..., np.ndarray], ...] = (
    _invert,
    _block_shuffle,
    _canvas,
    _test_transform,
)
