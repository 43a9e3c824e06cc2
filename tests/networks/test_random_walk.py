"""The variance of random walks along their principal axes."""

import json

import numpy as np
import pytest

from tlstudy.networks.random_walk import walk_shares
from tlstudy.networks.trajectory import principal_plane


def exact(points: int) -> np.ndarray:
    """Shares of a walk in very many dimensions: its Gram matrix is min(i, j), centred."""
    steps = np.arange(points)
    centring = np.eye(points) - 1 / points
    values = np.linalg.eigvalsh(centring @ np.minimum.outer(steps, steps) @ centring)[::-1]
    return values / values.sum()


@pytest.mark.parametrize("points", [2, 3, 4, 11, 31, 301])
def test_shares_are_eigenvalues_of_the_walks_gram_matrix(points):
    shares = exact(points)
    np.testing.assert_allclose(walk_shares(points, points - 1), shares[:-1], rtol=1e-9)
    assert walk_shares(points, points)[-1] == 0
    assert walk_shares(points, points - 1).sum() == pytest.approx(1)


@pytest.mark.parametrize("points", [3, 4, 31])
def test_principal_planes_of_random_walks_have_them(points):
    walks = [
        np.cumsum(np.random.default_rng(seed).normal(size=(points, 5000)), axis=0)
        for seed in range(30)
    ]
    shares = [principal_plane(walk @ walk.T).explained_variance[:2] for walk in walks]
    np.testing.assert_allclose(np.mean(shares, axis=0), walk_shares(points, 2), atol=0.004)


def test_long_walks_have_the_shares_of_the_paper():
    assert walk_shares(100_000, 2) == pytest.approx([6 / np.pi**2, 6 / (2 * np.pi) ** 2])


def test_a_run_is_beside_a_walk_as_long_as_its_path(small_results):
    for file in (small_results.folder / "runs").rglob("run.json"):
        trajectory = json.loads(file.read_text())["trajectory"]
        shares = exact(len(trajectory["path"]))
        assert trajectory["random_walk_null"] == pytest.approx(shares[:2].tolist())
