"""Experiment `kernel`: does invariance to turns pass from classes that were turned to others?

The slides say that it does, from <gx, t> = <x, g^-1 t>: once orbits were seen, the invariance
transfers to other data. That holds for a signature that pools over the stored orbits of its
templates (Anselmi et al. 2013, arXiv:1311.4158), which a kernel averaged over the group is. It need
not hold for a learner that only sees turned images. Both are kernel ridge regression on
scikit-learn's 8 x 8 digits, where turns by right angles are exact.
"""

from collections.abc import Iterator

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.datasets import load_digits
from sklearn.kernel_ridge import KernelRidge

from tlstudy.config.exposures import EXPOSURES
from tlstudy.data.shown_classes import draw_half
from tlstudy.theory.shared import Row, measured

STREAM = 104
CLASSES, PER_CLASS = 10, 5
TOGETHER = (6, 9)  # they turn into each other
RIDGE = 1e-3


class Problem:
    """Images of a seed, and the half of the classes whose turned images are shown.

    Attributes:
        train, train_labels: (50, 8, 8) and (50,), five of each class.
        test, test_labels: all others.
        shown: classes that are shown turned in exposure half.
    """

    def __init__(self, seed: int):
        generator = np.random.default_rng(np.random.SeedSequence([STREAM, seed]))
        digits = load_digits()
        order = generator.permutation(len(digits.target))
        images, labels = digits.images[order] / 16, digits.target[order]
        rank = np.array([np.sum(labels[:place] == labels[place]) for place in range(len(labels))])
        chosen = rank < PER_CLASS
        self.train, self.train_labels = images[chosen], labels[chosen]
        self.test, self.test_labels = images[~chosen], labels[~chosen]
        self.shown = draw_half(generator, CLASSES, [TOGETHER])


def turned(images: np.ndarray) -> list[np.ndarray]:
    """The images (N, 8, 8) turned by 0, 90, 180 and 270 degrees."""
    return [np.rot90(images, quarters, (1, 2)) for quarters in range(4)]


def kernel(first: np.ndarray, second: np.ndarray, width: float, averaged: bool) -> np.ndarray:
    """Gaussian kernel of images (N, 8, 8) and (M, 8, 8), (N, M).

    Args:
        width: of the kernel, in pixels' units.
        averaged: over the turns of the second images: the same for an image and its turns.
    """
    orbit = turned(second) if averaged else [second]
    rows = first.reshape(len(first), -1)
    kernels = [
        np.exp(-cdist(rows, each.reshape(len(each), -1), "sqeuclidean") / (2 * width**2))
        for each in orbit
    ]
    return np.mean(kernels, axis=0)


def rows(seed: int) -> Iterator[Row]:
    """Rows of `tlstudy.storage.laboratory_columns.LABORATORY`, without seed and experiment.

    Accuracies are on images turned by 90, 180 and 270 degrees, of the classes that are not shown
    turned in exposure half.
    """
    data = Problem(seed)
    hidden = ~np.isin(data.test_labels, data.shown)
    test, labels = data.test[hidden], data.test_labels[hidden]
    flat = data.train.reshape(len(data.train), -1)
    width = float(np.median(cdist(flat, flat)))
    for name in ("plain", "averaged"):
        for exposure in EXPOSURES:
            images, targets, pooled = _shown(data, name, exposure)
            ridge = KernelRidge(alpha=RIDGE, kernel="precomputed")
            ridge.fit(kernel(images, images, width, pooled), np.eye(CLASSES)[targets])

            def accuracy(looked_at, ridge=ridge, images=images, pooled=pooled) -> float:
                answers = ridge.predict(kernel(looked_at, images, width, pooled))
                return float((answers.argmax(axis=1) == labels).mean())

            condition = {"network": f"{name}-kernel", "method": exposure}
            values = {
                "accuracy_turned": np.mean([accuracy(each) for each in turned(test)[1:]]),
                "accuracy_upright": accuracy(test),
            }
            yield from measured(condition, values)


def _shown(data: Problem, name: str, exposure: str) -> tuple[np.ndarray, np.ndarray, bool]:
    """Training images and labels of a learner, and whether its kernel pools over turns.

    The averaged kernel stores the orbits of its templates once any orbit was seen, as the theory
    has it; the plain one gets turned copies of the images of the classes that are shown.
    """
    if name == "averaged":
        return data.train, data.train_labels, exposure != "none"
    shown = {"none": [], "half": data.shown, "all": np.arange(CLASSES)}[exposure]
    copied = np.isin(data.train_labels, shown)
    copies = [each[copied] for each in turned(data.train)[1:]]
    images = np.concatenate([data.train, *copies])
    return images, np.concatenate([data.train_labels, *[data.train_labels[copied]] * 3]), False
