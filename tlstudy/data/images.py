"""Images of every kind of target: how they get into the cache."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tlstudy.config.targets import MNIST, Target
from tlstudy.data.digits import read_digits
from tlstudy.data.folders import read_folder
from tlstudy.data.stored import RECORD, Part, are_stored, store
from tlstudy.data.torchvision_sets import RAW_FILES, read_torchvision_set
from tlstudy.storage.files import write_json_atomically
from tlstudy.storage.reading import read_json


def cache_images(cache: Path, target: Target = MNIST) -> dict:
    """Put a target's images and `record.json` into its folder of the cache; valid files stay.

    Files that the user placed by hand in `cache/downloads` are taken before the network's.

    Raises:
        UserError: they cannot be had, or a file that was placed has other content.
    """
    folder, downloads = cache / target.place, cache / "downloads"
    if are_stored(folder):
        return json.loads((folder / RECORD).read_text(encoding="utf-8"))
    checksums = store(folder, _reader(target, downloads)())
    record = {"dataset": target.data.title, **_origin(target), "files": checksums}
    write_json_atomically(folder / RECORD, record)
    return record


def _reader(target: Target, downloads: Path) -> Callable[[], dict[str, Part]]:
    """What reads the images of a target."""
    if target.folder is not None:
        return partial(read_folder, target)
    if target.name == "digits":
        return read_digits
    return partial(read_torchvision_set, target, downloads)


def _origin(target: Target) -> dict:
    """Of a folder what was found, and how it was split and read."""
    return target.model_dump(mode="json", exclude={"folder"}) if target.folder else {}


def images_origin(cache: Path, target: Target = MNIST) -> dict:
    """The data set and the checksums of its files; empty if they are not known.

    Those of raw files are known without a cache, so a report is the same where there is none.
    """
    if raw := RAW_FILES.get(target.data.loader):
        return {"dataset": target.data.title, "files": raw}
    file = cache / target.place / RECORD
    return read_json(file, "images") if file.is_file() else {}
