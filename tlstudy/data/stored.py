"""Images in the cache: files of NumPy beside a record of checksums."""

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tlstudy.config.targets import PARTS
from tlstudy.storage.errors import UserError
from tlstudy.storage.files import sha256, write_bytes_atomically
from tlstudy.storage.reading import made_by

RECORD = "record.json"
Part = tuple[np.ndarray, np.ndarray]


def are_stored(folder: Path) -> bool:
    """Whether all files are there, as they were written."""
    try:
        files = json.loads((folder / RECORD).read_text(encoding="utf-8"))["files"]
        names = {name for part in PARTS for name in _names(part)}
        return set(files) == names and all(sha256(folder / n) == files[n] for n in names)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def store(folder: Path, parts: Mapping[str, Part]) -> dict[str, str]:
    """Write images and labels of `train` and `test`; return the files' SHA-256 by name."""
    checksums = {}
    for part, arrays in parts.items():
        for name, array in zip(_names(part), arrays, strict=True):
            content = io.BytesIO()
            np.save(content, np.ascontiguousarray(array), allow_pickle=False)
            write_bytes_atomically(folder / name, content.getvalue())
            checksums[name] = hashlib.sha256(content.getvalue()).hexdigest()
    return checksums


def load_images(folder: Path, part: str) -> Part:
    """Images (N, H, W) or (N, H, W, 3) uint8 and labels (N,) int64 of `train` or `test`.

    Raises:
        UserError: a file is missing or altered; checksums are verified at every call.
    """
    try:
        files = json.loads((folder / RECORD).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError):
        raise UserError(f"{folder / RECORD}: missing or damaged; {made_by('images')}.") from None
    return tuple(_read(folder / name, files.get(name)) for name in _names(part))


def _names(part: str) -> tuple[str, str]:
    return f"{part}-images.npy", f"{part}-labels.npy"


def _read(path: Path, expected: str | None) -> np.ndarray:
    if not path.is_file():
        raise UserError(f"{path}: missing; {made_by('images')}.")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != expected:
        raise UserError(
            f"{path}: was altered (its SHA-256 is not that of {RECORD}); delete it and "
            f"{made_by('images')}."
        )
    return np.load(io.BytesIO(content), allow_pickle=False)
