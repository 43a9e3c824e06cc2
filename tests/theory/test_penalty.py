"""The penalty of Proposition 3 against brute force and in the space of the weights."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from tlstudy.theory import formulas
from tlstudy.theory.formulas import brute_force
from tlstudy.theory.penalty import (
    diagonal_penalty,
    multi_task_penalty,
    reuse_penalty,
    squared_change,
)


def draws(count: int, seed: int = 0) -> tuple[np.ndarray, ...]:
    """m, gamma, w, rho over six orders of magnitude, both signs, rho often at its ends."""
    generator = np.random.default_rng(seed)

    def wide() -> np.ndarray:
        return generator.choice([-1, 1], count) * 10 ** generator.uniform(-3, 3, count)

    rho = np.clip(generator.uniform(-1.1, 1.1, count), -1, 1)
    w = np.where(generator.random(count) < 0.02, 0, np.abs(wide()))
    gamma = np.where(generator.random(count) < 0.02, 0, wide())
    return wide(), gamma, w, rho


def stationary_norms(m, gamma, w, rho) -> np.ndarray:
    roots = np.roots([1, -w * rho, 0, gamma * m, -(m**2)])
    return np.sort(roots[(np.abs(roots.imag) < 1e-9 * np.abs(roots)) & (roots.real > 0)].real)


def test_brute_force_over_a_wide_range(monkeypatch):
    arguments = draws(100_000)
    penalty, norm = reuse_penalty(*arguments)
    named = dict(zip(("m_main", "gamma", "w_aux", "rho"), arguments, strict=True))
    monkeypatch.setattr(formulas, "LIMITS", (1e-9, 1e9))
    expected = brute_force(named)
    np.testing.assert_allclose(penalty, expected, rtol=1e-9)
    np.testing.assert_allclose(penalty, squared_change(norm, *arguments), rtol=1e-12)


def test_no_size_within_the_stated_bounds_is_too_large_or_too_small():
    generator = np.random.default_rng(3)
    m, gamma, w = generator.choice([-1, 1], (3, 20_000)) * 10 ** generator.uniform(
        -50, 50, (3, 20_000)
    )
    arguments = (m, gamma, np.abs(w), generator.uniform(-1, 1, 20_000))
    penalty, norm = reuse_penalty(*arguments)
    assert np.isfinite(penalty).all()
    assert (norm > 0).all()
    np.testing.assert_allclose(penalty, squared_change(norm, *arguments), rtol=1e-12)


def test_where_there_are_two_minima_the_smaller_counts():
    generator = np.random.default_rng(1)
    w, rho = generator.uniform(1, 3, 5000), generator.uniform(0.5, 1, 5000)
    m = generator.uniform(0.01, 1, 5000)
    gamma = generator.uniform(0, 0.25, 5000) * (w * rho) ** 3 / m
    arguments = (m, gamma, w, rho)
    penalty, norm = reuse_penalty(*arguments)
    several = [index for index in range(5000) if len(stationary_norms(*_at(arguments, index))) == 3]
    assert len(several) > 500
    lower = 0
    for index in several:
        at = _at(arguments, index)
        roots = stationary_norms(*at)
        ends = squared_change(roots[[0, 2]], *at)
        assert penalty[index] == pytest.approx(ends.min(), rel=1e-9)
        assert norm[index] == pytest.approx(roots[[0, 2]][ends.argmin()], rel=1e-6)
        lower += ends.argmin() == 0
    assert 0 < lower < len(several)  # either of them can be the smaller


def _at(arguments, index: int) -> list[float]:
    return [float(values[index]) for values in arguments]


def test_it_is_the_smallest_change_of_the_weights_themselves():
    """No formula: vectors, and the norm that changes them least, by trying."""
    generator = np.random.default_rng(2)
    for _ in range(50):
        pretrained, direction = generator.normal(size=(2, 7)) * generator.uniform(0.2, 2)
        direction /= np.linalg.norm(direction)
        m, gamma = generator.normal(size=2)
        norms = np.geomspace(1e-4, 1e2, 200_000)
        inputs = norms[:, None] * direction
        change = ((inputs - pretrained) ** 2).sum(1) + (m / norms - gamma) ** 2
        w = np.linalg.norm(pretrained)
        penalty, _ = reuse_penalty(m, gamma, w, direction @ pretrained / w)
        assert penalty == pytest.approx(change.min(), rel=1e-6)


@pytest.mark.parametrize(
    ("gamma", "w", "rho", "penalty", "norm"),
    [
        (3.0, 1.0, 0.5, 1.0, 0.0),  # cheaper to give up the input weights: w^2
        (0.5, 2.0, 0.6, 0.25 + 4 * (1 - 0.36), 1.2),  # cheaper to give up the output weight
        (0.5, 2.0, -0.6, 4.0, 0.0),
        (0.0, 2.0, -0.6, 4.0, 0.0),
        (0.0, 0.0, 0.3, 0.0, 0.0),
    ],
)
def test_a_unit_that_is_switched_off(gamma, w, rho, penalty, norm):
    found = reuse_penalty(0, gamma, w, rho)
    assert found.penalty == pytest.approx(penalty)
    assert found.norm == pytest.approx(norm)


def test_without_pretraining_and_without_output_it_is_twice_the_strength():
    """w = gamma = 0: the least of m^2 / u^2 + u^2 is 2 |m|, at u^2 = |m|."""
    m = np.array([-5.0, -1e-6, 1e-6, 0.3, 1e5])
    found = reuse_penalty(m, 0, 0, 0)
    np.testing.assert_allclose(found.penalty, 2 * np.abs(m), rtol=1e-14)
    np.testing.assert_allclose(found.norm, np.sqrt(np.abs(m)), rtol=1e-14)


def test_what_was_pretrained_costs_nothing():
    """rho = 1 and m = gamma w: nothing has to change."""
    gamma, w = np.array([0.1, 2.0, 30.0]), np.array([3.0, 0.5, 7.0])
    found = reuse_penalty(gamma * w, gamma, w, 1)
    np.testing.assert_allclose(found.penalty, 0, atol=1e-20)
    np.testing.assert_allclose(found.norm, w, rtol=1e-10)


REASONABLE = st.floats(-100, 100).map(lambda value: round(value, 6))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    REASONABLE.filter(bool),
    REASONABLE,
    REASONABLE.map(abs),
    st.floats(-1, 1),
    st.floats(0.01, 100),
)
def test_invariants(m, gamma, w, rho, factor):
    penalty, norm = reuse_penalty(m, gamma, w, rho)
    assert penalty >= 0
    # A unit whose output weights change their sign.
    assert reuse_penalty(-m, -gamma, w, rho).penalty == pytest.approx(float(penalty), rel=1e-9)
    # All weights scaled: m by the square, the penalty by the square.
    scaled = reuse_penalty(factor**2 * m, factor * gamma, factor * w, rho)
    assert scaled.penalty == pytest.approx(factor**2 * float(penalty), rel=1e-7, abs=1e-12)
    # A direction nearer to the pretrained one never costs more.
    assert reuse_penalty(m, gamma, w, min(1, rho + 0.1)).penalty <= penalty * (1 + 1e-9) + 1e-12
    assert penalty <= squared_change(norm * 1.01, m, gamma, w, rho) * (1 + 1e-12)


def test_shapes_broadcast_and_nan_stays():
    found = reuse_penalty([[1.0], [np.nan]], 0.5, [1.0, 2.0, 3.0], 0.1)
    assert found.penalty.shape == found.norm.shape == (2, 3)
    assert np.isnan(found.penalty[1]).all()
    assert np.isfinite(found.penalty[0]).all()
    assert reuse_penalty([], 1, 1, 1).penalty.shape == (0,)


def test_diagonal_penalty_is_the_integral_of_its_slope():
    """q'(z) = arcsinh(z / 2), so that the penalty's slope in b is 2 arcsinh(b / c)."""
    for b, aux, gamma in ((0.7, 0.2, 0.1), (-3.0, 0.0, 0.5), (1e-3, 2.0, 1.0), (50.0, -0.1, 0.0)):
        scale = abs(aux) + gamma**2
        slope, _ = quad(lambda x, c=scale: 2 * np.arcsinh(x / c), 0, abs(b))
        assert diagonal_penalty(b, aux, gamma) == pytest.approx(slope, rel=1e-9)


def test_diagonal_penalty_at_its_ends():
    # Rich end, b far below c: quadratic. Lazy initialisation of zero: nothing is for free.
    assert diagonal_penalty(1e-6, 1, 0) == pytest.approx(1e-12, rel=1e-6)
    assert diagonal_penalty(0, 0, 0) == 0
    assert diagonal_penalty(1, 0, 0) == np.inf


def test_multi_task_penalty_is_the_least_that_makes_both_coefficients():
    """One input weight u, two output weights v: the least of u^2 + v^2 with u v = (b, b_aux)."""
    u = np.geomspace(1e-3, 1e3, 1_000_000)
    for b, aux in ((0.3, 1.2), (-2.0, 0.1), (0.0, 0.7)):
        cost = u**2 + (b**2 + aux**2) / u**2
        assert multi_task_penalty(b, aux) == pytest.approx(cost.min(), rel=1e-8)
