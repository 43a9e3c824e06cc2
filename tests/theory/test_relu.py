"""ReLU networks: descent against autograd, the least change, penalties and measures of units."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.optimize import minimize

from tlstudy.theory import relu_experiment, relu_least_change, relu_networks, teachers
from tlstudy.theory.relu_experiment import (
    Condition,
    alignment,
    features_used,
    unit_penalty,
)
from tlstudy.theory.relu_least_change import least_change
from tlstudy.theory.relu_networks import Data, Weights, descend, pull, residuals


def random_weights(networks=2, units=5, dimensions=3, tasks=1) -> Weights:
    generator = torch.Generator().manual_seed(1)
    inner = torch.randn(networks, units, dimensions, generator=generator, dtype=torch.float64)
    outer = torch.randn(networks, tasks, units, generator=generator, dtype=torch.float64)
    return Weights(inner, outer)


def random_data(networks=2, samples=6, dimensions=3) -> Data:
    generator = torch.Generator().manual_seed(2)
    inputs = torch.randn(networks, samples, dimensions, generator=generator, dtype=torch.float64)
    return Data(inputs, torch.randn(networks, samples, generator=generator, dtype=torch.float64))


def test_pull_is_minus_the_gradient_and_its_bound_holds():
    data, weights = random_data(), random_weights()
    to_inner, to_outer, bound = pull(data, weights.inner, weights.outer[:, 0])
    leaves = [weights.inner.clone().requires_grad_(), weights.outer.clone().requires_grad_()]
    outputs = Weights(*leaves).outputs(data.inputs)
    loss = 0.5 * ((outputs - data.targets) ** 2).mean(dim=1).sum()
    gradients = torch.autograd.grad(loss, leaves, retain_graph=True)
    torch.testing.assert_close(to_inner, -gradients[0])
    torch.testing.assert_close(to_outer, -gradients[1][:, 0])
    for network in range(2):
        rows = []
        for output in outputs[network]:
            parts = torch.autograd.grad(output, leaves, retain_graph=True)
            rows.append(torch.cat([part[network].flatten() for part in parts]))
        kernel = torch.stack(rows) @ torch.stack(rows).T / len(rows)
        assert bound[network] == pytest.approx(float(torch.trace(kernel)))
        assert bound[network] >= torch.linalg.eigvalsh(kernel)[-1]


def test_descent_interpolates_and_nearly_conserves_the_balance_of_units():
    data, start = random_data(dimensions=8), random_weights(units=20, dimensions=8)
    end = descend([data], start, 3000)
    assert (residuals([data], end) <= relu_networks.INTERPOLATES).all()
    before, after = ((w.inner**2).sum(dim=2) - w.outer[:, 0] ** 2 for w in (start, end))
    moved = ((end.inner - start.inner) ** 2).sum()
    assert (after - before).abs().max() < 0.1 * moved


def test_several_tasks_share_the_input_weights():
    main, auxiliary = (random_data(samples=count, dimensions=8) for count in (3, 5))
    start = random_weights(units=40, dimensions=8, tasks=2)
    end = descend([main, auxiliary], start, 3000)
    assert (residuals([main, auxiliary], end) <= relu_networks.INTERPOLATES).all()


def small_problem() -> tuple[Data, Weights]:
    """A unit for each sign and one sample."""
    data = Data(torch.tensor([[[1.0, 0.5]]]).double(), torch.tensor([[1.2]]).double())
    inner = torch.tensor([[[0.8, 0.1], [0.2, 0.9]]]).double()
    return data, Weights(inner, torch.tensor([[[0.1, -0.1]]]).double())


def unrelated_problem() -> tuple[Data, Weights]:
    """Six units with output weights of +-0.03 whose features have nothing to do with the task."""
    signs = torch.tensor([1.0, -1.0]).double().repeat(3)
    start = Weights(random_weights(1, units=6).inner, 0.03 * signs[None, None])
    return random_data(1, samples=3), start


def slsqp_change(data: Data, start: Weights, point: Weights, level: float) -> float:
    """Least squared change of one network's weights, by SciPy, with residuals up to the level."""
    size = start.inner.numel()

    def room(flat: torch.Tensor) -> torch.Tensor:
        inner, outer = flat[:size].view_as(start.inner), flat[size:].view_as(start.outer)
        return level - residuals([data], Weights(inner, outer))[0]

    def flat(one: Weights) -> np.ndarray:
        return torch.cat([one.inner.flatten(), one.outer.flatten()]).numpy()

    result = minimize(
        lambda found: ((found - flat(start)) ** 2).sum(),
        flat(point),
        jac=lambda found: 2 * (found - flat(start)),
        method="SLSQP",
        constraints={
            "type": "ineq",
            "fun": lambda found: float(room(torch.tensor(found))),
            "jac": lambda found: torch.func.grad(room)(torch.tensor(found)).numpy(),
        },
        options={"ftol": 1e-12, "maxiter": 500},
    )
    # Kinks can stop it at the limit of its iterations, a hair beyond.
    assert float(room(torch.tensor(result.x))) >= -level * 0.005
    return result.fun


@pytest.mark.parametrize("problem", [small_problem, unrelated_problem])
def test_least_change_is_what_slsqp_finds_and_less_than_descent_pays(monkeypatch, problem):
    monkeypatch.setattr(relu_networks, "STEPS_BETWEEN_LOOKS", 1)  # ends just below the level
    data, start = problem()
    end = descend([data], start, 3000)
    best = least_change(data, start, [end, start])
    level = float(residuals([data], end))
    assert level <= relu_networks.INTERPOLATES
    least = min(slsqp_change(data, start, point, level) for point in (end, start))
    assert float(residuals([data], best)) <= level
    assert float(best.squared_change(start)) == pytest.approx(least, rel=0.005)
    assert float(end.squared_change(start)) > 1.01 * least


def test_units_cannot_be_had_for_less_than_their_penalty():
    start, end = random_weights(), random_weights(networks=3).of(torch.tensor([2, 1]))
    for network in range(2):
        paid = float(end.squared_change(start)[network])
        assert unit_penalty(end, start, network) <= paid * (1 + 1e-12)


def test_a_unit_that_moved_at_least_cost_pays_its_penalty():
    """One unit, moved along (u - w) = s v, (v - gamma) = s u: stationary by construction."""
    inner, gamma, share = torch.tensor([[[0.6, 0.8]]]).double(), 0.3, 0.25
    start = Weights(inner, torch.full((1, 1, 1), gamma).double())
    u, v = (1 + gamma * share) / (1 - share**2), (gamma + share) / (1 - share**2)
    end = Weights(u * inner, torch.full((1, 1, 1), v).double())
    assert unit_penalty(end, start, 0) == pytest.approx(float(end.squared_change(start)), rel=1e-9)
    assert alignment(end, start, 0) == pytest.approx(1)


def test_features_are_counted_by_direction_and_mass():
    directions = torch.eye(4)[[0, 0, 1, 2]]
    assert features_used(torch.tensor([1.0, 1.0, 2.0, 2.0]), directions) == pytest.approx(3)
    assert features_used(torch.tensor([1.0, 1.0, 2.0, 0.0]), directions) == pytest.approx(2)
    assert features_used(torch.ones(4), torch.eye(4)) == pytest.approx(4)


@pytest.mark.parametrize(("overlap", "cosine"), [(0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (0.0, 0.9)])
def test_features_of_the_main_task_are_related_as_asked(overlap, cosine):
    basis = teachers.orthonormal(torch.Generator().manual_seed(0))
    found = teachers.main_features(basis, 4, overlap, cosine)
    torch.testing.assert_close(torch.linalg.norm(found, dim=1), torch.ones(4))
    nearest = (found @ basis[: teachers.AUXILIARY_FEATURES].T).amax(dim=1).sort().values
    expected = torch.tensor([cosine] * round(4 * (1 - overlap)) + [1.0] * round(4 * overlap))
    torch.testing.assert_close(nearest, expected, atol=1e-5, rtol=0)


def test_a_teacher_has_unit_deviation():
    generator = torch.Generator().manual_seed(0)
    one = teachers.Teacher(teachers.orthonormal(generator)[:4], generator)
    inputs = torch.randn(20_000, teachers.DIMENSIONS, generator=generator)
    assert float(one.outputs(inputs).std()) == pytest.approx(1, abs=0.03)


@pytest.fixture(scope="module")
def few():
    """Rows of few conditions, trained shortly."""
    patch = pytest.MonkeyPatch()
    patch.setattr(relu_experiment, "PRETRAINING_STEPS", 1000)
    patch.setattr(relu_experiment, "STEPS", 1000)
    patch.setattr(relu_least_change, "STEPS", 300)
    tuned = {"overlap": 1.0, "scale": 1.0, "gamma": 0.03}
    swept = [
        Condition("scratch", 32),
        Condition("fine-tuned", 32, **tuned),
        Condition("multi-task", 32, overlap=1.0),
    ]
    found = [pd.DataFrame(relu_experiment.rows(100, swept)) for _ in range(2)]
    patch.undo()
    return found


def test_the_same_seed_gives_the_same_rows(few):
    pd.testing.assert_frame_equal(*few)


def test_rows_say_what_was_paid_and_what_was_reused(few):
    values = few[0].set_index(["method", "measure"])["value"]
    assert values["fine-tuned", "test_error"] < values["scratch", "test_error"]
    assert values["fine-tuned", "reused_mass"] > values["scratch", "reused_mass"] == 0
    assert values["fine-tuned", "penalty"] <= values["fine-tuned", "squared_change"]
    assert values["least-change", "squared_change"] <= values["fine-tuned", "squared_change"]
