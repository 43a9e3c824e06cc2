"""Images of every kind of target: how they get into the cache, and how they are read."""

import json
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from tlstudy.config.targets import MNIST, Target
from tlstudy.data.digits import read_digits
from tlstudy.data.folders import read_folder
from tlstudy.data.mnist import cache_mnist, load_mnist, origin
from tlstudy.data.stored import RECORD, Part, are_stored, load_stored, store
from tlstudy.data.torchvision_sets import read_torchvision_set
from tlstudy.storage.files import write_json_atomically
from tlstudy.storage.reading import read_json

log = logging.getLogger(__name__)


def cache_images(cache: Path, target: Target = MNIST) -> dict:
    """Put a target's images and `record.json` into its folder of the cache; valid files stay.

    Files that the user placed by hand in `cache/downloads` are taken before the network's.

    Raises:
        UserError: they cannot be had, or a file that was placed has other content.
    """
    folder, downloads = cache / target.place, cache / "downloads"
    if target.name == "mnist":
        record = cache_mnist(folder, downloads)
    elif are_stored(folder):
        return json.loads((folder / RECORD).read_text(encoding="utf-8"))
    else:
        checksums = store(folder, _reader(target, downloads)())
        record = {"dataset": target.data.title, **_found(target), "files": checksums}
    write_json_atomically(folder / RECORD, record)
    return record


def _reader(target: Target, downloads: Path) -> Callable[[], dict[str, Part]]:
    """What reads the images of a target that is kept as arrays."""
    if target.folder is not None:
        return partial(read_folder, target)
    if target.name == "digits":
        return read_digits
    return partial(read_torchvision_set, target, downloads)


def _found(target: Target) -> dict:
    """Of a folder: what was found, and how it was split and read."""
    return target.model_dump(mode="json", exclude={"folder"}) if target.folder else {}


def images_origin(cache: Path, target: Target = MNIST) -> dict:
    """The data set and the checksums of its files; empty if it is not in the cache.

    MNIST's are known without its files.
    """
    if target.name == "mnist":
        return origin()
    file = cache / target.place / RECORD
    return read_json(file, "images") if file.is_file() else {}


def load_images(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, H, W) or (N, H, W, 3) uint8 and labels (N,) int64 of `train` or `test`.

    Raises:
        UserError: a file is missing or altered; checksums are verified at every call.
    """
    return load_mnist(folder, part) if folder.name == "mnist" else load_stored(folder, part)
