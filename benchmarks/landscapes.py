"""Loss grids and principal planes: the plain way's and ours, the same numbers from both."""

from collections.abc import Callable

import numpy as np
import torch

from benchmarks import plain
from benchmarks.work import SEED, Work
from tlstudy.measures.planes import grid_axis, loss_grid, random_plane
from tlstudy.networks.device import keep_freed_memory, make_deterministic
from tlstudy.networks.evaluation import training_mode_loss
from tlstudy.networks.inputs import Inputs, resize
from tlstudy.networks.trajectory import Trajectory, principal_plane

RADIUS = 0.1  # of the filters' norms


def plain_grid(work: Work) -> Callable[[], dict]:
    """The grid through flat NumPy vectors."""
    device = work.torch_device()
    model = plain.network(work.architecture, work.network().state_dict()).to(device)
    directions = [
        np.concatenate([part.cpu().numpy().ravel() for part in direction])
        for direction in random_plane(list(model.parameters()), SEED)
    ]
    images, labels = next(iter(plain.loader(_digits(work))))
    images, labels = images.to(device), labels.to(device)
    axis = grid_axis(RADIUS, work.grid)
    return lambda: {"losses": plain.landscape(model, directions, axis, images, labels)}


def our_grid(work: Work) -> Callable[[], dict]:
    """The package's grid."""
    network, batches = _prepared(work)
    directions = random_plane(list(network.parameters()), SEED)
    axis = grid_axis(RADIUS, work.grid)
    return lambda: {"losses": loss_grid(network, directions, axis, batches, "softmax")}


def forward_passes(work: Work) -> Callable[[], dict]:
    """As many losses of the same images, the weights left as they are: what a grid must cost."""
    network, batches = _prepared(work)

    def once() -> dict:
        losses = [training_mode_loss(network, batches, "softmax") for _ in range(work.grid**2)]
        return {"losses": torch.stack(losses).cpu().numpy()}

    return once


def plain_plane(work: Work) -> Callable[[], dict]:
    """Principal components by scikit-learn, the path as one array."""
    path = path_of_weights(work)
    return lambda: plain.principal_components(path)


def our_plane(work: Work) -> Callable[[], dict]:
    """Principal plane from the Gram matrix."""
    path = [torch.from_numpy(point) for point in path_of_weights(work)]
    trajectory = Trajectory(path[0], len(path) - 1)
    for point in path[1:]:
        trajectory.append(point)

    def once() -> dict:
        plane = principal_plane(trajectory.gram())
        directions = trajectory.combine(plane.coefficients)
        return {
            "explained": plane.explained_variance[:2],
            "coordinates": plane.path,
            "length": directions.double().norm(dim=1).numpy(),
        }

    return once


def difference_of_grids(losses: np.ndarray, others: np.ndarray) -> float:
    """Largest difference between two grids, as a share of the relief."""
    return float(np.abs(losses - others).max() / np.ptp(others))


def difference_of_planes(plane: dict, other: dict) -> float:
    """Largest difference in shares of variance, and in coordinates over the path's extent.

    The sign of an axis is arbitrary, and so is the origin.
    """
    shares = np.abs(plane["explained"] - other["explained"]).max()
    one, two = (each["coordinates"] - each["coordinates"].mean(axis=0) for each in (plane, other))
    signs = np.sign((one * two).sum(axis=0))
    return float(max(shares, np.abs(one * signs - two).max() / np.ptp(two)))


def _digits(work: Work) -> plain.Digits:
    train, labels, _, _ = work.digits()
    return plain.Digits(train, labels, work.side)


def _prepared(work: Work):
    make_deterministic(work.threads)
    keep_freed_memory()
    device = work.torch_device()
    network = work.network().to(device, memory_format=torch.channels_last)
    train, labels, _, _ = work.digits()
    inputs = Inputs("none", None, device)(resize(train, work.side, device))
    return network, [(inputs, torch.from_numpy(labels).to(device))]


def path_of_weights(work: Work) -> list[np.ndarray]:
    """A path as training leaves it: from the start, steps with a drift and a random part."""
    work.torch_device()
    generator = np.random.default_rng(SEED)
    start = plain.flat(plain.weights_of(work.network()))
    drift, point, path = generator.normal(size=start.size, scale=1e-3), start, [start]
    for _ in range(work.path_points - 1):
        step = 0.5 * drift + generator.normal(size=start.size, scale=1e-3)
        point = (point + step).astype(np.float32)
        path.append(point)
    return path
