"""What a figure's lines, areas and panels stand for, which Matplotlib does not keep.

Those who draw tell it here, by an artist's label or by one of these functions; `drawn.py` reads it.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from weakref import WeakKeyDictionary, WeakSet

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

MEAN, LOW, HIGH = "mean", "low end of the interval", "high end of the interval"
GEOMETRIC_MEAN = "geometric mean"  # on logarithmic axes
MEANS = (MEAN, GEOMETRIC_MEAN)
INTERVAL = "interval"  # label of a line from the low to the high end
PUBLISHED = "published"
JOINED = "joined"  # label of what only shows again values that stand beside it
UNNAMED = "_"  # first character of labels that Matplotlib makes up

bands_of: WeakKeyDictionary[Artist, tuple] = WeakKeyDictionary()
looks_of: WeakKeyDictionary[Line2D, Line2D] = WeakKeyDictionary()
names_of: WeakKeyDictionary[Axes, dict[float, str]] = WeakKeyDictionary()
entries_of: WeakKeyDictionary[Line2D, str] = WeakKeyDictionary()
formulas: WeakSet[Axes] = WeakSet()
left_out: WeakSet[Axes] = WeakSet()
titles_of: WeakKeyDictionary[Axes, str] = WeakKeyDictionary()
seeds_of: WeakKeyDictionary[Line2D, list[int]] = WeakKeyDictionary()


def of_seed(seed: int | str) -> str:
    """The label of an artist that shows one seed."""
    return f"seed {seed}"


def label_of_seed(seeds: list[int] | None, position: int) -> str | None:
    """Likewise, of the seed at a position; None, which Matplotlib replaces, if it is not known."""
    return None if seeds is None else of_seed(seeds[position])


def remember_band(band: Artist, line: Line2D, low: np.ndarray, high: np.ndarray) -> None:
    """Keep the ends of an interval that is drawn as an area around a line."""
    bands_of[band] = (line, low, high)


def remember_look(lines: Iterable[Line2D], look: Line2D) -> None:
    """Keep what lines have to do with the legend: points of seeds look unlike what joins them."""
    looks_of.update((line, look) for line in lines)


def remember_seeds(points: Line2D, seeds: list[int] | None) -> None:
    """Keep whose values the points of one artist are, if that is known."""
    if seeds is not None:
        seeds_of[points] = seeds


def leave_out(ax: Axes) -> None:
    """A panel of images is no panel of values."""
    left_out.add(ax)


def remember_title(ax: Axes, title: str) -> None:
    """Keep what a panel is called where its title says something else."""
    titles_of[ax] = title


def remember_names(ax: Axes, names: Iterable[str], places: Sequence[float] | None = None) -> None:
    """Keep names of 0, 1, 2, ... or other places of a horizontal axis without room for them."""
    texts = [plain(name) for name in names]
    names_of[ax] = dict(zip(range(len(texts)) if places is None else places, texts, strict=True))


@contextmanager
def named(ax: Axes, entry: str) -> Iterator[None]:
    """What is drawn meanwhile has this entry of the legend: another may look the same."""
    before = len(ax.lines)
    yield
    entries_of.update(dict.fromkeys(ax.lines[before:], plain(entry)))


def thin_curves(ax: Axes) -> None:
    """Keep that a panel shows formulas: of their curves a part of the points is enough."""
    formulas.add(ax)


def plain(text: str) -> str:
    """One line, dollar signs as they were meant."""
    return " ".join(text.split()).replace(r"\$", "$")
