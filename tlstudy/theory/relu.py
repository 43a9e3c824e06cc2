"""Two-layer ReLU networks, trained by gradient descent: f(x) = sum over units of v_h <w_h, x>_+.

With several tasks each has output weights of its own and all share the units' input weights. Many
networks are trained at once, each on its own data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch

STEPS_BETWEEN_LOOKS = 25
INTERPOLATES = 1e-2  # norm of the residuals over that of the targets


@dataclass(frozen=True)
class Data:
    """Training samples of one task for many networks.

    Attributes:
        inputs: (networks, samples, dimensions).
        targets: (networks, samples).
    """

    inputs: torch.Tensor
    targets: torch.Tensor

    def of(self, chosen: torch.Tensor) -> Self:
        """The chosen networks' part."""
        return type(self)(self.inputs[chosen], self.targets[chosen])


@dataclass(frozen=True)
class Weights:
    """Weights of many networks.

    Attributes:
        inner: (networks, units, dimensions) input weights w.
        outer: (networks, tasks, units) output weights v; the main task is the first.
    """

    inner: torch.Tensor
    outer: torch.Tensor

    def of(self, chosen: torch.Tensor) -> Self:
        """The chosen networks' part."""
        return type(self)(self.inner[chosen], self.outer[chosen])

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
    """Gradient descent on half the mean squared errors' sum, until a network interpolates.

    The learning rate is one over the mean squared norm of the outputs' gradients, a bound of the
    curvature's largest eigenvalue, so that descent neither overshoots nor keeps far from gradient
    flow. A network that does not interpolate after most_steps is left where it is.
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
    """(networks,) norm of the residuals over that of the targets, the worst task's."""
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
    """Minus the gradients by input and output weights, and the bound of the curvature."""
    samples = data.targets.shape[1]
    activations = torch.relu(data.inputs @ inner.mT)
    residual = (data.targets - _weighted(activations, outer)) / samples
    on = (activations > 0).to(inner.dtype)
    to_inner = (residual[:, :, None] * on * outer[:, None]).mT @ data.inputs
    to_outer = (residual[:, None] @ activations)[:, 0]
    lengths = (data.inputs**2).sum(dim=2)
    bound = (activations**2).sum(dim=2) + lengths * _weighted(on, outer**2)
    return to_inner, to_outer, bound.mean(dim=1)
