"""Diagonal linear networks f(x) = sum_d b_d x_d and their training by gradient descent."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from tlstudy.theory.shared import OfManyNetworks

SIGNS = np.array([1.0, -1.0])[:, None]
MOST_STEPS = 8000
# Limits of a step, which keep descent close to gradient flow: the change of a multiplier, and the
# share of the largest stable step.
LONGEST_MOVE = 0.05
OF_STABLE = 0.5
CURVATURE_EVERY = 25  # steps after which the largest stable step is computed anew
INTERPOLATES = 1e-3  # norm of the residuals over that of the targets


@dataclass(frozen=True)
class Task(OfManyNetworks):
    """Training data of many networks, which are trained at once.

    Attributes:
        inputs: (networks, samples, dimensions), of the main task. Zeros stand for the samples
            that a network has fewer than the largest number: they have no gradient.
        targets: (networks, samples).
        counts: (networks,) samples that are not such zeros.
        auxiliary: (networks, dimensions) coefficients of an auxiliary task that is learnt at the
            same time, from unlimited samples (inputs of unit covariance); or None.
    """

    inputs: np.ndarray
    targets: np.ndarray
    counts: np.ndarray
    auxiliary: np.ndarray | None = None


@dataclass(frozen=True)
class Weights(OfManyNetworks):
    """Weights of many networks: each coefficient has two paths, with signs plus and minus.

    Attributes:
        inner: (networks, 2, dimensions) input weights u, which all tasks share.
        outer: (networks, tasks, 2, dimensions) output weights v; the main task is the first.
    """

    inner: np.ndarray
    outer: np.ndarray

    def coefficients(self) -> np.ndarray:
        """(networks, tasks, dimensions) b = u+ v+ - u- v-."""
        return (SIGNS * self.inner[:, None] * self.outer).sum(axis=2)

    def squared_change(self, start: Self) -> np.ndarray:
        """(networks,) squared distance of all weights from another state."""
        inner, outer = self.inner - start.inner, self.outer - start.outer
        return (inner**2).sum(axis=(1, 2)) + (outer**2).sum(axis=(1, 2, 3))


def even_start(inner: np.ndarray, outer: np.ndarray, tasks: int = 1) -> Weights:
    """Weights with equal paths, so that every output is zero.

    Args:
        inner, outer: (networks, dimensions) sizes of the weights.
    """
    paths = [np.repeat(values[:, None], 2, axis=1) for values in (inner, outer)]
    return Weights(paths[0], np.repeat(paths[1][:, None], tasks, axis=1))


def descend(task: Task, start: Weights) -> Weights:
    """Gradient descent on half the mean squared error, close to gradient flow.

    A network stops when it interpolates, or after MOST_STEPS steps; see `residuals`.
    """
    inner, outer = start.inner.copy(), start.outer.copy()
    active = np.arange(len(inner))
    for _ in range(MOST_STEPS // CURVATURE_EVERY):
        weights = Weights(inner, outer)
        active = active[residuals(task.of(active), weights.of(active)) > INTERPOLATES]
        if not len(active):
            break
        moved = _some_steps(task.of(active), weights.of(active))
        inner[active], outer[active] = moved.inner, moved.outer
    return Weights(inner, outer)


def residuals(task: Task, weights: Weights) -> np.ndarray:
    """(networks,) norm of the residuals over that of the targets, for the worst task."""
    found = weights.coefficients()
    errors = task.targets - predictions(task.inputs, found[:, 0])
    shares = [np.linalg.norm(errors, axis=1) / np.linalg.norm(task.targets, axis=1)]
    if task.auxiliary is not None:
        errors = np.linalg.norm(task.auxiliary - found[:, 1], axis=1)
        shares.append(errors / np.linalg.norm(task.auxiliary, axis=1))
    return np.max(shares, axis=0)


def predictions(inputs: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """(networks, samples) outputs of linear functions."""
    return np.matmul(inputs, coefficients[:, :, None])[:, :, 0]


def _some_steps(task: Task, weights: Weights) -> Weights:
    inner, outer = weights.inner, weights.outer
    stable = OF_STABLE / _largest_curvature(task, weights)
    for _ in range(CURVATURE_EVERY):
        pull = _pull(task, Weights(inner, outer).coefficients())
        largest = np.abs(pull).max(axis=(1, 2))
        size = np.minimum(stable, LONGEST_MOVE / np.maximum(largest, np.finfo(float).tiny))
        move = SIGNS * (size[:, None, None] * pull)[:, :, None]
        inner, outer = inner + (move * outer).sum(axis=1), outer + move * inner[:, None]
    return Weights(inner, outer)


def _pull(task: Task, coefficients: np.ndarray) -> np.ndarray:
    """(networks, tasks, dimensions) minus the gradient of the loss by the coefficients."""
    residual = task.targets - predictions(task.inputs, coefficients[:, 0])
    main = np.matmul(residual[:, None], task.inputs) / task.counts[:, None, None]
    if task.auxiliary is None:
        return main
    return np.concatenate([main, (task.auxiliary - coefficients[:, 1])[:, None]], axis=1)


def _largest_curvature(task: Task, weights: Weights) -> np.ndarray:
    """(networks,) largest eigenvalue of the tangent kernel over the number of samples.

    With an auxiliary task it is an upper bound.
    """
    squares = (weights.inner[:, None] ** 2 + weights.outer**2).sum(axis=2)
    kernel = np.matmul(task.inputs * squares[:, :1], task.inputs.transpose(0, 2, 1))
    main = np.linalg.eigvalsh(kernel)[:, -1] / task.counts
    return main if task.auxiliary is None else main + squares[:, 1].max(axis=1)
