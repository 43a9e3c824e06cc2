"""The path of a run through weight space, and its principal plane."""

from dataclasses import dataclass

import numpy as np
import torch

CHUNK = 1 << 16  # weights at a time in float64: 31 epochs take 16 MB, which stays in cache
# Axes with less than this share of the variance are rounding: rows are float32 differences,
# good to 6e-8 each, so their squares are good to about 1e-14.
RANK_TOLERANCE = 1e-12


class Trajectory:
    """Rows theta_t - theta_0, subtracted in float64 and kept in float32; (epochs + 1) x weights.

    The rows are in the processor's memory; what is computed is computed on the start's device.
    """

    def __init__(self, start: torch.Tensor, epochs: int):
        self.start = start
        self._rows = torch.zeros(epochs + 1, start.numel())
        self._filled = 1  # row 0 is the start itself

    def append(self, weights: torch.Tensor) -> None:
        """Add the flat float32 weights after an epoch."""
        for part in _chunks(len(self.start)):
            step = weights[part].double() - self.start[part].double()
            self._rows[self._filled, part] = step.float()
        self._filled += 1

    def rows_after(self, epoch: int) -> torch.Tensor:
        """(epochs since, weights) float32 rows of the epochs after one, 0 for the start."""
        return self._rows[epoch + 1 : self._filled]

    def append_rows(self, rows: torch.Tensor) -> None:
        """Add rows that `rows_after` gave."""
        self._rows[self._filled : self._filled + len(rows)] = rows
        self._filled += len(rows)

    def cut_after(self, epoch: int) -> None:
        """Forget the rows of later epochs."""
        self._filled = min(self._filled, epoch + 1)

    def weights_after(self, epoch: int) -> torch.Tensor:
        """Flat float32 weights after an epoch, 0 for the start, to float32 rounding."""
        return (self.start.double() + self._on_device(self._rows[epoch])).float()

    def gram(self) -> np.ndarray:
        """(T, T) float64 products of the rows."""
        rows = self._rows[: self._filled]
        total = torch.zeros(len(rows), len(rows), dtype=torch.float64, device=self.start.device)
        for part in _chunks(rows.shape[1]):
            block = self._on_device(rows[:, part])
            total += block @ block.T
        return total.cpu().numpy()

    def combine(self, coefficients: np.ndarray) -> torch.Tensor:
        """(k, weights) float32 combinations of the rows; coefficients are (k, T)."""
        rows = self._rows[: self._filled]
        factors = self._on_device(torch.from_numpy(coefficients))
        combined = torch.empty(len(coefficients), rows.shape[1])
        for part in _chunks(rows.shape[1]):
            combined[:, part] = (factors @ self._on_device(rows[:, part])).float()
        return combined

    def _on_device(self, values: torch.Tensor) -> torch.Tensor:
        return values.to(self.start.device).double()


def _chunks(length: int) -> list[slice]:
    return [slice(first, first + CHUNK) for first in range(0, length, CHUNK)]


@dataclass(frozen=True)
class PrincipalPlane:
    """Principal components of a trajectory of T points, from its Gram matrix.

    Attributes:
        rank: number of axes above rounding.
        explained_variance: (rank,) shares, descending.
        coefficients: (min(rank, 2), T) factors that turn the rows into unit directions.
        path: (T, min(rank, 2)) coordinates of the points, the last at the origin.
        off_plane: (T,) distances of the points from the plane through the last.
    """

    rank: int
    explained_variance: np.ndarray
    coefficients: np.ndarray
    path: np.ndarray
    off_plane: np.ndarray


def principal_plane(gram: np.ndarray) -> PrincipalPlane:
    """Principal components by eigenvectors of the double-centred Gram matrix (T, T)."""
    points = len(gram)
    centring = np.eye(points) - 1 / points
    values, vectors = np.linalg.eigh(centring @ gram @ centring)
    values, vectors = values[::-1], vectors[:, ::-1]
    total = values.clip(0).sum()
    rank = int((values > RANK_TOLERANCE * total).sum()) if total > 0 else 0
    axes = min(rank, 2)
    scale = np.sqrt(values[:axes])
    path = vectors[:, :axes] * scale
    # The sign of an eigenvector is arbitrary: let the path end on the positive side.
    signs = np.where(path[-1] < path[0], -1.0, 1.0) if axes else np.ones(0)
    path = (path - path[-1]) * signs
    squared = np.diag(gram) + gram[-1, -1] - 2 * gram[-1]
    return PrincipalPlane(
        rank=rank,
        explained_variance=values[:rank] / total if rank else np.zeros(0),
        coefficients=(vectors[:, :axes] * signs / scale).T,
        path=path,
        off_plane=np.sqrt((squared - (path**2).sum(axis=1)).clip(0)),
    )


def unflatten(vector: torch.Tensor, weights: list[torch.Tensor]) -> list[torch.Tensor]:
    """Split a flat vector into tensors of the weights' shapes, devices and memory layout."""
    parts = vector.split([weight.numel() for weight in weights])
    return [
        torch.empty_like(weight).copy_(part.view(weight.shape))
        for part, weight in zip(parts, weights, strict=True)
    ]
