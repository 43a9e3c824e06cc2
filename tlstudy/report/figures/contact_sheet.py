"""The training images of a run, a row for each digit."""

from pathlib import Path

import numpy as np

from tlstudy.config.fields import CLASSES
from tlstudy.report.figures import style

MOST_OF_A_DIGIT = 10  # so at most 100 images
GAP = 2  # pixels between images


def mosaic(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Images side by side in one array, NaN between and beside them.

    Args:
        images: (count, height, width) grey values.
        labels: (count,) digits.

    Returns:
        A row of images for each digit, in the order in which they were drawn, at most
        MOST_OF_A_DIGIT in each.
    """
    height, width = np.array(images.shape[1:]) + GAP
    longest = min(MOST_OF_A_DIGIT, np.bincount(labels, minlength=CLASSES).max())
    sheet = np.full((CLASSES * height, longest * width), np.nan)
    for digit in range(CLASSES):
        for column, image in enumerate(images[labels == digit][:MOST_OF_A_DIGIT]):
            top, left = digit * height, column * width
            sheet[top : top + height - GAP, left : left + width - GAP] = image
    return sheet


def sheet_note(labels: np.ndarray, subset_size: int, seed: int) -> str:
    """How many images there are, and whether all are shown."""
    counts = np.bincount(labels, minlength=CLASSES)
    shown = int(np.minimum(counts, MOST_OF_A_DIGIT).sum())
    which = "all shown"
    if shown < counts.sum():
        which = f"{shown} shown, the first {MOST_OF_A_DIGIT} of a digit at most"
    return f"n = {subset_size:,} training images, seed {seed}; {which}."


def write_contact_sheet(
    images: np.ndarray, labels: np.ndarray, folder: Path, subset_size: int, seed: int
) -> None:
    """Write `folder`/contact-sheet.svg and .png, a row for each digit with its number of images."""
    labels = np.asarray(labels)
    sheet = mosaic(np.asarray(images, dtype=float), labels)
    places = (np.arange(CLASSES) + 0.5) * sheet.shape[0] / CLASSES - GAP / 2
    counts = enumerate(np.bincount(labels, minlength=CLASSES))
    texts = [f"{digit}  ({n} {'image' if n == 1 else 'images'})" for digit, n in counts]
    with style.look(f"contact-sheet-{subset_size}-{seed}"):
        figure = style.new_figure(5, note=sheet_note(labels, subset_size, seed), width=5.6)
        ax = figure.subplots()
        ax.imshow(sheet, cmap="gray", aspect="equal")
        ax.grid(visible=False)
        ax.set_xticks([])
        ax.set_yticks(places, labels=texts)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        style.write(figure, folder / "contact-sheet")
