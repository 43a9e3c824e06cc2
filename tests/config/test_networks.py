"""Mistakes of arms that follow from their network, one sentence each; how networks are named."""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest
from configurations import DEFAULT, message

from tlstudy.config.study import build_study, load_study, run_name


def study_with(weights: dict | None = None, **arm) -> dict:
    configuration = {"study": "own", "seed": 1, "arms": {"one": {"image_size": 32} | arm}}
    return configuration | ({"weights": weights} if weights else {})


def arm_of(configuration: dict):
    return build_study(configuration).arms["one"]


MISTAKES = {
    "arms.one.architecture: found 'resnet5'; did you mean 'resnet50'?": {"architecture": "resnet5"},
    "arms.one.architecture: found 18; must be the name of a network": {"architecture": 18},
    "arms.one.architecture: found {'python': 'nothing'}; must be {python: ": {
        "architecture": {"python": "nothing"}
    },
    "arms.one.architecture: found {'python': 'not_there:network'}; there is no Python module": {
        "architecture": {"python": "not_there:network"}
    },
    "arms.one.architecture: found inception_v3 with image_size 32; inception_v3 cannot": {
        "architecture": "inception_v3"
    },
    "arms.one.architecture: found python.own_networks.without_a_head": {
        "architecture": {"python": "own_networks:without_a_head"}
    },
    "arms.one.batchnorm: found recalibrated; must be left out for vgg11, which has no": {
        "architecture": "vgg11",
        "batchnorm": "recalibrated",
    },
    "arms.one.rescaling.running_statistics: found rescaled; must be kept for vgg11": {
        "architecture": "vgg11",
        "rescaling": {"factor": 2, "running_statistics": "rescaled"},
    },
    "arms.one.rescaling.running_statistics: found rescaled; must be kept for densenet121, as": {
        "architecture": "densenet121",
        "rescaling": {"factor": 2, "running_statistics": "rescaled"},
    },
    "arms.one.trained: found a share of 0.1; must be left out for python.own_networks.linear-": {
        "architecture": {"python": "own_networks:linear"},
        "trained": {"random": 0.1},
    },
    "arms.one.batch_size: found 1, so a batch of 50 images at 32 pixels": {
        "architecture": "mobilenet_v3_small",
        "batch_size": 1,
    },
}


@pytest.mark.parametrize("beginning", MISTAKES)
def test_a_mistake_gets_one_sentence(beginning):
    [sentence] = message(study_with(**MISTAKES[beginning])).splitlines()
    assert sentence.startswith(beginning)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
        ("import not_there", "ModuleNotFoundError: No module named 'not_there'"),
    ],
)
def test_a_package_that_cannot_be_imported_says_why(tmp_path, monkeypatch, line, told):
    package = tmp_path / "broken_networks"
    package.mkdir()
    (package / "__init__.py").write_text(line)
    (package / "small.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    [sentence] = message(
        study_with(architecture={"python": "broken_networks.small:network"})
    ).splitlines()
    assert f"the Python module 'broken_networks.small' cannot be imported ({told})" in sentence


def test_the_closest_network_of_timm_is_named_as_it_is_written(monkeypatch):
    """In place of timm, which need not be installed, a module that has two networks."""
    timm = ModuleType("timm")
    timm.__spec__ = ModuleSpec("timm", None)
    timm.list_models, timm.is_model = lambda: ["resnet10t", "vit_tiny"], lambda name: False
    monkeypatch.setitem(sys.modules, "timm", timm)
    [sentence] = message(study_with(architecture="timm/resnet10")).splitlines()
    assert sentence.startswith(
        "arms.one.architecture: found 'timm/resnet10'; did you mean 'timm/resnet10t'? must be a "
    )
    [sentence] = message(study_with(architecture="timm/nothing")).splitlines()
    assert "did you mean" not in sentence


def test_pretrained_transformers_need_the_side_of_their_weights():
    weights = {"w": ["IMAGENET1K_V1"]}
    [sentence] = message(
        study_with(weights, architecture="vit_b_32", initialisation="w")
    ).splitlines()
    assert sentence.startswith("arms.one.image_size: found 32; must be 224 for vit_b_32 with")
    build_study(study_with(weights, architecture="mobilenet_v3_small", initialisation="w"))
    [sentence] = message(
        study_with({"w": ["he2015"]}, architecture="vgg11", initialisation="w")
    ).splitlines()
    assert sentence == "weights.w: found 'he2015'; allowed for vgg11 are IMAGENET1K_V1, or a file."


def test_a_default_that_a_network_lacks_is_no_mistake():
    assert arm_of(study_with(architecture="vgg11")).batchnorm == "recalibrated"
    assert arm_of(study_with(architecture="vgg11", batchnorm="running")).batchnorm == "running"


def test_a_network_of_ones_own_is_told_by_its_code(tmp_path, monkeypatch):
    file = tmp_path / "own_of_mine.py"
    file.write_text("from own_networks import tokens\n")
    monkeypatch.syspath_prepend(tmp_path)
    configuration = study_with(architecture={"python": "own_of_mine:tokens"})
    before = arm_of(configuration)
    assert before.architecture.startswith("python.own_of_mine.tokens-")
    file.write_text("from own_networks import tokens\nWIDTH = 2\n")
    after = arm_of(configuration)
    assert run_name(before, ()) != run_name(after, ())
    # What was built is read as it is.
    written = tmp_path / "own" / "study.json"
    written.parent.mkdir()
    written.write_text(build_study(configuration).model_dump_json())
    assert load_study(written).arms["one"].architecture == after.architecture


def test_names_of_networks_are_swept_and_hashed():
    study = build_study(study_with(architecture=["resnet18", "mobilenet_v3_small"]))
    assert [arm.architecture for arm in study.arms.values()] == ["resnet18", "mobilenet_v3_small"]


def test_stages_of_claims_and_of_the_encoder_are_the_networks_own():
    configuration = study_with(architecture="mobilenet_v3_small")
    configuration["encoder"] = {"seeds": [1], "frozen_stages": ["features.12"]}
    claim = {"text": "It reads.", "arm": "one", "above": 0.1, "effect": 0.1}
    configuration["claims"] = {"C": claim | {"quantity": "probe.features.12"}}
    build_study(configuration)
    configuration["claims"] = {"C": claim | {"quantity": "probe.layer4"}}
    [sentence] = message(configuration).splitlines()
    assert sentence.startswith("claims.C.quantity: found 'probe.layer4'; ")
    assert "stages of mobilenet_v3_small, the network of 'one', are features.0, " in sentence
    del configuration["claims"]
    configuration["encoder"]["frozen_stages"] = ["layer4"]
    [sentence] = message(configuration).splitlines()
    assert sentence.startswith("encoder.frozen_stages: found 'layer4'; allowed are features.0,")
    configuration["arms"]["one"]["architecture"] = {"python": "own_networks:branching"}
    configuration["encoder"]["frozen_stages"] = "all"
    [sentence] = message(configuration).splitlines()
    assert sentence.startswith("encoder.arms: found one, whose network python.own_networks.branch")


def test_the_default_study_names_no_network():
    assert all("architecture" not in arm for arm in DEFAULT["arms"].values())


def built_as(weights: dict, **arms) -> dict:
    arms = {name: {"image_size": 32} | arm for name, arm in arms.items()}
    study = build_study({"study": "own", "seed": 1, "weights": weights, "arms": arms})
    return {name: arm.built_as for name, arm in study.arms.items()}


def test_a_random_start_is_built_as_the_weights_of_the_other_arms():
    """Weights that stride on another convolution mean another network of the same shapes."""
    weights = {"caffe": ["IMAGENET1K_V2", "he2015"], "v2": ["IMAGENET1K_V2"]}
    start = {"initialisation": "caffe"}
    assert built_as(weights, new={}, old=start) == {"new": "caffe", "old": None}
    assert built_as(weights, new={"built_as": None}, old=start)["new"] is None
    assert built_as(weights, new={}, old={"initialisation": "v2"})["new"] is None
    assert built_as(weights, new={"architecture": "resnet101"}, old=start)["new"] is None
    assert built_as(weights, new={"built_as": "caffe"})["new"] == "caffe"


@pytest.mark.parametrize(
    ("arm", "beginning"),
    [
        ({"built_as": "cafe"}, "arms.one.built_as: found 'cafe'; did you mean 'caffe'? allowed"),
        ({"built_as": "caffe", "initialisation": "caffe"}, "arms.one.built_as: found caffe; must"),
    ],
)
def test_a_wrong_network_to_be_built_as_gets_one_sentence(arm, beginning):
    [sentence] = message(study_with({"caffe": ["he2015"]}, **arm)).splitlines()
    assert sentence.startswith(beginning)
