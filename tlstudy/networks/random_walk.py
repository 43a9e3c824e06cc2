"""Principal axes of a random walk, with which a path of weights is compared. Loads no PyTorch."""

import numpy as np


def walk_shares(points: int, axes: int) -> np.ndarray:
    """Shares of variance (axes,) on the principal axes of a random walk in many dimensions.

    The centred Gram matrix of T points has the eigenvalues c / sin^2(k pi / 2T), k from 1 to
    T - 1, whose sum is 2c (T^2 - 1) / 3. The first share is 0.75 of 3 points, 0.617 of 11, and
    6 / pi^2 of very many (Antognini & Sohl-Dickstein 2018, "PCA of high dimensional random walks
    with comparison to neural network training"). Axes beyond T - 1 have none.

    Args:
        points: T, two or more.
    """
    axis = np.arange(1, axes + 1)
    shares = 1.5 / ((points**2 - 1) * np.sin(axis * np.pi / (2 * points)) ** 2)
    return np.where(axis < points, shares, 0.0)
