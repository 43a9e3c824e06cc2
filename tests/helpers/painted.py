"""A folder of images as users have them, painted here."""

from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("blue-ish", "green", "red")


def paint_folder(folder: Path, each: int = 20) -> Path:
    """Colour images of three classes: noise with one channel brighter in each class."""
    generator = np.random.default_rng(0)
    for channel, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for number in range(each):
            pixels = generator.integers(0, 120, (30, 40, 3), dtype=np.uint8)
            pixels[:, :, channel] += 120
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder
