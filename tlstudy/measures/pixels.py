"""Classifiers on the pixels of a run's images: what needs no network to be learnt."""

from collections.abc import Iterator

import numpy as np
import torch
from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from torch.nn.functional import adaptive_avg_pool2d

from tlstudy.networks.images import Images

SIDE = 28  # images are averaged to at most so many pixels a side: those of MNIST
# scikit-learn's defaults, so that nothing is chosen on test images; one neighbour.
METHODS: dict[str, ClassifierMixin] = {
    "nearest": KNeighborsClassifier(n_neighbors=1),
    "logistic": LogisticRegression(max_iter=10_000),
    "svm": SVC(),
}


def pixels(images: torch.Tensor, side: int | None = None) -> np.ndarray:
    """(N, features) from 0 to 1 of (N, H, W) or (N, 3, H, W) uint8 images.

    Args:
        side: pixels along a side that the images are averaged to; None for SIDE at most.
    """
    planes = images.float() if images.dim() == 4 else images.float().unsqueeze(1)
    side = side or min(SIDE, images.shape[-1])
    return adaptive_avg_pool2d(planes, side).flatten(1).div(255).cpu().double().numpy()


def baseline_rows(images: Images) -> Iterator[dict]:
    """Accuracies of each method, trained on the training images, on all test images."""
    train, test = pixels(images.train), pixels(images.test)
    labels, expected = images.train_labels.numpy(), images.test_labels.numpy()
    for name, method in METHODS.items():
        answers = method.fit(train, labels).predict(test)
        yield {
            "method": name,
            "test_accuracy": accuracy_score(expected, answers),
            "test_balanced_accuracy": balanced_accuracy_score(expected, answers),
            "test_images": len(expected),
        }
