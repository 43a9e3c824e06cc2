"""Make the folder of images of the example: crops of ten photographs that scikit-image ships.

    pip install scikit-image
    python docs/examples/make_photos.py photos

Training crops come from the left half of each photograph and test crops from its right half, so no
pixel is in both. All are grey: some of the photographs are, and colour alone would tell those.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

# Files of the package itself, which are there without a download.
PHOTOGRAPHS = {
    "brick": "brick.png",
    "cat": "chelsea.png",
    "coffee": "coffee.png",
    "coins": "coins.png",
    "galaxies": "hubble_deep_field.jpg",
    "grass": "grass.png",
    "gravel": "gravel.png",
    "motorcycle": "motorcycle_left.png",
    "person": "astronaut.png",
    "tissue": "ihc.png",
}
SIDE = 96
EACH = 15


def crops(half: np.ndarray, generator: np.random.Generator) -> list[Image.Image]:
    """Squares of SIDE pixels at random places of a half (height, width); they may overlap."""
    found = []
    for _ in range(EACH):
        top, left = (generator.integers(0, length - SIDE + 1) for length in half.shape)
        found.append(Image.fromarray(half[top : top + SIDE, left : left + SIDE]))
    return found


def main(folder: Path) -> None:
    generator = np.random.default_rng(0)
    for name, file in PHOTOGRAPHS.items():
        photograph = np.asarray(Image.open(Path(data.__file__).parent / file).convert("L"))
        middle = photograph.shape[1] // 2
        halves = {"train": photograph[:, :middle], "test": photograph[:, middle:]}
        for part, half in halves.items():
            (folder / part / name).mkdir(parents=True, exist_ok=True)
            for number, crop in enumerate(crops(half, generator)):
                crop.save(folder / part / name / f"{number}.png")
    print(f"{folder}: {2 * EACH * len(PHOTOGRAPHS)} images of {len(PHOTOGRAPHS)} classes")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "photos"))
