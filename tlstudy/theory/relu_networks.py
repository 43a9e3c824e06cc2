"""Two-layer ReLU networks f(x) = sum_h v_h <w_h, x>_+ and their training by gradient descent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch

from tlstudy.theory.shared import OfManyNetworks

STEPS_BETWEEN_LOOKS = 25
INTERPOLATES = 1e-2  # norm of the residuals over that of the targets


@dataclass(frozen=True)
class Data(OfManyNetworks):
    """Training samples of one task for many networks, which are trained at once.

    Attributes:
        inputs: (networks, samples, dimensions).
        targets: (networks, samples).
    """

    inputs: torch.Tensor
    targets: torch.Tensor


@dataclass(frozen=True)
class Weights(OfManyNetworks):
    """Weights of many networks.

    Attributes:
        inner: (networks, units, dimensions) input weights w, which all tasks share.
        outer: (networks, tasks, units) output weights v; the main task is the first.
    """

    inner: torch.Tensor
    outer: torch.Tensor

    def outputs(self, inputs: torch.Tensor, task: int = 0) -> torch.Tensor:
        """(networks, samples) outputs of a task for inputs (networks, samples, dimensions)."""
        return _weighted(torch.relu(inputs @ self.inner.mT), self.outer[:, task])

    def squared_change(self, start: Self) -> torch.Tensor:
        """(networks,) squared distance of all weights from another state."""
        inner, outer = self.inner - start.inner, self.outer - start.outer
        return (inner**2).sum(dim=(1, 2)) + (outer**2).sum(dim=(1, 2))


def _weighted(activations: torch.Tensor, outer: torch.Tensor) -> torch.Tensor:
    return (activations @ outer[:, :, None])[:, :, 0]


def descend(tasks: Sequence[Data], start: Weights, most_steps: int) -> Weights:
    """Gradient descent on half the sum of the tasks' mean squared errors, close to gradient flow.

    The learning rate is one over the mean squared norm of the outputs' gradients, which is an
    upper bound of the largest eigenvalue of the curvature. A network stops when it interpolates,
    or after most_steps.
    """
    inner, outer = start.inner.clone(), start.outer.clone()
    active = torch.arange(len(inner))
    for _ in range(most_steps // STEPS_BETWEEN_LOOKS):
        weights = Weights(inner, outer)
        left = residuals([task.of(active) for task in tasks], weights.of(active))
        active = active[left > INTERPOLATES]
        if not len(active):
            break
        moved = _some_steps([task.of(active) for task in tasks], weights.of(active))
        inner[active], outer[active] = moved.inner, moved.outer
    return Weights(inner, outer)


def residuals(tasks: Sequence[Data], weights: Weights) -> torch.Tensor:
    """(networks,) norm of the residuals over that of the targets, for the worst task."""
    shares = [
        torch.linalg.norm(data.targets - weights.outputs(data.inputs, task), dim=1)
        / torch.linalg.norm(data.targets, dim=1)
        for task, data in enumerate(tasks)
    ]
    return torch.stack(shares).amax(dim=0)


def _some_steps(tasks: Sequence[Data], weights: Weights) -> Weights:
    inner, outer = weights.inner, weights.outer
    for _ in range(STEPS_BETWEEN_LOOKS):
        to_inner, to_outer, curvature = torch.zeros_like(inner), torch.zeros_like(outer), 0.0
        for task, data in enumerate(tasks):
            one, to_outer[:, task], bound = pull(data, inner, outer[:, task])
            to_inner, curvature = to_inner + one, curvature + bound
        rate = (1 / curvature)[:, None, None]
        inner, outer = inner + rate * to_inner, outer + rate * to_outer
    return Weights(inner, outer)


def pull(data: Data, inner: torch.Tensor, outer: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Minus the gradients of a task's loss by input and output weights, and the bound of its
    curvature: (networks, units, dimensions), (networks, units) and (networks,)."""
    samples = data.targets.shape[1]
    activations = torch.relu(data.inputs @ inner.mT)
    residual = (data.targets - _weighted(activations, outer)) / samples
    on = (activations > 0).to(inner.dtype)
    to_inner = (residual[:, :, None] * on * outer[:, None]).mT @ data.inputs
    to_outer = (residual[:, None] @ activations)[:, 0]
    lengths = (data.inputs**2).sum(dim=2)
    bound = (activations**2).sum(dim=2) + lengths * _weighted(on, outer**2)
    return to_inner, to_outer, bound.mean(dim=1)
