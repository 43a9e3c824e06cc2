"""Evaluation with folded BatchNorm: the same function, as near to it as bfloat16 can be."""

import copy

import pytest
import torch
import torchvision
from tiny import CPU, EVALUATION, tiny_images, tiny_training

from tlstudy.config.architecture_setting import check_architecture
from tlstudy.networks.architecture import Float32Linear, build_classifier
from tlstudy.networks.batchnorm import recalibrated
from tlstudy.networks.build import initial_network
from tlstudy.networks.device import autocast
from tlstudy.networks.evaluation import predict
from tlstudy.networks.fused import can_be_fused, computes_in, fused
from tlstudy.networks.inputs import Inputs
from tlstudy.networks.trainer import Trainer

needs_float32 = pytest.mark.skipif(
    not computes_in(torch.float32), reason="this processor evaluates float32 layer by layer"
)
needs_bfloat16 = pytest.mark.skipif(
    not computes_in(torch.bfloat16), reason="this processor evaluates bfloat16 layer by layer"
)
in_each_precision = pytest.mark.parametrize(
    "precision",
    [
        pytest.param("float32", marks=needs_float32),
        pytest.param("bfloat16", marks=needs_bfloat16),
    ],
)


def network_with_history(architecture: str, stride_on: str = "3x3") -> torch.nn.Module:
    """Random weights, and BatchNorm parameters and statistics that are not those of the start."""
    torch.manual_seed(26)
    network = build_classifier(architecture, stride_on, outputs=10)
    network.fc = Float32Linear(network.fc.in_features, 10)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.1)
    with torch.no_grad():
        for _ in range(3):
            network(pictures(8))
    return network.to(memory_format=torch.channels_last).eval()


def pictures(count: int) -> torch.Tensor:
    return torch.rand(count, 3, 64, 64).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def in_float64(network: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
    encoder = copy.deepcopy(network).double()
    head, encoder.fc = encoder.fc, torch.nn.Identity()
    return torch.nn.functional.linear(encoder(images.double()), head.weight, head.bias)


@needs_float32
@pytest.mark.parametrize(
    ("architecture", "stride_on"), [("resnet18", "3x3"), ("resnet50", "3x3"), ("resnet50", "1x1")]
)
def test_the_function_is_that_of_the_network(architecture, stride_on):
    network, images = network_with_history(architecture, stride_on), pictures(5)
    with torch.inference_mode():
        outputs = fused(network)(images)
    expected = in_float64(network, images)
    assert (outputs - expected).abs().max() < 1e-5 * expected.std()


@needs_bfloat16
def test_bfloat16_is_no_less_exact_than_layer_by_layer():
    network, images = network_with_history("resnet50"), pictures(16)
    expected = in_float64(network, images)
    with torch.inference_mode(), autocast(CPU, "bfloat16"):
        ours, layer_by_layer = fused(network)(images), network(images)
    errors = [(each - expected).square().mean().sqrt() for each in (ours, layer_by_layer)]
    assert errors[0] < 1.1 * errors[1] < 0.1 * expected.std()


@in_each_precision
def test_predictions_are_fused_and_follow_the_statistics(precision):
    network, inputs = network_with_history("resnet18"), Inputs("none", None, CPU)
    images = torch.randint(0, 256, (70, 64, 64), dtype=torch.uint8)
    with autocast(CPU, precision):
        assert can_be_fused(network)
        running = predict(network, images, inputs)
        with recalibrated(network, [inputs(images)]):
            with torch.inference_mode():
                expected = fused(network)(inputs(images))
            found = predict(network, images, inputs)
    assert found.dtype == torch.float32
    assert (found - running).abs().max() > 0.1
    assert torch.allclose(found, expected, atol=1e-5)  # the batches round alike


@in_each_precision
def test_a_network_of_the_users_is_evaluated_layer_by_layer(precision):
    """Its class is torchvision's, and an activation is not."""
    name = check_architecture({"python": "own_networks:smooth"})
    network, inputs = network_with_history(name), Inputs("none", None, CPU)
    assert type(network) is torchvision.models.ResNet
    images = torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8)
    with autocast(CPU, precision):
        assert not can_be_fused(network)
        with torch.no_grad():
            expected = network.eval()(inputs(images))
        assert torch.equal(predict(network, images, inputs), expected)


@needs_float32
def test_the_network_of_a_run_and_its_average_are_fused():
    training = tiny_training(weight_average=0.9)
    network = initial_network(training, 26, None)
    assert can_be_fused(network)
    trainer = Trainer(training, network, tiny_images(training), EVALUATION, 26, CPU)
    assert trainer.kept is not network
    assert can_be_fused(trainer.kept)


@needs_float32
def test_other_networks_and_processors_are_left_alone(monkeypatch):
    network = network_with_history("resnet18")
    assert not can_be_fused(torch.nn.Sequential(network))
    assert not can_be_fused(copy.deepcopy(network).double())
    monkeypatch.setattr("tlstudy.networks.fused._convolve", None)
    assert not can_be_fused(network)


@needs_float32
def test_a_network_that_is_not_finite_says_so():
    network, inputs = network_with_history("resnet18"), Inputs("none", None, CPU)
    with torch.no_grad():
        network.conv1.weight[0, 0, 3, 3] = torch.nan
    images = torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8)
    assert predict(network, images, inputs).isnan().all()
