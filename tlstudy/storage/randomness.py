"""Independent random streams derived from one seed, so that nothing shares a generator."""

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What a stream is for; the numbers are part of every result and never change."""

    SUBSET = 0
    BODY = 1
    HEAD = 2
    ORDER = 3
    LANDSCAPE = 4
    TEST_IMAGES = 5
    FOLDS = 6
    TRANSFORMS = 7
    MASK = 20
    AUGMENTATION = 21
    HELD_OUT = 22
    HALF = 23
    DROPOUT = 30


def derived_seed(seed: int, stream: Stream) -> int:
    """A 63-bit seed for one stream of a study's seed."""
    return int(np.random.SeedSequence([seed, stream]).generate_state(1, np.uint64)[0] >> 1)
