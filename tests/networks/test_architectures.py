"""Networks by name: what is found from them, and that they train, resume and are measured."""

import copy
import re

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from tiny import CPU, EVALUATION, tiny_images, tiny_training

from tlstudy.config.architecture_setting import check_architecture
from tlstudy.config.architectures import (
    BOTTLENECKS,
    MULTIPLY_ADDS,
    TORCHVISION,
    WITH_AUXILIARY,
    allowed_sources,
    network_facts,
)
from tlstudy.config.settings import WeightsFile
from tlstudy.measures.hessian import largest_hessian_eigenvalue
from tlstudy.measures.planes import grid_axis, loss_grid, random_plane
from tlstudy.measures.probes import encoder_rows
from tlstudy.networks.architecture import (
    build_classifier,
    build_without_values,
    head_of,
    load_state,
)
from tlstudy.networks.batchnorm import BatchNorm2d, recalibrated
from tlstudy.networks.build import initial_network, layer_kinds
from tlstudy.networks.checkpoint import keep, restore
from tlstudy.networks.facts import measured_facts
from tlstudy.networks.pretrained import PretrainedWeights
from tlstudy.networks.stages import NoStagesError, stages_of
from tlstudy.networks.trainer import Trainer
from tlstudy.networks.weights import cache_weights, load_weights
from tlstudy.storage.errors import UserError
from tlstudy.storage.scratch import Scratch

OWN = check_architecture({"python": "own_networks:tokens"})
# Heads of the families of torchvision, stages that tell how each is cut, and kinds of layers.
FAMILIES = {
    "mobilenet_v3_small": ("classifier.3", "features.12", "inner-linear-weight"),
    "convnext_tiny": ("classifier.2", "features.7", "layernorm-weight"),
    "efficientnet_b0": ("classifier.1", "features.8", "batchnorm-bias"),
    "densenet121": ("classifier", "features.denseblock4", "convolution"),
    "swin_t": ("head", "features.7", "inner-linear-bias"),
    "squeezenet1_1": ("classifier.1", "features.12", "convolution-bias"),
    "shufflenet_v2_x0_5": ("fc", "conv5", "batchnorm-weight"),
    "mnasnet0_5": ("classifier.1", "layers.14", "batchnorm-weight"),
}


def trainer_of(architecture, **changes) -> Trainer:
    training = tiny_training(architecture=architecture, epochs=2, **changes)
    network = initial_network(training, 26, None)
    return Trainer(training, network, tiny_images(training), EVALUATION, 26, CPU)


def test_the_list_is_that_of_torchvision():
    there = set(torchvision.models.list_models(module=torchvision.models))
    both = there & set(TORCHVISION)  # another torchvision may have fewer or more
    assert len(both) > 70
    for name in both:
        assert TORCHVISION[name] == tuple(
            weights.name
            for weights in torchvision.models.get_model_weights(name)
            if weights.name != "IMAGENET1K_FEATURES"  # of VGG-16, which have no classifier
        )
    assert {"resnext50_32x4d", "resnet50", "wide_resnet50_2"} < set(BOTTLENECKS)
    assert not {"resnet18", "resnet34", "vgg11"} & set(BOTTLENECKS)


@pytest.mark.parametrize("name", MULTIPLY_ADDS)
def test_what_the_tables_say_of_resnets_is_what_they_are(name):
    table, found = network_facts(name, 224), measured_facts(name, 224)
    assert found.multiply_adds == pytest.approx(table.multiply_adds, rel=0.01)
    assert found.millions == pytest.approx(table.millions, rel=0.01)
    assert found.stages == table.stages
    assert found.batchnorm == table.batchnorm
    assert found.after == pytest.approx(table.after, abs=0.006)
    assert measured_facts(name, 32).one_value
    assert not measured_facts(name, 33).one_value


@pytest.mark.parametrize("name", FAMILIES)
def test_stages_of_a_family_are_the_network(name):
    head, stage, kind = FAMILIES[name]
    network, values = build_classifier(name, "3x3").eval(), torch.randn(2, 3, 64, 64)
    assert head_of(network) == head
    stages = stages_of(network)
    assert list(stages)[-1] == "head"
    assert stage in stages
    assert kind in layer_kinds(network).values()
    with torch.no_grad():
        expected = network(values)
        for part in stages.values():
            values = part(values)
    assert torch.equal(values, expected)
    listed = [id(weight) for part in stages.values() for weight in part.parameters()]
    assert sorted(listed) == sorted(id(weight) for weight in network.parameters())


@pytest.mark.parametrize("name", WITH_AUXILIARY)
def test_inputs_are_scaled_as_torchvision_does_for_its_weights(name):
    """Its own network of the same weights; its stages are the network too."""
    options = {"aux_logits": False, "init_weights": False}  # which takes half a minute
    theirs = torchvision.models.get_model(name, transform_input=True, **options).eval()
    with torch.no_grad():
        for weight in theirs.parameters():
            if weight.dim() == 4:
                weight *= 6**0.5  # to He's deviation, with which the images reach the logits
    ours = build_without_values(name, "3x3").to_empty(device="cpu").eval()
    load_state(ours, theirs.state_dict())
    images = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected, values = theirs(images), images
        torch.testing.assert_close(ours(images), expected)
        for part in stages_of(ours).values():
            values = part(values)
    torch.testing.assert_close(values, expected)


def test_kinds_of_the_last_layer_differ_from_those_of_layers_before():
    kinds = layer_kinds(initial_network(tiny_training(architecture="mobilenet_v3_small"), 1, None))
    linear = {name: kind for name, kind in kinds.items() if "linear" in kind}
    assert linear == {
        "classifier.0.weight": "inner-linear-weight",
        "classifier.0.bias": "inner-linear-bias",
        "classifier.3.weight": "linear-weight",
        "classifier.3.bias": "linear-bias",
    }
    own = layer_kinds(initial_network(tiny_training(architecture=OWN), 1, None))
    assert own["class_token"] == own["encoder.pos_embedding"] == "other"
    assert own["heads.head.weight"] == "linear-weight"
    attention = "encoder.layers.encoder_layer_0.self_attention.in_proj_weight"
    assert own[attention] == "inner-linear-weight"


def test_batchnorm_of_any_network_is_exact():
    for name in ("mobilenet_v3_small", "densenet121"):
        layers = [
            layer
            for layer in build_classifier(name, "3x3").modules()
            if isinstance(layer, torch.nn.BatchNorm2d)
        ]
        assert layers
        assert {type(layer) for layer in layers} == {BatchNorm2d}


@pytest.mark.parametrize("architecture", ["mobilenet_v3_small", OWN], ids=str)
def test_a_network_is_trained_and_measured(architecture):
    trainer = trainer_of(architecture)
    outcome = trainer.run()
    assert outcome.finished
    layers = {row["layer"] for row in outcome.layers}
    assert layers == {name for name, _ in trainer.network.named_parameters()}
    assert all(row["displacement_from_start"] != 0 for row in outcome.metrics)

    at = trainer.network, trainer.fixed_batches(), "logits"
    weights = [weight.data for weight in trainer.network.parameters()]
    losses = loss_grid(at[0], random_plane(weights, 26), grid_axis(0.1, 3), *at[1:])
    assert losses[1, 1] == pytest.approx(outcome.checkpoint_train_loss, rel=1e-5)
    assert torch.isfinite(torch.tensor(losses)).all()
    # Dropout plays no part, or an operator would not be one and Lanczos would not settle.
    found = largest_hessian_eigenvalue(*at, steps=30, seed=26)
    assert found.residual < 0.05

    start = initial_network(trainer.training, 26, None)
    *stages, _ = stages_of(start)
    parts = (start, trainer.network, trainer.training, trainer.images, 26, stages[-1:])
    rows = list(encoder_rows(*parts, "float32"))
    assert [row["stage"] for row in rows if row["measure"] == "probe"] == stages
    assert [row["stage"] for row in rows if row["measure"] == "frozen"] == stages[-1:]


def test_without_batchnorm_recalibrating_changes_nothing():
    trainer = trainer_of(OWN)
    with recalibrated(trainer.network, [torch.full((1,), torch.nan)]):  # no batch is looked at
        pass
    final = trainer.run().final
    assert final["running"] == final["recalibrated"]


def test_dropout_is_the_same_after_a_checkpoint(tmp_path):
    whole = trainer_of(OWN)
    states = []

    def after_epoch(outcome):
        with Scratch(tmp_path / "kept", {"it": 1}, 0.0) as scratch:
            keep(whole, copy.deepcopy(outcome), scratch)
        states.append(torch.random.get_rng_state())

    expected = whole.run(after_epoch=after_epoch)
    torch.manual_seed(999)  # another process
    resumed = trainer_of(OWN)
    with Scratch(tmp_path / "kept", {"it": 1}, 0.0) as scratch:
        outcome = resumed.run(restore(resumed, scratch))
    assert outcome.train_losses() == expected.train_losses()
    other = Trainer(
        resumed.training, initial_network(resumed.training, 26, None), resumed.images, None, 27, CPU
    )
    assert other.run().train_losses()[0] != expected.train_losses()[0]


def test_weights_for_images_of_another_side_are_told():
    training = tiny_training(architecture=OWN, initialisation="mine")
    state = initial_network(training, 1, None).state_dict()
    origin = {"stride_on": "3x3", "mean": [0.5] * 3, "std": [0.5] * 3}
    loaded = initial_network(training, 2, PretrainedWeights(state, origin))
    assert torch.equal(loaded.state_dict()["class_token"], state["class_token"])
    assert not torch.equal(loaded.heads.head.weight, state["heads.head.weight"])
    state["encoder.pos_embedding"] = torch.zeros(1, 5, 32)
    with pytest.raises(UserError, match=r"weights 'mine': are not those of python\.own_networks"):
        initial_network(training, 1, PretrainedWeights(state, origin))


def test_vision_transformers_are_built_for_the_side_of_the_images():
    assert (
        network_facts("vit_b_16", 32).multiply_adds
        < 0.1 * network_facts("vit_b_16", 224).multiply_adds
    )
    assert network_facts("vit_b_16", 32).stages[1] == "encoder.layers.encoder_layer_0"
    assert "patch size" in network_facts("vit_h_14", 32).problem


def test_a_network_that_cannot_be_followed_has_no_stages_and_says_why():
    network = initial_network(
        tiny_training(architecture=check_architecture({"python": "own_networks:branching"})),
        1,
        None,
    )
    with pytest.raises(NoStagesError, match=r"torch\.fx cannot follow it"):
        stages_of(network)


def test_a_network_that_asks_whether_it_is_trained_has_no_stages():
    """A trace holds one answer: dropout would stay on in evaluation."""
    name = check_architecture({"python": "own_networks:dropping"})
    network = initial_network(tiny_training(architecture=name), 1, None).eval()
    with pytest.raises(NoStagesError, match=r"has other steps in training than in evaluation"):
        stages_of(network)
    assert not any(layer.training for layer in network.modules())


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("of_two_heads", r"\b1000\b"),
        ("normalised", r"\b1000\b"),
        ("pair", "in training its outputs are of type tuple"),
        ("spectral", r"training changes its buffer 0\.parametrizations\.weight\.0\._u"),
    ],
)
def test_a_network_that_a_run_could_not_train_or_keep_is_refused_before(name, told):
    facts = measured_facts(check_architecture({"python": f"own_networks:{name}"}), 32)
    assert re.search(told, facts.problem), facts.problem


def test_allowed_sources_are_those_of_the_network():
    assert allowed_sources("vit_b_16")[0] == "IMAGENET1K_V1"
    assert "he2015" not in allowed_sources("mobilenet_v3_small")


@pytest.mark.parametrize("name", ["densenet121", "googlenet"])
def test_older_names_of_weights_are_understood(name, tmp_path):
    state = build_classifier(name, "3x3").state_dict()
    layer = re.compile(r"(denselayer\d+\.(?:norm|conv))([12])")
    old = {layer.sub(r"\1.\2", key): value for key, value in state.items()}
    old["aux1.fc1.weight" if name == "googlenet" else "classifier.bias"] = torch.zeros(1000)
    save_file(old, tmp_path / "old.safetensors")
    folder = tmp_path / "cached"
    cache_weights([WeightsFile(file=tmp_path / "old.safetensors")], name, folder, tmp_path)
    cached = load_weights(folder).state
    assert set(cached) == set(state)
    key = next(key for key in state if key.endswith("weight"))
    assert torch.equal(cached[key], state[key])


def test_weights_for_inputs_that_the_network_makes_by_itself_are_refused(tmp_path):
    """Such a file would be given inputs that are scaled twice."""
    file = tmp_path / "mine.safetensors"
    save_file(build_classifier("googlenet", "3x3").state_dict(), file)
    halves = WeightsFile(file=file, mean=[0.5] * 3, std=[0.5] * 3)
    with pytest.raises(UserError, match=r"mean .*must be ImageNet's.*leave `mean` and `std` out"):
        cache_weights([halves], "googlenet", tmp_path / "cached", tmp_path)


@pytest.mark.parametrize("name", ["timm/resnet10t", "timm/vit_tiny_patch16_224"])
def test_networks_of_timm(name):
    pytest.importorskip("timm")
    trainer = trainer_of(name)
    assert trainer.run().finished
    facts = measured_facts(trainer.training.architecture, 32)
    assert (facts.problem, facts.no_stages) == ("", "")
    assert [*facts.stages, "head"] == list(stages_of(trainer.network))


def test_a_new_network_built_as_the_weights_computes_what_they_do(he2015_folder):
    """With equal values both starts give equal outputs: they are one network."""
    weights = load_weights(he2015_folder)
    training = tiny_training(architecture="resnet50", initialisation="imagenet")
    started = initial_network(training, 26, weights)
    new = initial_network(
        training.model_copy(update={"initialisation": "random"}),
        27,
        PretrainedWeights(None, weights.origin),
    )
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    new.load_state_dict(started.state_dict())
    assert torch.equal(new.eval()(images), started.eval()(images))
    plain = initial_network(training.model_copy(update={"initialisation": "random"}), 27, None)
    plain.load_state_dict(started.state_dict())
    assert not torch.allclose(plain.eval()(images), started(images))
