"""Converted he2015 weights: the source's values, its function, and what it sees in photographs."""

import json
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import conv2d, interpolate
from torchvision.models import ResNet50_Weights

from tlstudy.data.stored import load_images
from tlstudy.networks.architecture import build_classifier
from tlstudy.networks.weights import load_weights


@pytest.fixture(scope="module")
def converted(he2015_folder):
    return load_weights(he2015_folder)


@pytest.fixture(scope="module")
def network(converted):
    network = build_classifier("resnet50", converted.stride_on)
    network.load_state_dict(converted.state, strict=True)
    return network.eval()


@pytest.fixture(scope="module")
def source(he2015_tarball):
    """The source's tensors, read a second way: by their place in one long array."""
    with tarfile.open(he2015_tarball) as archive:
        files = {
            m.name.rpartition("/")[2]: archive.extractfile(m).read()
            for m in archive.getmembers()
            if "ResNet50/" in m.name
        }
    manifest = json.loads(files["model.json"])["weightsManifest"][0]
    values = np.concatenate([np.frombuffer(files[name], "<f4") for name in manifest["paths"]])
    assert len(values) == 25_636_712
    sizes = [int(np.prod(entry["shape"])) for entry in manifest["weights"]]
    ends = np.cumsum(sizes)
    assert ends[-1] == len(values)
    return {
        entry["name"]: values[end - size : end].reshape(entry["shape"]).astype(np.float64)
        for entry, size, end in zip(manifest["weights"], sizes, ends, strict=True)
    }


def torch_names():
    """Keras layer and torchvision's convolution and BatchNorm, written out anew."""
    yield "conv1", "bn_conv1", "conv1", "bn1"
    counts = {2: 3, 3: 4, 4: 6, 5: 3}
    for stage, count in counts.items():
        for index in range(count):
            block, prefix = f"{stage}{'abcdef'[index]}", f"layer{stage - 1}.{index}"
            for part, number in (("2a", 1), ("2b", 2), ("2c", 3)):
                yield (
                    f"res{block}_branch{part}",
                    f"bn{block}_branch{part}",
                    f"{prefix}.conv{number}",
                    f"{prefix}.bn{number}",
                )
            if index == 0:
                yield (
                    f"res{block}_branch1",
                    f"bn{block}_branch1",
                    f"{prefix}.downsample.0",
                    f"{prefix}.downsample.1",
                )


def test_the_record_names_the_origin_and_the_conventions(converted):
    assert (converted.origin["architecture"], converted.stride_on) == ("resnet50", "1x1")
    assert converted.origin["parameters"] == 25_557_032
    assert converted.origin["origin_sha256"].startswith("863f7e63d95b1583")
    assert "He et al. 2015" in converted.origin["description"]


def test_every_tensor_of_the_source_is_used(source):
    used = {name for layer in torch_names() for name in layer[:2]} | {"fc1000"}
    assert {name.partition("/")[0] for name in source} == used


def test_convolutions_match_the_source_value_by_value(source, converted):
    for keras, _, name, _ in torch_names():
        if name == "conv1":
            continue  # scaled and permuted; tested by its function below
        ours = converted.state[f"{name}.weight"].numpy()
        np.testing.assert_array_equal(ours, np.moveaxis(source[f"{keras}/kernel"], (2, 3), (1, 0)))
    np.testing.assert_array_equal(converted.state["fc.weight"].numpy().T, source["fc1000/kernel"])
    np.testing.assert_array_equal(converted.state["fc.bias"].numpy(), source["fc1000/bias"])


KERAS = ("gamma", "beta", "moving_mean", "moving_variance")
TORCH = ("weight", "bias", "running_mean", "running_var")


def normalised(values, scale, shift, mean, variance, epsilon):
    """BatchNorm in evaluation mode, from its definition."""
    return scale * (values - mean) / (variance + epsilon) ** 0.5 + shift


def test_batchnorm_after_a_biased_convolution_is_the_same_function(source, converted):
    """For outputs z of the bare convolution: Keras' formula with bias and its epsilon."""
    outputs = np.random.default_rng(0).normal(size=5)
    for keras, keras_norm, _, name in torch_names():
        if name == "bn1":
            continue
        theirs = [source[f"{keras_norm}/{key}"] for key in KERAS]
        ours = [converted.state[f"{name}.{key}"].double().numpy() for key in TORCH]
        z = outputs[:, None] * np.sqrt(theirs[3] + 1e-3)
        expected = normalised(z + source[f"{keras}/bias"], *theirs, 1e-3)
        np.testing.assert_allclose(normalised(z, *ours, 1e-5), expected, rtol=1e-3, atol=1e-4)


def channels(values) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values)).double().view(1, -1, 1, 1)


def test_first_layer_takes_normalised_rgb_for_what_caffe_took(source, converted):
    pixels = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (1, 3, 32, 32))).double()
    bgr = pixels[:, [2, 1, 0]] - channels([103.939, 116.779, 123.68])
    kernel = torch.from_numpy(source["conv1/kernel"].transpose(3, 2, 0, 1).copy())
    theirs = conv2d(bgr, kernel, torch.from_numpy(source["conv1/bias"]), stride=2)
    rgb = (pixels / 255 - channels([0.485, 0.456, 0.406])) / channels([0.229, 0.224, 0.225])
    ours = conv2d(rgb, converted.state["conv1.weight"].double(), stride=2)
    keras = [channels(source[f"bn_conv1/{key}"]) for key in KERAS]
    torchvision = [channels(converted.state[f"bn1.{key}"]) for key in TORCH]
    torch.testing.assert_close(
        normalised(ours, *torchvision, 1e-5), normalised(theirs, *keras, 1e-3), rtol=1e-4, atol=1e-4
    )


PHOTOGRAPHS = {
    "chelsea": {"tabby", "tiger cat", "Egyptian cat"},
    "coffee": {"espresso", "cup", "coffee mug"},
    "camera": {"tripod"},
}


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_photographs_are_named_as_a_person_would(network, name):
    import skimage.data

    weights = ResNet50_Weights.IMAGENET1K_V1
    photograph = Image.fromarray(getattr(skimage.data, name)()).convert("RGB")
    with torch.no_grad():
        best = network(weights.transforms()(photograph)[None])[0].topk(2).indices.tolist()
    classes = {weights.meta["categories"][index] for index in best}
    assert classes & PHOTOGRAPHS[name], classes


def test_first_convolution_has_outputs_of_unit_scale_and_little_of_the_norm(converted):
    assert 0.5 < float(converted.state["bn1.running_var"].median()) < 2
    squares = {
        key: float(value.double().square().sum())
        for key, value in converted.state.items()
        if key.endswith(("weight", "bias"))
    }
    assert squares["conv1.weight"] < 0.002 * sum(squares.values())


def test_its_scale_changes_little_in_training_mode_either(converted, cache):
    """BatchNorm's epsilon is not scaled: it must not count, even where grey images leave colours
    nothing to see."""
    digits = torch.from_numpy(load_images(cache / "mnist", "train")[0][:50] / 255.0)[:, None]
    digits = interpolate(digits, size=(128, 128), mode="bilinear").repeat(1, 3, 1, 1)
    inputs = (digits - channels([0.485, 0.456, 0.406])) / channels([0.229, 0.224, 0.225])
    outputs = conv2d(inputs, converted.state["conv1.weight"].double(), stride=2, padding=3)
    shares = 1e-5 / 2 / outputs.var((0, 2, 3), correction=0)
    assert float(shares.max()) < 0.005
