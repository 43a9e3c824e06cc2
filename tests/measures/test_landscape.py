"""Landscapes: centre, directions, no accumulation."""

import numpy as np
import pytest
import torch
from tiny import tiny_run

from tlstudy.measures.planes import filter_normalised_direction, grid_axis, loss_grid, random_plane
from tlstudy.networks.evaluation import training_mode_loss
from tlstudy.networks.trajectory import principal_plane, unflatten


@pytest.fixture(scope="module")
def run():
    return tiny_run(epochs=5)


@pytest.fixture(scope="module")
def plane(run):
    trainer = run[0]
    coefficients = principal_plane(trainer.moves.trajectory.gram()).coefficients
    vectors = trainer.moves.trajectory.combine(coefficients)
    return tuple(unflatten(vector, trainer.weights) for vector in vectors)


def grid(trainer, directions, axis):
    return loss_grid(trainer.network, directions, axis, trainer.fixed_batches(), "logits")


def test_centre_is_the_checkpoints_loss(run, plane):
    trainer, outcome = run
    losses = grid(trainer, plane, grid_axis(1.0, 3))
    assert losses[1, 1] == outcome.checkpoint_train_loss


def test_every_point_is_the_loss_at_weights_written_out(run, plane):
    trainer = run[0]
    axis, weights = grid_axis(0.5, 3), [weight.detach().clone() for weight in trainer.weights]
    losses = grid(trainer, plane, axis)
    assert all(map(torch.equal, trainer.weights, weights))
    for row, second in enumerate(axis):
        for column, first in enumerate(axis):
            with torch.no_grad():
                for weight, centre, d1, d2 in zip(trainer.weights, weights, *plane, strict=True):
                    weight.copy_(centre.double() + first * d1.double() + second * d2.double())
            expected = training_mode_loss(trainer.network, trainer.fixed_batches(), "logits")
            assert losses[row, column] == pytest.approx(float(expected), rel=1e-4)
    with torch.no_grad():
        torch._foreach_copy_(trainer.weights, weights)


def test_random_directions_are_normalised_filter_by_filter(run):
    weights = run[0].weights
    for direction in random_plane(weights, 26):
        for weight, part in zip(weights, direction, strict=True):
            if weight.dim() == 1:
                assert not part.any()
            else:
                torch.testing.assert_close(
                    part.flatten(1).norm(dim=1), weight.detach().flatten(1).norm(dim=1)
                )


def test_arms_of_a_seed_share_the_draws_of_the_random_plane():
    shape = (4, 3, 3, 3)
    small, large = torch.ones(shape), 5 * torch.ones(shape)
    first = filter_normalised_direction([small], torch.Generator().manual_seed(1))[0]
    second = filter_normalised_direction([large], torch.Generator().manual_seed(1))[0]
    torch.testing.assert_close(5 * first, second)


def test_axis_has_its_centre_at_exactly_zero():
    axis = grid_axis(0.3, 21)
    assert axis[10] == 0
    assert axis[0] == -axis[-1] == pytest.approx(-0.3)
    np.testing.assert_allclose(np.diff(axis), 0.03)
