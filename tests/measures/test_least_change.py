"""The least change that meets a loss, against solvers that know nothing of gradients' paths."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from tiny import tiny_run

from tlstudy.measures.least_change import (
    NEAR_ENOUGH,
    gradient_descent_to,
    least_change_to,
    loss_and_gradient,
)
from tlstudy.networks.evaluation import training_mode_loss
from tlstudy.networks.trainer import training_batches

LEVEL = 0.3


def problem(seed: int):
    """Logistic regression with as few points as make many solutions: loss and gradient."""
    generator = np.random.default_rng(seed)
    points = torch.from_numpy(generator.normal(size=(6, 8)) * np.geomspace(0.3, 3, 8))
    labels = torch.from_numpy(generator.integers(0, 2, 6) * 2.0 - 1)

    def evaluate(vector: torch.Tensor) -> tuple[float, torch.Tensor]:
        vector = vector.clone().requires_grad_()
        loss = torch.nn.functional.softplus(-labels * (points @ vector).tanh() * 3).mean()
        loss.backward()
        return float(loss.detach()), vector.grad

    return evaluate, torch.from_numpy(generator.normal(size=8) * 0.1)


def least_by_scipy(evaluate, start: torch.Tensor, loss: float) -> float:
    """Distance of the nearest vector with at most that loss, from several beginnings."""

    def excess(vector):
        return loss - evaluate(torch.from_numpy(vector))[0]

    distances = []
    for seed in range(10):
        begin = start.numpy() + np.random.default_rng(seed).normal(0, 0.3, len(start))
        found = minimize(
            lambda vector: ((vector - start.numpy()) ** 2).sum(),
            begin,
            jac=lambda vector: 2 * (vector - start.numpy()),
            constraints={
                "type": "ineq",
                "fun": excess,
                "jac": lambda vector: -evaluate(torch.from_numpy(vector))[1].numpy(),
            },
            method="SLSQP",
            options={"maxiter": 2000, "ftol": 1e-12},
        )
        if excess(found.x) >= -1e-6:
            distances.append(float(np.sqrt(found.fun)))
    return min(distances)


@pytest.mark.parametrize("seed", range(4))
def test_descent_meets_the_loss_and_the_search_finds_the_nearest_weights(seed):
    evaluate, start = problem(seed)
    assert gradient_descent_to(evaluate, start, LEVEL, 3) is None  # too few evaluations
    descent = gradient_descent_to(evaluate, start, LEVEL, 500)
    assert abs(descent.loss - LEVEL) <= NEAR_ENOUGH * LEVEL
    assert evaluate(descent.vector)[0] == descent.loss
    found = least_change_to(evaluate, start, descent, LEVEL, 300)
    assert abs(found.loss - LEVEL) <= NEAR_ENOUGH * LEVEL
    assert descent.evaluations <= found.evaluations <= descent.evaluations + 300
    distance = float((found.vector - start).norm())
    assert distance <= float((descent.vector - start).norm())
    assert distance == pytest.approx(least_by_scipy(evaluate, start, found.loss), rel=0.02)


def test_where_the_gradient_never_turns_descent_is_the_least_change():
    def evaluate(vector: torch.Tensor) -> tuple[float, torch.Tensor]:
        return float(vector @ vector), 2 * vector

    start = torch.ones(5, dtype=torch.float64)
    descent = gradient_descent_to(evaluate, start, 1.0, 200)
    assert descent.across < 1e-6
    found = least_change_to(evaluate, start, descent, 1.0, 50)
    assert found is descent
    assert float((start - found.vector).norm()) == pytest.approx(5**0.5 - 1, rel=0.02)


def test_no_way_leads_from_a_start_that_meets_the_loss():
    def evaluate(vector: torch.Tensor) -> tuple[float, torch.Tensor]:
        return float(vector @ vector), 2 * vector

    start = torch.ones(4, dtype=torch.float64)
    for level in (4.0, 4 / (1 + NEAR_ENOUGH / 2), 5.0):
        assert gradient_descent_to(evaluate, start, level, 200) is None


def test_loss_and_gradient_are_those_of_training_and_leave_running_statistics_alone():
    trainer = tiny_run(epochs=1, batch_size=8)[0]
    batches = training_batches(trainer.training, trainer.images, trainer.device)
    assert len(batches) > 1
    before = {name: value.clone() for name, value in trainer.network.named_buffers()}
    vector = trainer.flat_weights()
    evaluate = loss_and_gradient(trainer.network, batches, "logits")
    loss, gradient = evaluate(vector)
    assert loss == pytest.approx(
        float(training_mode_loss(trainer.network, batches, "logits")), rel=1e-6
    )
    direction = torch.randn(len(vector), generator=torch.Generator().manual_seed(0))
    direction /= direction.norm()
    step = 1e-2
    slope = (evaluate(vector + step * direction)[0] - evaluate(vector - step * direction)[0]) / (
        2 * step
    )
    assert slope == pytest.approx(float(gradient @ direction), rel=0.05, abs=1e-3)
    for name, value in trainer.network.named_buffers():
        assert torch.equal(value, before[name])
