"""Files of pretrained weights: the right ones or none, whatever is in them."""

import os
import pickle
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch
import torchvision
from result_files import files_of
from safetensors.torch import load_file, save_file
from tiny import tiny_training

from tlstudy.config.architectures import TORCHVISION, allowed_sources
from tlstudy.config.settings import WeightsFile
from tlstudy.networks.architecture import build_classifier
from tlstudy.networks.build import initial_network
from tlstudy.networks.weights import cache_weights, load_weights
from tlstudy.storage.errors import UserError
from tlstudy.storage.files import sha256

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


def cache_mine(tmp_path: Path, file: Path, architecture: str = "resnet18", **fields) -> dict:
    sources = [WeightsFile(file=file, **fields)]
    return cache_weights(sources, architecture, tmp_path / "cached", tmp_path / "downloads")


@pytest.mark.parametrize("architecture", sorted(TORCHVISION))
def test_allowed_sources_are_torchvisions_and_he2015(architecture, tmp_path):
    every = torchvision.models.get_model_weights(architecture)
    names = [weights.name for weights in every if weights.name != "IMAGENET1K_FEATURES"]
    names += ["he2015"] if architecture == "resnet50" else []
    assert allowed_sources(architecture) == names
    listed = f"found 'else'; allowed for {architecture} are {', '.join(names)}, or a file"
    with pytest.raises(UserError, match=listed):
        cache_weights(["else"], architecture, tmp_path / "cached", tmp_path)


def test_users_file_is_cached_with_its_record(state, good_file, tmp_path):
    mean, std = [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]
    record = cache_mine(tmp_path, good_file, mean=mean, std=std)
    loaded = load_weights(tmp_path / "cached")
    assert record == loaded.origin
    assert record["architecture"] == "resnet18"
    assert record["source"] == str(good_file)
    assert record["stride_on"] == "3x3"
    assert (record["mean"], record["std"]) == (mean, std)
    assert record["parameters"] == 11_689_512
    assert record["origin_sha256"] == sha256(good_file)
    assert record["sha256"] == sha256(tmp_path / "cached" / "weights.safetensors")
    assert record["tried"] == [{"source": str(good_file), "outcome": "used"}]
    assert record["description"].endswith("mine.safetensors")  # and speaks of no conversion
    assert loaded.state.keys() == state.keys()
    assert all(torch.equal(loaded.state[key], state[key]) for key in state)
    assert files_of(tmp_path / "cached") == [
        *("record.json", "record.sha256", "weights.safetensors"),
    ]


def test_same_weights_give_the_same_bytes_from_any_form(state, good_file, tmp_path):
    """Order, format, layout in memory and a lack of BatchNorm counters do not matter."""
    digests = {cache_mine(tmp_path, good_file)["sha256"]}
    shuffled = {
        key: tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor
        for key, tensor in reversed(state.items())
        if not key.endswith("num_batches_tracked")
    }
    for name, new_format in (("zip.pth", True), ("legacy.pth", False)):
        torch.save(shuffled, tmp_path / name, _use_new_zipfile_serialization=new_format)
        digests.add(cache_mine(tmp_path, tmp_path / name)["sha256"])
    assert len(digests) == 1


@pytest.mark.parametrize("side", [224, 384])
def test_weights_of_timm_are_held_against_a_network_of_their_side(monkeypatch, tmp_path, side):
    """In place of timm, which need not be installed, a module that does what is asked of it."""
    settings = SimpleNamespace(
        fixed_input_size=True, input_size=(3, side, side), mean=(0.5,) * 3, std=(0.5,) * 3
    )

    def create_model(name, num_classes=1000, img_size=side, pretrained=False):
        body = torch.nn.Module()
        body.pos_embed = torch.nn.Parameter(torch.zeros(1, (img_size // 16) ** 2 + 1, 2))
        body.head = torch.nn.Linear(2, num_classes)
        return body

    timm = ModuleType("timm")
    timm.get_pretrained_cfg, timm.create_model = lambda name: settings, create_model
    timm.list_pretrained = lambda pattern: ["vit.in1k"]
    monkeypatch.setitem(sys.modules, "timm", timm)
    record = cache_weights(["in1k"], "timm.vit", tmp_path / "cached", tmp_path)
    assert record["description"] == "timm vit.in1k"
    positions = load_weights(tmp_path / "cached").state["pos_embed"]
    assert positions.shape == (1, (side // 16) ** 2 + 1, 2)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_float32_and_the_record_says_so(state, tmp_path, kind):
    name = str(kind).removeprefix("torch.")
    values = {
        key: value.to(kind) if value.is_floating_point() else value for key, value in state.items()
    }
    torch.save(values, tmp_path / "other.pth")
    record = cache_mine(tmp_path, tmp_path / "other.pth")
    loaded = load_weights(tmp_path / "cached").state
    assert all(torch.equal(loaded[key], values[key].to(state[key].dtype)) for key in state)
    assert all(loaded[key].dtype == state[key].dtype for key in state)
    assert record["description"].endswith(f"other.pth, converted from {name} to float32")


def with_last_value(value: float):
    def change(tensor: torch.Tensor) -> torch.Tensor:
        changed = tensor.clone()
        changed.view(-1)[-1] = value
        return changed

    return change


UNUSABLE = {
    "overflow": (lambda value: torch.full_like(value, 1e39, dtype=torch.float64), "not finite"),
    "not a number": (with_last_value(float("nan")), "not finite"),
    "infinite": (with_last_value(float("inf")), "not finite"),
    "integer": (lambda value: value.to(torch.int8), "int8, must be floating point"),
    "quantised": (
        lambda value: torch.quantize_per_tensor(value, 0.1, 0, torch.qint8),
        "must be floating point",
    ),
    "missing": (None, "is missing"),
}


@pytest.mark.parametrize("kind", UNUSABLE)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_tensors_that_cannot_be_used_are_named(state, tmp_path, kind):
    change, reason = UNUSABLE[kind]
    changed = {key: value for key, value in state.items() if key != "bn1.running_mean"}
    if change:
        changed["bn1.running_mean"] = change(state["bn1.running_mean"])
    torch.save(changed, tmp_path / "odd.pth")
    with pytest.raises(UserError, match=rf"odd\.pth.*bn1\.running_mean .*{reason}"):
        cache_mine(tmp_path, tmp_path / "odd.pth")
    assert not (tmp_path / "cached").exists()


def test_a_variance_is_not_negative(state, tmp_path):
    odd = state | {"bn1.running_var": with_last_value(-1.0)(state["bn1.running_var"])}
    save_file(odd, tmp_path / "odd.safetensors")
    with pytest.raises(UserError, match=r"bn1\.running_var holds negative values, must hold"):
        cache_mine(tmp_path, tmp_path / "odd.safetensors")


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_names_that_a_wrapper_gave_are_those_of_what_it_wraps(
    state, good_file, tmp_path, caplog, prefix
):
    wrapped = {f"{prefix}{key}": value for key, value in state.items()}
    save_file(wrapped, tmp_path / "MINE.SAFETENSORS")
    with caplog.at_level("INFO"):
        cached = cache_mine(tmp_path, tmp_path / "MINE.SAFETENSORS")
    assert cached["sha256"] == cache_mine(tmp_path / "plain", good_file)["sha256"]
    assert "'module.' is left out of all names" in caplog.text or prefix == "_orig_mod."
    wrapped["other"] = wrapped.pop(f"{prefix}fc.bias")
    save_file(wrapped, tmp_path / "mixed.safetensors")
    with pytest.raises(UserError, match="is missing"):
        cache_mine(tmp_path, tmp_path / "mixed.safetensors")


def test_weights_of_another_architecture_are_refused(state, good_file, tmp_path):
    shapes = r"layer1.0.conv1.weight has shape \(64, 64, 3, 3\), must be \(64, 64, 1, 1\)"
    with pytest.raises(UserError, match=f"mine.safetensors'?: not a resnet50: {shapes}"):
        cache_mine(tmp_path, good_file, "resnet50")
    save_file(state | {"layer9.weight": torch.ones(2)}, tmp_path / "more.safetensors")
    with pytest.raises(UserError, match=r"layer9\.weight does not belong to it"):
        cache_mine(tmp_path, tmp_path / "more.safetensors")
    with pytest.raises(UserError, match="stride_on: found 1x1; must be 3x3 for resnet18"):
        cache_mine(tmp_path, good_file, stride_on="1x1")
    assert not (tmp_path / "cached").exists()


def test_the_last_layer_may_have_been_trained_on_other_classes(state, good_file, tmp_path):
    """It is replaced; all other weights are those of the file."""
    ours = state | {"fc.weight": torch.ones(365, 512), "fc.bias": torch.ones(365)}
    save_file(ours, tmp_path / "places.safetensors")
    cache_mine(tmp_path, tmp_path / "places.safetensors")
    weights, training = load_weights(tmp_path / "cached"), tiny_training()
    network = initial_network(training, 26, weights).state_dict()
    assert network["fc.weight"].shape == (10, 512)
    assert all(torch.equal(network[k], v) for k, v in state.items() if not k.startswith("fc."))
    save_file(ours | {"fc.weight": torch.ones(365, 100)}, tmp_path / "odd.safetensors")
    with pytest.raises(UserError, match=r"fc.weight has shape \(365, 100\)"):
        cache_mine(tmp_path, tmp_path / "odd.safetensors")


class Malice:
    """Unpickled without care, it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("form", ["zip", "bare pickle"])
def test_code_in_a_pickle_is_refused_and_does_not_run(tmp_path, form):
    path, folder = tmp_path / "evil.pth", tmp_path / "made-by-code"
    malice = {"conv1.weight": Malice(folder)}
    torch.save(malice, path) if form == "zip" else path.write_bytes(pickle.dumps(malice))
    with pytest.raises(UserError, match=f"{path}.*no code"):
        cache_mine(tmp_path, path)
    assert not folder.exists()
    # The test itself: without care the code does run.
    with suppress(RuntimeError):
        torch.load(path, weights_only=False)
    assert folder.is_dir()


GARBAGE = {
    "text.pth": lambda path: path.write_text("not found"),
    "page.safetensors": lambda path: path.write_text("<html>not found</html>"),
    "broken-zip.pth": lambda path: path.write_bytes(b"PK\x03\x04" + bytes(50)),
    "popping.pth": lambda path: path.write_bytes(b"\x80\x02."),  # an IndexError in torch
    "list.pth": lambda path: torch.save([torch.ones(2)], path),
    "network.pth": lambda path: torch.save(build_classifier("resnet18", "3x3"), path),
    "nested.pth": lambda path: torch.save({"state_dict": {"a": torch.ones(2)}}, path),
    "numbers.pth": lambda path: torch.save({1: torch.ones(2)}, path),
    "no-values.pth": lambda path: torch.save({"a": torch.ones(2, device="meta")}, path),
    "sparse.pth": lambda path: torch.save({"a": torch.eye(2).to_sparse()}, path),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_refused_in_a_sentence_that_names_the_file(tmp_path, name):
    GARBAGE[name](tmp_path / name)
    with pytest.raises(UserError, match=f"^{tmp_path / name}: cannot be read as weights.*$"):
        cache_mine(tmp_path, tmp_path / name)
    assert files_of(tmp_path) == [name]


def test_altered_damaged_or_missing_weights_are_refused(good_file, tmp_path):
    cache_mine(tmp_path, good_file)
    path, record = tmp_path / "cached" / "weights.safetensors", tmp_path / "cached" / "record.json"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    load_file(path)  # a valid file as such: only the checksum tells
    with pytest.raises(UserError, match=f"{path}: was altered.*delete {path.parent}"):
        load_weights(path.parent)
    path.unlink()
    with pytest.raises(UserError, match=f"{path}: missing; run `tlstudy weights "):
        load_weights(path.parent)
    record.write_text("{")
    with pytest.raises(UserError, match=f"{record}: is damaged"):
        load_weights(path.parent)


@pytest.mark.parametrize(("stride_on", "first", "second"), [("3x3", 1, 2), ("1x1", 2, 1)])
def test_stride_is_where_the_weights_expect_it(stride_on, first, second):
    network = build_classifier("resnet50", stride_on, outputs=7)
    for layer in (network.layer2, network.layer3, network.layer4):
        strides = [(block.conv1.stride[0], block.conv2.stride[0]) for block in layer]
        assert strides == [(first, second)] + [(1, 1)] * (len(layer) - 1)
        assert layer[0].downsample[0].stride == (2, 2)
    assert all(block.conv2.stride == (1, 1) for block in network.layer1)
    assert network.eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 7)
