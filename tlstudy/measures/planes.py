"""Training loss over planes through a run's final weights."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from tlstudy.networks.evaluation import training_mode_loss
from tlstudy.storage.durations import with_time_left
from tlstudy.storage.randomness import Stream, derived_seed


def filter_norms(weight: torch.Tensor) -> torch.Tensor:
    """Norm of each filter, along the first dimension: (filters, 1, ...) for (filters, ...)."""
    return weight.flatten(1).norm(dim=1).view((-1,) + (1,) * (weight.dim() - 1))


def filter_normalised_direction(
    weights: list[torch.Tensor], generator: torch.Generator
) -> list[torch.Tensor]:
    """A Gaussian direction, each filter scaled to the norm of the network's.

    One-dimensional tensors (biases, BatchNorm) get zeros. Li et al. 2018, "Visualizing the loss
    landscape of neural nets", section 4.
    """
    direction = []
    for weight in weights:
        draw = torch.randn(weight.shape, generator=generator)
        if weight.dim() < 2:
            direction.append(torch.zeros_like(weight))
            continue
        draw *= filter_norms(weight.detach().cpu()) / filter_norms(draw)
        direction.append(torch.empty_like(weight).copy_(draw))  # as the weight lies in memory
    return direction


def random_plane(weights: list[torch.Tensor], seed: int) -> list[list[torch.Tensor]]:
    """Two filter-normalised random directions; arms with the same seed share the draws."""
    generator = torch.Generator().manual_seed(derived_seed(seed, Stream.LANDSCAPE))
    return [filter_normalised_direction(weights, generator) for _ in range(2)]


def grid_axis(radius: float, points: int) -> np.ndarray:
    """(points,) positions from -radius to radius; the middle one is exactly 0."""
    half = points // 2
    return radius * np.arange(-half, half + 1) / half


@torch.no_grad()
def loss_grid(
    network: nn.Module,
    directions: Sequence[list[torch.Tensor]],
    axis: np.ndarray,
    batches: list[tuple[torch.Tensor, torch.Tensor]],
    head: str,
) -> np.ndarray:
    """(points, points) losses; rows follow the second direction, columns the first.

    BatchNorm uses each batch's own statistics at every point, so that the centre is the loss
    that training saw (flaw F6), and everything is float32: a relief can be as small as bfloat16's
    rounding. Every point is written from the final weights anew, so errors do
    not add up; the network holds the final weights again afterwards.
    """
    weights = [weight.data for weight in network.parameters()]
    centre = [weight.clone() for weight in weights]
    losses = []
    for second in with_time_left(axis, "row"):
        row = torch._foreach_add(centre, directions[1], alpha=float(second))
        for first in axis:
            torch._foreach_copy_(weights, row)
            torch._foreach_add_(weights, directions[0], alpha=float(first))
            losses.append(training_mode_loss(network, batches, head))
    torch._foreach_copy_(weights, centre)
    return torch.stack(losses).cpu().numpy().reshape(len(axis), len(axis))
