"""Diagonal networks: gradient descent, and the optima that it is held against."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from tlstudy.theory import diagonal_experiment, diagonal_networks
from tlstudy.theory.diagonal_networks import Task, Weights, descend, even_start, residuals
from tlstudy.theory.diagonal_optima import (
    LEAST_CHANGE,
    LEAST_PENALTY,
    least_solution,
    least_squared_change,
)
from tlstudy.theory.penalty import diagonal_penalty

GENERATOR = np.random.default_rng(7)
INPUTS, TARGETS = GENERATOR.normal(size=(3, 7)), GENERATOR.normal(size=3)
INNER, GAMMA = np.abs(GENERATOR.normal(size=7)), 0.4
SIZES = INNER**2 + GAMMA**2


def task_of(inputs, targets, auxiliary=None) -> Task:
    return Task(inputs[None], targets[None], np.array([len(targets)]), auxiliary)


def test_least_penalty_is_the_one_that_slsqp_finds():
    found = minimize(
        lambda b: diagonal_penalty(b, INNER**2, GAMMA).sum(),
        np.linalg.lstsq(INPUTS, TARGETS, rcond=None)[0],
        method="SLSQP",
        constraints={"type": "eq", "fun": lambda b: INPUTS @ b - TARGETS},
        options={"ftol": 1e-14, "maxiter": 500},
    )
    multipliers = least_solution(LEAST_PENALTY, INPUTS, TARGETS, SIZES)
    np.testing.assert_allclose(SIZES * LEAST_PENALTY.coefficients(multipliers), found.x, atol=1e-6)


def test_least_change_is_the_least_that_slsqp_finds_over_all_weights():
    start = np.concatenate([INNER, INNER, np.full(14, GAMMA)])

    def violation(weights):
        inner, outer = weights[:14].reshape(2, 7), weights[14:].reshape(2, 7)
        return INPUTS @ (inner * outer * [[1], [-1]]).sum(axis=0) - TARGETS

    costs = []
    for trial in range(5):
        first = start + trial * np.random.default_rng(trial).normal(size=28) / 2
        result = minimize(
            lambda weights: ((weights - start) ** 2).sum(),
            first,
            method="SLSQP",
            constraints={"type": "eq", "fun": violation},
            options={"ftol": 1e-13, "maxiter": 1000},
        )
        costs += [result.fun] if result.success else []
    multipliers = least_solution(LEAST_CHANGE, INPUTS, TARGETS, SIZES)
    assert np.abs(multipliers).max() < 1
    assert least_squared_change(multipliers, SIZES) == pytest.approx(min(costs), rel=1e-6)


@pytest.mark.parametrize("criterion", [LEAST_PENALTY, LEAST_CHANGE])
def test_slope_and_integral_are_those_of_the_coefficients(criterion):
    points, step = np.linspace(-0.8, 0.8, 9), 1e-6

    def slope(function):
        return (function(points + step) - function(points - step)) / (2 * step)

    np.testing.assert_allclose(criterion.slope(points), slope(criterion.coefficients), rtol=1e-7)
    found = criterion.coefficients(points)
    np.testing.assert_allclose(found, slope(criterion.integral), rtol=1e-7, atol=1e-9)


def test_solutions_interpolate_even_from_tiny_sizes():
    sizes = np.full(7, 1e-8)
    for criterion in (LEAST_PENALTY, LEAST_CHANGE):
        found = sizes * criterion.coefficients(least_solution(criterion, INPUTS, TARGETS, sizes))
        np.testing.assert_allclose(INPUTS @ found, TARGETS, rtol=1e-9)


def test_descent_conserves_the_balance_and_ends_at_the_least_penalty(monkeypatch):
    monkeypatch.setattr(diagonal_networks, "INTERPOLATES", 1e-8)
    task, start = task_of(INPUTS, TARGETS), even_start(INNER[None], np.full((1, 7), GAMMA))
    end = descend(task, start)
    assert residuals(task, end)[0] <= 1e-8
    balance = start.inner**2 - start.outer[:, 0] ** 2
    np.testing.assert_allclose(end.inner**2 - end.outer[:, 0] ** 2, balance, atol=0.03)
    multipliers = least_solution(LEAST_PENALTY, INPUTS, TARGETS, SIZES)
    expected = SIZES * LEAST_PENALTY.coefficients(multipliers)
    np.testing.assert_allclose(end.coefficients()[0, 0], expected, atol=0.02)
    # Shorter steps are closer to gradient flow, to first order.
    monkeypatch.setattr(diagonal_networks, "LONGEST_MOVE", diagonal_networks.LONGEST_MOVE / 10)
    monkeypatch.setattr(diagonal_networks, "OF_STABLE", diagonal_networks.OF_STABLE / 10)
    monkeypatch.setattr(diagonal_networks, "MOST_STEPS", 10 * diagonal_networks.MOST_STEPS)
    closer = descend(task, start)
    errors = [np.abs(one.coefficients()[0, 0] - expected).max() for one in (end, closer)]
    assert errors[1] < errors[0] / 5


@pytest.mark.parametrize("outer", [0.0, 1e-4])
def test_training_from_a_tiny_start_leaves_roots_of_the_coefficients(outer):
    """Where Corollary 2 starts: input weights are roots of the coefficients' sizes.

    Each path has half of the coefficient if output weights start at zero; if they start as large
    as the input weights, the path of its sign has all of it.
    """
    generator = np.random.default_rng(3)
    wanted = np.array([1.0, -0.5, 0.25, 0.0, 0.0])
    inputs = generator.normal(size=(50, 5))
    start = even_start(np.full((1, 5), 1e-4), np.full((1, 5), outer))
    end = descend(task_of(inputs, inputs @ wanted), start)
    parts = np.maximum([wanted, -wanted], 0) if outer else np.abs([wanted, wanted]) / 2
    np.testing.assert_allclose(np.abs(end.inner[0]), np.sqrt(parts), atol=0.02)
    np.testing.assert_allclose(np.abs(end.outer[0, 0]), np.sqrt(parts), atol=0.02)


def test_networks_that_are_trained_together_do_not_touch_one_another():
    other = GENERATOR.normal(size=(2, 7))
    together = Task(
        np.stack([INPUTS, np.concatenate([other, np.zeros((1, 7))])]),
        np.stack([TARGETS, [1.0, -1.0, 0.0]]),
        np.array([3, 2]),
    )
    start = even_start(np.stack([INNER, INNER]), np.full((2, 7), GAMMA))
    end = descend(together, start).coefficients()
    for index, (inputs, targets) in enumerate(((INPUTS, TARGETS), (other, np.array([1.0, -1.0])))):
        alone = descend(task_of(inputs, targets), start.of(np.array([index])))
        np.testing.assert_allclose(end[index], alone.coefficients()[0], rtol=1e-10)


def test_both_tasks_are_learnt_at_once():
    auxiliary = np.array([[1.0, 0, 0, -0.5, 0, 0, 0]])
    task = task_of(INPUTS, TARGETS, auxiliary)
    end = descend(task, even_start(np.full((1, 7), 0.1), np.zeros((1, 7)), tasks=2))
    assert residuals(task, end)[0] <= diagonal_networks.INTERPOLATES
    np.testing.assert_allclose(end.coefficients()[0, 1], auxiliary[0], atol=2e-3)


def test_squared_change_counts_every_weight_once():
    start = even_start(np.zeros((1, 7)), np.zeros((1, 7)))
    end = Weights(start.inner + 1, start.outer - 2)
    assert end.squared_change(start)[0] == 14 + 4 * 14


@pytest.fixture(scope="module")
def few():
    one = diagonal_experiment.Condition
    swept = [one(0.0, 10), one(1.0, 10), one(1.0, 15, scale=3.0), one(0.0, 10, gamma=1.0)]
    tasks = diagonal_experiment.Problem(100)
    return pd.DataFrame(diagonal_experiment.fine_tuned_rows(tasks, swept)), swept


def test_no_solution_costs_less_than_its_optimum(few):
    rows, swept = few
    values = rows.set_index(["method", "measure"])["value"]
    for measure, least in (("squared_change", "least-change"), ("penalty", "least-penalty")):
        ratio = values["fine-tuned", measure].to_numpy() / values[least, measure].to_numpy()
        assert len(ratio) == len(swept)
        assert (ratio >= 1 - 1e-9).all()
    # In the lazy regime the two optima are one solution.
    error = values["least-change", "test_error"].to_numpy()[-1]
    assert values["least-penalty", "test_error"].to_numpy()[-1] == pytest.approx(error, rel=0.02)


def test_a_seed_draws_its_own_problem_with_the_share_of_common_coefficients():
    tasks = diagonal_experiment.Problem(100)
    for overlap, auxiliary in tasks.auxiliary.items():
        common = (auxiliary != 0) & (tasks.main != 0)
        assert common.sum() == overlap * diagonal_experiment.MAIN_FEATURES
        assert (auxiliary != 0).sum() == diagonal_experiment.AUXILIARY_FEATURES
        assert np.linalg.norm(auxiliary) == pytest.approx(1)
    again, other = diagonal_experiment.Problem(100), diagonal_experiment.Problem(101)
    np.testing.assert_array_equal(tasks.inputs, again.inputs)
    assert not np.array_equal(tasks.inputs, other.inputs)
