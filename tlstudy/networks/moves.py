"""How far the weights of a network move: rows for epochs and layers, and the path of all."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from tlstudy.config.training import Training
from tlstudy.networks.geometry import changes, moments, predicted_adam_displacement
from tlstudy.networks.trajectory import Trajectory

ADAPTIVE = ("adam", "adamw")  # their steps are of the learning rate's size, whatever the gradient's


class Moves:
    """Follows weights from their start.

    Args:
        weights: tensors that are looked at after every epoch.
        kinds: of these tensors by name, in their order.
        epochs: most of them.

    Attributes:
        start, previous: copies of the weights at the start, and after the last epoch.
        trajectory: their path.
    """

    def __init__(self, weights: Sequence[torch.Tensor], kinds: Mapping[str, str], epochs: int):
        self.weights, self.kinds = weights, kinds
        self.start = self.previous = copies(weights)
        self.trajectory = Trajectory(flat(weights), epochs)

    def after_epoch(self, epoch: int, predicted: np.ndarray) -> tuple[list[dict], dict]:
        """A row for every layer, and the columns of the whole network.

        Args:
            predicted: (tensors,) see `predicted_displacement`.
        """
        from_start = moments(self.start, self.weights)
        from_previous = moments(self.previous, self.weights)
        per_layer = _change_columns(from_start, from_previous)
        rows = [
            {
                "epoch": epoch,
                "layer": name,
                "layer_index": index,
                "kind": kind,
                "parameters": self.weights[index].numel(),
                **{column: values[index] for column, values in per_layer.items()},
                "predicted_displacement": predicted[index],
            }
            for index, (name, kind) in enumerate(self.kinds.items())
        ]
        self.previous = copies(self.weights)
        self.trajectory.append(flat(self.weights))
        return rows, _change_columns(from_start.sum(axis=0), from_previous.sum(axis=0))


def predicted_displacement(
    training: Training,
    before: Sequence[torch.Tensor],
    rate_factors: Sequence[float],
    full_steps: float,
    shares: np.ndarray,
) -> np.ndarray:
    """(tensors,) displacement in an epoch if Adam's step size alone decided it.

    NaN where the theory does not hold, 0 for what is not trained.

    Args:
        before: the weights before the epoch.
        rate_factors: learning rate of each tensor over the optimiser's.
        full_steps: steps of the epoch, each counted by its share of the learning rate.
        shares: (tensors,) share of each tensor's weights that is trained.
    """
    if training.optimiser_holds == "another-network":
        return np.zeros(len(before))
    moving = shares > 0
    if training.optimiser.name not in ADAPTIVE or training.weight_average is not None:
        return np.where(moving, np.nan, 0.0)
    rates = training.optimiser.learning_rate * np.array(rate_factors)
    predicted = predicted_adam_displacement(before, rates, full_steps)
    return np.where(moving, predicted * np.sqrt(np.where(moving, shares, 1.0)), 0.0)


def flat(weights: Sequence[torch.Tensor]) -> torch.Tensor:
    """All weights in one vector on their device."""
    return torch.cat([weight.detach().flatten() for weight in weights])


def copies(weights: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    return [weight.detach().clone() for weight in weights]


def _change_columns(from_start: np.ndarray, from_previous: np.ndarray) -> dict[str, np.ndarray]:
    start, previous = changes(from_start), changes(from_previous)
    columns = {"norm": start["norm"]}
    for name in ("displacement", "norm_change", "angle"):
        columns[f"{name}_from_start"] = start[name]
        columns[f"{name}_from_previous"] = previous[name]
    return columns
