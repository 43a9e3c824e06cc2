"""BatchNorm against float64, and against PyTorch's own where that is exact enough."""

import copy

import pytest
import torch
from torch import nn

from tlstudy.networks.batchnorm import BatchNorm2d, recalibrated, untracked

# The last has more pixels than fit into whole blocks, and channels that vary little about a mean.
SHAPES = [(50, 64, 32, 32), (3, 2048, 2, 2), (9, 5, 1, 1), (7, 48, 37, 41)]


def channels_last(*shape: int) -> torch.Tensor:
    values = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    means = torch.linspace(-5, 5, shape[1])[:, None, None]
    return (values + means).contiguous(memory_format=torch.channels_last)


def random_factors(*shape: int) -> torch.Tensor:
    factors = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    return factors.contiguous(memory_format=torch.channels_last)


def layer_of(kind: type, channels: int) -> nn.BatchNorm2d:
    torch.manual_seed(1)
    layer = kind(channels)
    nn.init.uniform_(layer.weight, 0.5, 1.5)
    nn.init.normal_(layer.bias)
    return layer


def passes(layer: nn.BatchNorm2d, inputs: torch.Tensor, factors: torch.Tensor) -> list:
    """Outputs, gradients of inputs, weight and bias, and running statistics."""
    inputs = inputs.clone().requires_grad_()
    outputs = layer(inputs)
    (outputs * factors).sum().backward()
    gradients = inputs.grad, layer.weight.grad, layer.bias.grad
    return [outputs.detach(), *gradients, layer.running_mean, layer.running_var]


def relative_errors(found: list, exact: list) -> list[float]:
    return [float((a.double() - b).norm() / b.norm()) for a, b in zip(found, exact, strict=True)]


@pytest.mark.parametrize("shape", SHAPES)
def test_outputs_gradients_and_statistics_are_exact_to_rounding(shape):
    inputs, factors = channels_last(*shape), random_factors(*shape)
    exact = passes(layer_of(nn.BatchNorm2d, shape[1]).double(), inputs.double(), factors.double())
    found = passes(layer_of(BatchNorm2d, shape[1]), inputs, factors)
    # Means up to five deviations lose a digit of float32's seven, whatever the sums.
    assert max(relative_errors(found, exact)) < 2e-6


def test_sums_are_far_more_exact_than_pytorchs():
    inputs = channels_last(50, 64, 32, 32)
    factors = torch.ones(())
    exact = passes(layer_of(nn.BatchNorm2d, 64).double(), inputs.double(), factors.double())
    errors = {
        kind: relative_errors(passes(layer_of(kind, 64), inputs, factors), exact)
        for kind in (nn.BatchNorm2d, BatchNorm2d)
    }
    running_mean = 4
    assert errors[BatchNorm2d][running_mean] < errors[nn.BatchNorm2d][running_mean] / 10


def test_numbers_depend_on_the_threads_by_rounding_alone():
    inputs, factors = channels_last(20, 64, 16, 16), random_factors(20, 64, 16, 16)
    threads, found = torch.get_num_threads(), []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            layer = layer_of(BatchNorm2d, 64)
            found.append([part.double() for part in passes(layer, inputs, factors)])
    finally:
        torch.set_num_threads(threads)
    assert max(relative_errors(*found)) < 1e-6


def test_second_derivatives_are_right():
    inputs = channels_last(4, 3, 2, 2)

    def product(kind: type, precision: torch.dtype) -> list[torch.Tensor]:
        layer = layer_of(kind, 3).to(precision)
        values = inputs.to(precision, copy=True).requires_grad_()
        variables = [values, layer.weight, layer.bias]
        gradients = torch.autograd.grad(layer(values).pow(3).sum(), variables, create_graph=True)
        return torch.autograd.grad(sum(part.square().sum() for part in gradients), variables)

    found, exact = product(BatchNorm2d, torch.float32), product(nn.BatchNorm2d, torch.float64)
    assert max(relative_errors(found, exact)) < 1e-4


@pytest.mark.parametrize("momentum", [0.1, None])
def test_running_statistics_follow_as_pytorchs(momentum):
    own, native = (layer_of(kind, 6) for kind in (BatchNorm2d, nn.BatchNorm2d))
    for layer in (own, native):
        layer.momentum = momentum
        for scale in (1.0, 2.0, 3.0):
            layer(scale * channels_last(4, 6, 5, 5))
    for name, value in native.named_buffers():
        assert torch.allclose(getattr(own, name), value, rtol=1e-5), name


def test_evaluation_and_bfloat16_are_pytorchs():
    own, native = (layer_of(kind, 6) for kind in (BatchNorm2d, nn.BatchNorm2d))
    inputs = channels_last(4, 6, 5, 5)
    assert torch.equal(own.eval()(inputs), native.eval()(inputs))
    coarse = inputs.bfloat16()
    assert torch.equal(own.train()(coarse), native.train()(coarse))


def test_contexts_leave_the_network_as_it_was():
    network = nn.Sequential(layer_of(BatchNorm2d, 6))
    network(channels_last(4, 6, 5, 5))
    before = copy.deepcopy(network.state_dict())
    with recalibrated(network, [channels_last(8, 6, 5, 5)]):
        assert not torch.equal(network[0].running_mean, before["0.running_mean"])
    with untracked(network):
        network(channels_last(8, 6, 5, 5))
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name
    network.append(nn.BatchNorm2d(6, track_running_stats=False))
    with untracked(network):
        network(channels_last(8, 6, 5, 5))
    assert [layer.track_running_stats for layer in network] == [True, False]
