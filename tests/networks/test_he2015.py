"""Converted he2015 weights: the source's values, its function, and what it sees in photographs."""

import json
import tarfile

import numpy as np
import pytest
import torch
from torch.nn import Conv2d
from torch.nn.functional import conv2d

from tlstudy.networks.build import build_classifier
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


def test_batchnorm_after_a_biased_convolution_is_the_same_function(source, converted):
    """For outputs z of the bare convolution: Keras' formula with bias and its epsilon."""
    outputs = np.random.default_rng(0).normal(size=5)
    for keras, keras_norm, _, name in torch_names():
        if name == "bn1":
            continue
        part = {
            key: source[f"{keras_norm}/{key}"]
            for key in ("gamma", "beta", "moving_mean", "moving_variance")
        }
        z = outputs[:, None] * np.sqrt(part["moving_variance"] + 1e-3)
        biased = z + source[f"{keras}/bias"]
        expected = (
            part["gamma"] * (biased - part["moving_mean"]) / np.sqrt(part["moving_variance"] + 1e-3)
            + part["beta"]
        )
        state = {
            key: converted.state[f"{name}.{key}"].double().numpy()
            for key in ("weight", "bias", "running_mean", "running_var")
        }
        got = (
            state["weight"] * (z - state["running_mean"]) / np.sqrt(state["running_var"] + 1e-5)
            + state["bias"]
        )
        np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4)


def test_first_layer_takes_normalised_rgb_for_what_caffe_took(source, converted):
    pixels = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (1, 3, 32, 32))).double()
    bgr = pixels[:, [2, 1, 0]] - torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1).double()
    kernel = torch.from_numpy(source["conv1/kernel"].transpose(3, 2, 0, 1).copy())
    theirs = conv2d(bgr, kernel, torch.from_numpy(source["conv1/bias"]), stride=2)
    mean, std = (
        torch.tensor(v).view(1, 3, 1, 1).double()
        for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    )
    ours = conv2d((pixels / 255 - mean) / std, converted.state["conv1.weight"].double(), stride=2)

    def column(values):
        return torch.from_numpy(np.asarray(values)).double().view(1, -1, 1, 1)

    norm = {
        key: column(source[f"bn_conv1/{key}"])
        for key in ("gamma", "beta", "moving_mean", "moving_variance")
    }
    expected = (
        norm["gamma"] * (theirs - norm["moving_mean"]) / (norm["moving_variance"] + 1e-3).sqrt()
        + norm["beta"]
    )
    state = {
        key: column(converted.state[f"bn1.{key}"].numpy())
        for key in ("weight", "bias", "running_mean", "running_var")
    }
    got = (
        state["weight"] * (ours - state["running_mean"]) / (state["running_var"] + 1e-5).sqrt()
        + state["bias"]
    )
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)


def test_strides_are_on_the_first_1x1_convolutions(network):
    strided = [
        name
        for name, module in network.named_modules()
        if isinstance(module, Conv2d) and module.stride == (2, 2) and "layer" in name
    ]
    assert sorted(strided) == sorted(
        f"layer{stage}.0.{part}" for stage in (2, 3, 4) for part in ("conv1", "downsample.0")
    )


def top_classes(network, photograph: np.ndarray, count: int = 5) -> list[str]:
    from PIL import Image
    from torchvision.models import ResNet50_Weights

    weights = ResNet50_Weights.IMAGENET1K_V1
    inputs = weights.transforms()(Image.fromarray(photograph).convert("RGB"))
    with torch.no_grad():
        best = network(inputs[None])[0].topk(count).indices.tolist()
    return [weights.meta["categories"][index] for index in best]


PHOTOGRAPHS = {
    "chelsea": ("skimage", {"tabby", "tiger cat", "Egyptian cat"}),
    "coffee": ("skimage", {"espresso", "cup", "coffee mug"}),
    "camera": ("skimage", {"tripod"}),
    "china.jpg": ("sklearn", {"palace", "monastery", "stupa"}),
}


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_photographs_are_named_as_a_person_would(network, name):
    package, expected = PHOTOGRAPHS[name]
    if package == "skimage":
        import skimage.data

        photograph = getattr(skimage.data, name)()
    else:
        from sklearn.datasets import load_sample_image

        photograph = load_sample_image(name)
    classes = top_classes(network, photograph)
    assert set(classes[:2]) & expected, classes


def test_strides_elsewhere_would_be_another_function(converted, network):
    other = build_classifier("resnet50", "3x3")
    other.load_state_dict(converted.state)
    inputs = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ours, theirs = network(inputs), other.eval()(inputs)
    assert not torch.allclose(ours, theirs, atol=0.1)


def test_the_second_reading_is_not_of_nothing(source):
    kernels = [values for name, values in source.items() if name.endswith("/kernel")]
    assert len(kernels) == 54
    assert all(values.any() for values in kernels)
