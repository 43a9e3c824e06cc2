"""The training images of a run, a row for each class."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tlstudy.report.figures import files, meanings, style

MOST_OF_A_CLASS = 10  # so at most 100 images of ten classes
MOST_CLASSES = 40
GAP = 2  # pixels between images
WHITE = 255
WIDTH, TALLEST_ROW, HEIGHT, NOTE = 5.6, 0.5, 12, 0.4  # inches
CHARACTER = 0.075  # of a class's name, inches on average
LONGEST_NAME = 24
LARGEST_SIDE = 64  # pixels of an image in the sheet; of larger ones some are left out


def mosaic(images: np.ndarray, labels: np.ndarray, rows: Sequence[int]) -> np.ndarray:
    """Images side by side in one array, NaN between and beside them (white, of colours).

    Args:
        images: (count, height, width) grey values, or (count, height, width, 3) colours.
        labels: (count,) of the images.
        rows: labels that are shown.

    Returns:
        A row of images for each of these labels, in the order in which they were drawn, at most
        MOST_OF_A_CLASS in each.
    """
    height, width = np.array(images.shape[1:3]) + GAP
    longest = min(MOST_OF_A_CLASS, np.bincount(labels, minlength=1).max())
    empty = np.nan if images.ndim == 3 else WHITE
    sheet = np.full((len(rows) * height, longest * width, *images.shape[3:]), float(empty))
    for row, label in enumerate(rows):
        for column, image in enumerate(images[labels == label][:MOST_OF_A_CLASS]):
            top, left = row * height, column * width
            sheet[top : top + height - GAP, left : left + width - GAP] = image
    return sheet


def sheet_note(
    labels: np.ndarray, subset_size: int, seed: int, rows: Sequence[int], classes: int
) -> str:
    """How many images there are, and whether all are shown."""
    counts = np.bincount(labels, minlength=classes)
    shown = int(np.minimum(counts[list(rows)], MOST_OF_A_CLASS).sum())
    which = "all shown"
    if shown < counts.sum():
        which = f"{shown} shown, the first {MOST_OF_A_CLASS} of a class at most"
    if len(rows) < classes:
        which += f", of {len(rows)} of the {classes} classes"
    return f"n = {subset_size:,} training images, seed {seed}; {which}."


def write_contact_sheet(
    images: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    folder: Path,
    subset_size: int,
    seed: int,
) -> None:
    """Write `folder`/contact-sheet.svg and .png, a row for each class with its number of images.

    Of many classes the first that are among the images are shown.
    """
    labels = np.asarray(labels)
    rows = range(len(classes))
    if len(classes) > MOST_CLASSES:
        rows = sorted(dict.fromkeys(labels.tolist()))[:MOST_CLASSES]
    every = -(-images.shape[1] // LARGEST_SIDE)
    sheet = mosaic(images[:, ::every, ::every], labels, rows)
    places = (np.arange(len(rows)) + 0.5) * sheet.shape[0] / len(rows) - GAP / 2
    counts = np.bincount(labels, minlength=len(classes))[list(rows)]
    texts = [
        f"{_short(classes[row])}  ({n} {'image' if n == 1 else 'images'})"
        for row, n in zip(rows, counts, strict=True)
    ]
    with style.look(f"contact-sheet-{subset_size}-{seed}"):
        note = sheet_note(labels, subset_size, seed, rows, len(classes))
        columns = min(MOST_OF_A_CLASS, int(counts.max(initial=1)))
        left = WIDTH - CHARACTER * max(map(len, texts))
        row = min(TALLEST_ROW, HEIGHT / len(rows), left / columns)
        figure = style.new_figure(NOTE + row * len(rows), note=note, width=WIDTH)
        ax = figure.subplots()
        meanings.leave_out(ax)
        ax.imshow(sheet if sheet.ndim == 2 else sheet / WHITE, cmap="gray", aspect="equal")
        ax.grid(visible=False)
        ax.set_xticks([])
        ax.set_yticks(places, labels=texts)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        ax.set_anchor("W")  # right beside the names
        files.write(figure, folder / "contact-sheet")


def _short(name: str) -> str:
    """A class's name, cut where it is long."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}\u2026"
