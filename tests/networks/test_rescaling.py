"""Rescaled weights: what BatchNorm hides of them, and which learning rate undoes them."""

import copy

import pytest
import torch
from tiny import CPU, EVALUATION, tiny_images, tiny_run, tiny_training

from tlstudy.config.optimisers import SGD, Adam
from tlstudy.config.rescaling import Rescaling
from tlstudy.measures.probes import plain
from tlstudy.networks.build import initial_network, layer_kinds
from tlstudy.networks.rescaling import learning_rate_factors, rescale
from tlstudy.networks.trainer import Trainer

QUARTER = Rescaling(factor=0.25)
OPTIMISERS = {"sgd": SGD(name="sgd", learning_rate=0.05), "adam": Adam()}


@pytest.fixture
def trained():
    """A network whose running statistics are its own."""
    return without_epsilon(copy.deepcopy(tiny_run(epochs=2)[0].network))


def without_epsilon(network):
    """BatchNorm adds nothing to a variance: then powers of two cancel to the last bit."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eps = 1e-30
    return network


def outputs(network, training: bool) -> torch.Tensor:
    images = tiny_images(tiny_training())
    with torch.no_grad():
        return network.train(training)(images.inputs(images.train))


def test_behind_batchnorm_the_scale_of_the_encoder_changes_nothing(trained):
    before = outputs(copy.deepcopy(trained), training=True)
    rescale(trained, layer_kinds(trained), QUARTER)
    torch.testing.assert_close(outputs(trained, training=True), before)


def test_running_statistics_follow_the_encoder_or_are_kept(trained):
    before = outputs(trained, training=False)
    kept = copy.deepcopy(trained)
    rescale(kept, layer_kinds(kept), QUARTER)
    assert not torch.allclose(outputs(kept, training=False), before, rtol=0.01)
    rescale(trained, layer_kinds(trained), Rescaling(factor=0.25, running_statistics="rescaled"))
    torch.testing.assert_close(outputs(trained, training=False), before)


@pytest.mark.parametrize("part", ["encoder", "head", "both"])
def test_a_part_is_rescaled_and_nothing_else(part):
    start = dict(initial_network(tiny_training(), 26, None).named_parameters())
    changed = tiny_training(rescaling=Rescaling(part=part, factor=2))
    network = initial_network(changed, 26, None)
    kinds = layer_kinds(network)
    for name, weight in network.named_parameters():
        head = kinds[name].startswith("linear")
        scaled = part == "both" and not kinds[name].startswith("batchnorm")
        scaled |= part == ("head" if head else "encoder") and "batchnorm" not in kinds[name]
        assert torch.equal(weight, start[name] * (2 if scaled else 1)), name
    factors = learning_rate_factors(kinds, Rescaling(part=part, learning_rate_factor=3))
    after = {name: factor for name, factor in zip(kinds, factors, strict=True)}
    assert {after[name] for name in kinds if "batchnorm" in kinds[name]} == {1}
    assert after["fc.weight"] == (1 if part == "encoder" else 3)
    assert after["conv1.weight"] == (1 if part == "head" else 3)


def test_first_is_the_first_convolution_and_nothing_else():
    start = dict(initial_network(tiny_training(), 26, None).named_parameters())
    first = Rescaling(part="first", factor=4, learning_rate_factor=3)
    network = initial_network(tiny_training(rescaling=first), 26, None)
    for name, weight in network.named_parameters():
        assert torch.equal(weight, start[name] * (4 if name == "conv1.weight" else 1)), name
    factors = learning_rate_factors(layer_kinds(network), first)
    assert factors == [3.0 if name == "conv1.weight" else 1.0 for name in start]


@pytest.mark.parametrize("statistics", ["kept", "rescaled"])
def test_all_is_every_parameter_and_statistics_as_asked(trained, statistics):
    before = copy.deepcopy(trained.state_dict())
    rescaling = Rescaling(
        part="all", factor=0.25, running_statistics=statistics, learning_rate_factor=3
    )
    kinds = layer_kinds(trained)
    rescale(trained, kinds, rescaling)
    buffers = {"running_mean": 0.25, "running_var": 0.0625}
    parameters = dict(trained.named_parameters())
    for name, value in trained.state_dict().items():
        factor = buffers.get(name.rpartition(".")[2], 1) if statistics == "rescaled" else 1
        assert torch.equal(value, before[name] * (0.25 if name in parameters else factor)), name
    assert learning_rate_factors(kinds, rescaling) == [3] * len(parameters)


def losses(optimiser: str, rescaling: Rescaling) -> list[float]:
    training = tiny_training(epochs=3, optimiser=OPTIMISERS[optimiser], rescaling=rescaling)
    network = without_epsilon(initial_network(training, 26, None))
    trainer = Trainer(training, network, tiny_images(training), EVALUATION, 26, CPU)
    return [row["train_loss"] for row in trainer.run().metrics]


# Adam adds an epsilon of its own to the gradient's size.
@pytest.mark.parametrize(
    ("optimiser", "undoes", "rounding"), [("sgd", 1 / 16, 1e-6), ("adam", 1 / 4, 0.02)]
)
def test_the_scale_of_the_encoder_is_a_learning_rate(optimiser, undoes, rounding):
    whole = losses(optimiser, Rescaling())
    undone = losses(optimiser, Rescaling(factor=0.25, learning_rate_factor=undoes))
    assert undone == pytest.approx(whole, rel=rounding)
    fixed = losses(optimiser, QUARTER)
    assert fixed[0] == pytest.approx(whole[0], rel=1e-6)
    assert abs(fixed[-1] / whole[-1] - 1) > 0.1
    as_rate = losses(optimiser, Rescaling(learning_rate_factor=1 / undoes))
    assert as_rate == pytest.approx(fixed, rel=rounding)


def test_path_and_prediction_are_of_the_rescaled_weights():
    trainer, outcome = tiny_run(
        epochs=1, rescaling=Rescaling(factor=0.5, learning_rate_factor=0.25)
    )
    plain, reference = tiny_run(epochs=1)
    assert trainer.moves.start[0].norm() == pytest.approx(float(plain.moves.start[0].norm()) / 2)
    first = [rows.layers[0]["predicted_displacement"] for rows in (outcome, reference)]
    assert first[0] == pytest.approx(first[1] / 2)
    moved = [rows.layers[0]["displacement_from_start"] for rows in (outcome, reference)]
    assert moved[0] == pytest.approx(moved[1] / 2, rel=0.01)


def test_what_comes_after_a_stage_is_trained_in_float32_and_has_no_first_convolution_to_rescale():
    training = tiny_training(rescaling=Rescaling(part="first", factor=0.25))
    assert plain(training).rescaling == Rescaling()
    assert plain(tiny_training(rescaling=QUARTER)).rescaling == QUARTER
    assert plain(tiny_training(precision="bfloat16")).precision == "float32"
    head = {"weight": "linear-weight", "bias": "linear-bias"}
    assert learning_rate_factors(head, training.rescaling) == [1.0, 1.0]
