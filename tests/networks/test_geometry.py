"""Displacements and angles against independent arithmetic of 60 digits."""

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tlstudy.networks.geometry import changes, moments, predicted_adam_displacement

mpmath.mp.dps = 60


def exact(a, b):
    """Displacement, norm change and angle in degrees from the definitions."""
    a = mpmath.matrix([mpmath.mpf(float(value)) for value in a])
    b = mpmath.matrix([mpmath.mpf(float(value)) for value in b])
    norm_a, norm_b = mpmath.norm(a), mpmath.norm(b)
    cosine = mpmath.fdot(a, b) / (norm_a * norm_b)
    angle = mpmath.degrees(mpmath.acos(min(cosine, mpmath.mpf(1))))
    return mpmath.norm(b - a) / norm_a, (norm_b - norm_a) / norm_a, angle


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32 - 1), st.floats(-7, 1), st.integers(2, 200))
def test_changes_agree_with_60_digits(seed, exponent, size):
    generator = np.random.default_rng(seed)
    before = torch.from_numpy(generator.normal(size=size).astype(np.float32))
    step = generator.normal(size=size) * 10**exponent
    after = torch.from_numpy((before.numpy() + step).astype(np.float32))
    got = changes(moments([before], [after])[0])
    displacement, norm_change, angle = exact(before, after)
    assert got["displacement"] == pytest.approx(float(displacement), rel=1e-9)
    assert got["norm_change"] == pytest.approx(float(norm_change), rel=1e-6, abs=1e-12)
    assert got["angle"] == pytest.approx(float(angle), rel=1e-6, abs=1e-9)


def test_equal_opposite_and_orthogonal_weights():
    a = torch.tensor([3.0, 0.0])
    others = [a.clone(), torch.tensor([-1.0, 0.0]), torch.tensor([0.0, 2.0])]
    got = changes(moments([a, a, a], others))
    np.testing.assert_allclose(got["angle"], [0, 180, 90], rtol=1e-12)
    weights = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    got = changes(moments([weights], [weights.clone()])[0])
    assert got["angle"] == got["displacement"] == got["norm_change"] == 0


def test_layers_add_up_to_the_network():
    generator = torch.Generator().manual_seed(1)
    before = [torch.randn(7, 3, generator=generator), torch.randn(5, generator=generator)]
    after = [tensor + 0.1 * torch.randn(tensor.shape, generator=generator) for tensor in before]
    whole = changes(moments(before, after).sum(axis=0))
    flat = [torch.cat([part.flatten() for part in parts]) for parts in (before, after)]
    displacement, norm_change, angle = exact(*flat)
    assert whole["displacement"] == pytest.approx(float(displacement), rel=1e-12)
    assert whole["norm_change"] == pytest.approx(float(norm_change), rel=1e-9)
    assert whole["angle"] == pytest.approx(float(angle), rel=1e-9)


def test_zero_weights_have_no_ratio():
    got = changes(moments([torch.zeros(3)], [torch.ones(3)])[0])
    assert all(np.isnan(got[key]) for key in ("displacement", "norm_change", "angle"))
    assert got["norm"] == pytest.approx(np.sqrt(3))


def test_adam_moves_as_predicted_in_its_first_step():
    weights = torch.nn.Parameter(torch.randn(500, generator=torch.Generator().manual_seed(2)))
    before = weights.detach().clone()
    optimiser = torch.optim.Adam([weights], lr=0.001)
    (weights**3).sum().backward()
    optimiser.step()
    predicted = predicted_adam_displacement([before], 0.001, 1)[0]
    measured = changes(moments([before], [weights])[0])["displacement"]
    assert measured == pytest.approx(predicted, rel=1e-3)


def test_predicted_displacement_of_the_new_head():
    # rms 1 / sqrt(3 x 2048) of a fresh head predicts 0.078 at a learning rate of 0.001
    head = torch.nn.Linear(2048, 10).weight
    assert predicted_adam_displacement([head], 0.001, 1)[0] == pytest.approx(0.0784, rel=0.01)
