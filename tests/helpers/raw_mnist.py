"""MNIST's four raw files as they are given out, made again of the images in the cache."""

import struct
from pathlib import Path

import numpy as np

from tlstudy.data.stored import load_images

UNSIGNED_BYTES = 8  # of IDX files: the type of their values


def raw_files(folder: Path) -> dict[str, bytes]:
    """Bytes by name, of a folder of cached images."""
    made = {}
    for part, name in (("train", "train"), ("test", "t10k")):
        images, labels = load_images(folder, part)
        made[f"{name}-images-idx3-ubyte"] = _idx(images)
        made[f"{name}-labels-idx1-ubyte"] = _idx(labels.astype(np.uint8))
    return made


def place_raw_files(raw: dict[str, bytes], cache: Path) -> None:
    """Put files to where a user places those of MNIST by hand."""
    folder = cache / "downloads" / "mnist"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in raw.items():
        (folder / name).write_bytes(content)


def _idx(values: np.ndarray) -> bytes:
    header = struct.pack(f">{values.ndim + 1}I", UNSIGNED_BYTES << 8 | values.ndim, *values.shape)
    return header + values.tobytes()
