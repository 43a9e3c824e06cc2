"""Principal planes against singular values in float64, and the random-walk null."""

import numpy as np
import pytest
import torch

from tlstudy.networks.trajectory import Trajectory, principal_plane


def walk(points: int, weights: int, seed: int = 0) -> tuple[Trajectory, np.ndarray]:
    """A random walk on a large offset, as trajectory and as exact float64 rows."""
    generator = torch.Generator().manual_seed(seed)
    position = 100 + torch.randn(weights, generator=generator)
    start = position.double()
    trajectory, rows = Trajectory(position, points - 1), [torch.zeros(weights).double()]
    for _ in range(points - 1):
        position = position + 0.01 * torch.randn(weights, generator=generator)
        trajectory.append(position)
        rows.append(position.double() - start)
    return trajectory, torch.stack(rows).numpy()


def test_plane_agrees_with_singular_values_in_float64():
    trajectory, rows = walk(12, 5000)
    plane = principal_plane(trajectory.gram())
    centred = rows - rows.mean(axis=0)
    left, values, right = np.linalg.svd(centred, full_matrices=False)
    shares = values**2 / (values**2).sum()
    np.testing.assert_allclose(plane.explained_variance, shares[: plane.rank], rtol=1e-6)
    directions = trajectory.combine(plane.coefficients).double().numpy()
    np.testing.assert_allclose(np.abs((directions * right[:2]).sum(axis=1)), 1, rtol=1e-6)
    coordinates = left[:, :2] * values[:2]
    expected = np.abs(coordinates - coordinates[-1])
    np.testing.assert_allclose(np.abs(plane.path), expected, rtol=1e-5, atol=1e-7)


def test_path_is_where_the_directions_say_and_the_rest_lies_off_the_plane():
    trajectory, rows = walk(9, 3000)
    plane = principal_plane(trajectory.gram())
    directions = trajectory.combine(plane.coefficients).double().numpy()
    np.testing.assert_allclose(plane.path, (rows - rows[-1]) @ directions.T, rtol=1e-4, atol=1e-6)
    whole = np.linalg.norm(rows - rows[-1], axis=1)
    parts = np.hypot(np.linalg.norm(plane.path, axis=1), plane.off_plane)
    np.testing.assert_allclose(parts, whole, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize(("factors", "rank"), [((0, 0, 0, 0), 0), ((0.25, 0.5, 0.75, 1.0), 1)])
def test_weights_that_never_move_have_rank_zero_and_a_straight_line_has_rank_one(factors, rank):
    step, trajectory = torch.randn(1000), Trajectory(torch.zeros(1000), 4)
    for factor in factors:  # exact in float32
        trajectory.append(factor * step)
    plane = principal_plane(trajectory.gram())
    assert plane.rank == rank
    assert plane.coefficients.shape == (rank, 5)


def test_anchoring_keeps_what_float32_products_of_weights_would_lose():
    # steps of 1e-4 on weights of 100: products of the weights themselves cannot see them
    trajectory, rows = walk(6, 4000)
    np.testing.assert_allclose(trajectory.gram(), rows @ rows.T, rtol=1e-5)


def test_weights_after_an_epoch_are_those_that_were_added():
    start = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    trajectory, added = Trajectory(start, 3), [start]
    for step in (0.1, -0.2, 0.05):
        added.append(added[-1] + step)
        trajectory.append(added[-1])
    for epoch, weights in enumerate(added):
        torch.testing.assert_close(trajectory.weights_after(epoch), weights, rtol=2e-7, atol=1e-7)
