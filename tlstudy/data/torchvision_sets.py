"""Data sets that torchvision downloads and checks, read into arrays."""

import gzip
import hashlib
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tlstudy.config.targets import Target
from tlstudy.data.stored import Part
from tlstudy.storage.errors import UserError

PARTS = ("train", "test")
# SHA-256 of raw (unzipped) files: Debian's package of Fashion-MNIST zips the same files otherwise
# than torchvision's mirror, which knows the zipped ones.
FASHION_MNIST = {
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
}


def read_torchvision_set(target: Target, downloads: Path) -> dict[str, Part]:
    """Images (N, H, W) or (N, H, W, 3) uint8 and labels of `train` and `test`.

    Files in the folder of that name in `downloads` are taken before the network's.

    Raises:
        UserError: torchvision can neither find nor download them.
    """
    from torchvision import datasets  # seconds to import, and only needed here

    placed, data = downloads / target.name, target.data
    loader = getattr(datasets, data.loader)
    with TemporaryDirectory(prefix="tlstudy-") as root:
        _place(placed, Path(root), loader, data.placed)
        try:
            parts = {part: _read(loader, root, part) for part in PARTS}
        except (OSError, RuntimeError, ValueError, EOFError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
            raise UserError(
                f"{target.name}: cannot be had ({reason}). Place {', '.join(data.placed)} in "
                f"{placed} and run the command again."
            ) from None
    sizes = {part: len(labels) for part, (_, labels) in parts.items()}
    if sizes != {"train": data.train, "test": data.test}:
        raise UserError(f"{target.name}: found {sizes} images; must be {data.train}, {data.test}.")
    return parts


def _place(placed: Path, root: Path, loader: type, names: tuple[str, ...]) -> None:
    """Copy the user's files to where torchvision looks; it may write there."""
    raw = root / loader.__name__ / "raw" if hasattr(loader, "raw_folder") else root
    raw.mkdir(parents=True, exist_ok=True)
    for name in names:
        if not (placed / name).is_file():
            continue
        if loader.__name__ == "FashionMNIST":
            (raw / name.removesuffix(".gz")).write_bytes(_unzipped(placed / name))
        else:
            shutil.copy(placed / name, raw)


def _unzipped(path: Path) -> bytes:
    """Content of a file of Fashion-MNIST.

    Raises:
        UserError: it is damaged, or another one.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error):
        content = b""
    if hashlib.sha256(content).hexdigest() != FASHION_MNIST[path.stem]:
        raise UserError(
            f"{path}: is not Fashion-MNIST's {path.name} (its SHA-256, unzipped, must be "
            f"{FASHION_MNIST[path.stem]}). Replace or remove it."
        )
    return content


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
