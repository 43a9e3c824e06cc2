"""scikit-learn's digits: 1,797 images of 8 x 8, which come with the library."""

import numpy as np

from tlstudy.config.datasets import NAMED
from tlstudy.data.stored import Part
from tlstudy.data.subset import order_of_test_images

BRIGHTEST = 16  # of their grey values, which begin at 0


def read_digits() -> dict[str, Part]:
    """Images (N, 8, 8) uint8 and labels of `train` and `test`: a fixed stratified split."""
    from sklearn.datasets import load_digits  # a second to import, and only needed here

    images, labels = load_digits(return_X_y=True)
    grey = np.round(images.reshape(-1, 8, 8) * (255 / BRIGHTEST)).astype(np.uint8)
    labels = labels.astype(np.int64)
    order = order_of_test_images(labels)
    tested = NAMED["digits"].test
    parts = {"train": np.sort(order[tested:]), "test": np.sort(order[:tested])}
    return {part: (grey[chosen], labels[chosen]) for part, chosen in parts.items()}
