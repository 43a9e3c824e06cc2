"""Curvature against brute force: whole Hessians of networks small enough to have one."""

import numpy as np
import pytest
import torch
from torch import nn

from tlstudy.measures.hessian import (
    TOLERANCE,
    lanczos,
    largest_hessian_eigenvalue,
    rise_along_random_directions,
)
from tlstudy.measures.least_change import loss_and_gradient
from tlstudy.measures.planes import filter_normalised_direction
from tlstudy.networks.evaluation import loss_of_head, training_mode_loss
from tlstudy.storage.randomness import Stream, derived_seed


def symmetric(eigenvalues, seed: int = 0) -> torch.Tensor:
    generator = np.random.default_rng(seed)
    vectors, _ = np.linalg.qr(generator.normal(size=(len(eigenvalues), len(eigenvalues))))
    return torch.from_numpy(vectors * np.asarray(eigenvalues) @ vectors.T)


def start(size: int) -> torch.Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("seed", range(5))
def test_lanczos_finds_the_largest_eigenvalue(seed):
    eigenvalues = np.r_[np.random.default_rng(seed).normal(size=60), 9.0]
    matrix = symmetric(eigenvalues, seed)
    found = lanczos(lambda vector: matrix @ vector, start(61), 61)
    assert found.value == pytest.approx(9.0, rel=TOLERANCE**2 * 10)
    assert found.residual <= TOLERANCE
    assert found.products < 30


def test_lanczos_wants_the_largest_and_says_how_far_it_came():
    matrix = symmetric([-50.0, -3.0, 1.0, 2.0])
    assert lanczos(lambda vector: matrix @ vector, start(4), 10).value == pytest.approx(2.0)
    matrix = symmetric(np.linspace(0, 1, 200))
    found = lanczos(lambda vector: matrix @ vector, start(200), 4)
    assert found.products == 4
    assert found.residual > TOLERANCE
    assert found.value < 1


def test_residual_is_that_of_the_ritz_pair():
    matrix = symmetric(np.linspace(-1, 1, 30))
    steps = 5
    found = lanczos(lambda vector: matrix @ vector, start(30), steps)
    basis, _ = torch.linalg.qr(
        torch.stack([torch.linalg.matrix_power(matrix, k) @ start(30) for k in range(steps)]).T
    )
    values, vectors = torch.linalg.eigh(basis.T @ matrix @ basis)
    ritz = basis @ vectors[:, -1]
    assert found.value == pytest.approx(float(values[-1]), rel=1e-9)
    assert found.residual == pytest.approx(
        float((matrix @ ritz - values[-1] * ritz).norm() / values[-1].abs()), rel=1e-6
    )


def small_network() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Tanh(), nn.Flatten(), nn.Linear(12, 4)
    ).double()


def small_batches() -> list:
    torch.manual_seed(4)
    return [
        (torch.randn(6, 1, 4, 4).double(), torch.arange(6) % 4),
        (torch.randn(5, 1, 4, 4).double(), torch.arange(5) % 4),
    ]


def whole_hessian(network: nn.Module, batches: list) -> torch.Tensor:
    names = [name for name, _ in network.named_parameters()]
    weights = [weight.detach() for weight in network.parameters()]
    flat = torch.cat([weight.flatten() for weight in weights])

    def loss(vector):
        parts = vector.split([weight.numel() for weight in weights])
        values = {
            name: part.view_as(weight)
            for name, part, weight in zip(names, parts, weights, strict=True)
        }
        network.train()
        total = sum(
            len(labels)
            * loss_of_head(torch.func.functional_call(network, values, images), labels, "logits")
            for images, labels in batches
        )
        return total / sum(len(labels) for _, labels in batches)

    return torch.autograd.functional.hessian(loss, flat)


def test_eigenvalue_is_that_of_the_whole_hessian():
    network, batches = small_network(), small_batches()
    expected = torch.linalg.eigvalsh(whole_hessian(network, batches))[-1]
    found = largest_hessian_eigenvalue(network, batches, "logits", 60, seed=26)
    assert found.value == pytest.approx(float(expected), rel=1e-3)


def test_normalised_eigenvalue_is_that_of_the_scaled_hessian():
    network, batches = small_network(), small_batches()
    convolution, batchnorm, readout = network[0], network[1], network[4]
    scales = [
        convolution.weight.flatten(1).norm(dim=1).repeat_interleave(9),
        torch.zeros(3 + 3 + 3),  # the convolution's bias, BatchNorm's factors and shifts
        readout.weight.norm(dim=1).repeat_interleave(12),
        torch.zeros(4),
    ]
    assert batchnorm.weight.shape == (3,)
    scale = torch.cat(scales).double().detach()
    whole = scale[:, None] * whole_hessian(network, batches) * scale
    found = largest_hessian_eigenvalue(
        network, batches, "logits", 60, seed=26, filter_normalised=True
    )
    assert found.value == pytest.approx(float(torch.linalg.eigvalsh(whole)[-1]), rel=1e-3)


def test_weights_that_take_no_part_in_the_loss_have_no_curvature_and_no_gradient():
    network, batches = small_network(), small_batches()
    whole = largest_hessian_eigenvalue(network, batches, "logits", 60, seed=26)
    _, gradient = loss_and_gradient(network, batches, "logits")(flat(network))
    network.register_parameter("unused", nn.Parameter(torch.ones(5).double()))
    found = largest_hessian_eigenvalue(network, batches, "logits", 60, seed=26)
    assert found.value == pytest.approx(whole.value, rel=1e-3)
    _, with_unused = loss_and_gradient(network, batches, "logits")(flat(network))
    assert len(with_unused) == len(gradient) + 5
    assert sorted(with_unused.tolist()) == sorted([*gradient.tolist(), *[0.0] * 5])


def flat(network: nn.Module) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in network.parameters()])


def test_scale_before_batchnorm_changes_the_raw_eigenvalue_only():
    """Dinh et al. 2017: the same function, another raw curvature."""
    batches, factor = small_batches(), 0.1
    values = []
    for scale in (1.0, factor):
        network = small_network()
        network[0].weight.data *= scale
        network[0].bias.data *= scale
        network[1].eps = 1e-12
        values.append(
            [
                largest_hessian_eigenvalue(network, batches, "logits", 80, 26, normalised).value
                for normalised in (False, True)
            ]
        )
    (raw, normalised), (raw_of_small, normalised_of_small) = values
    assert normalised_of_small == pytest.approx(normalised, rel=1e-3)
    assert raw_of_small > 5 * raw


def test_rise_is_the_curvature_along_the_directions():
    network, batches = small_network(), small_batches()
    hessian, radius = whole_hessian(network, batches), 1e-3
    generator = torch.Generator().manual_seed(derived_seed(26, Stream.LANDSCAPE))
    curvatures = []
    for _ in range(4):
        direction = filter_normalised_direction(list(network.parameters()), generator)
        flat = torch.cat([part.flatten() for part in direction])
        curvatures.append(float(flat @ hessian @ flat))
    found = rise_along_random_directions(network, batches, "logits", radius, 4, seed=26)
    assert found == pytest.approx(radius**2 / 2 * np.mean(curvatures), rel=1e-3)


def test_nothing_of_the_network_changes_and_the_seed_decides():
    network, batches = small_network(), small_batches()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    first, second, other = (
        largest_hessian_eigenvalue(network, batches, "logits", 4, seed) for seed in (26, 26, 27)
    )
    assert first == second != other
    rise_along_random_directions(network, batches, "logits", 0.5, 2, seed=26)
    training_mode_loss(network, batches, "logits")
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name
