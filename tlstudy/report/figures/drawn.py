"""What a figure shows, as numbers: read off the figure, so that no number can differ from it.

They are written into the figure's SVG. The page takes them from there for what it says on hover,
for the CSV and for the text alternative.
"""

import json
import re
from collections.abc import Iterator
from xml.sax.saxutils import escape

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator
from typing_extensions import TypedDict  # pydantic needs it before Python 3.12

from tlstudy.report.figures.meanings import (
    HIGH,
    INTERVAL,
    JOINED,
    LOW,
    MEANS,
    PUBLISHED,
    UNNAMED,
    bands_of,
    entries_of,
    formulas,
    left_out,
    looks_of,
    names_of,
    of_seed,
    plain,
    seeds_of,
    titles_of,
)
from tlstudy.report.figures.scales import without_scale
from tlstudy.report.figures.style import MUTED

DIGITS = 5
LARGEST = 150_000  # characters of a figure's values; beyond, seeds that have a mean are left out
MOST_POINTS = 100  # of a formula's curve, which is drawn through many more
POINTS_PER_INCH = 72


class Series(TypedDict):
    """Values of one look: as they are, and in points from the drawing's top left.

    Attributes:
        x, y: numbers, or what the axis calls them.
        name: what the legend says of the look; empty if it does not have it.
        mark: whose values: a seed's, the mean, an end of the interval, or empty.
    """

    name: str
    mark: str
    x: list[float] | list[str]
    y: list[float] | list[str]
    at: list[float]


class Grid(TypedDict):
    """A picture's values: rows from the top, corners in points from the drawing's top left.

    Attributes:
        of: what the values are, as the colour bar says.
    """

    of: str
    x: list[float] | list[str]
    y: list[float] | list[str]
    values: list[list[float | None]]
    corners: list[float]


class Panel(TypedDict):
    """One panel of a figure: its title, what its axes say, and what is in it."""

    title: str
    x: str
    y: str
    series: list[Series]
    grids: list[Grid]


def panels_of(figure: Figure) -> list[Panel]:
    """The figure's panels with all values in them; its layout must have been solved."""
    looks, of = list(_looks(figure)), _colour_label(figure)
    to_points = POINTS_PER_INCH / figure.dpi
    height = figure.bbox.height * to_points
    panels = []
    for ax in figure.axes:
        # The map below a surface has its values.
        if ax.name == "3d" or hasattr(ax, "_colorbar") or ax in left_out:
            continue
        series = list(_series(ax, looks, to_points, height))
        grids = [_grid(image, of, to_points, height) for image in ax.images]
        if series or grids:
            panels.append(
                Panel(
                    title=plain(titles_of.get(ax) or ax.get_title(loc="left")),
                    x=plain(without_scale(ax.get_xlabel() or _shared_label(ax, "x"))),
                    y=plain(without_scale(ax.get_ylabel() or _shared_label(ax, "y"))),
                    series=series,
                    grids=grids,
                )
            )
    return panels


def with_values(svg: str, figure: Figure) -> str:
    """The SVG with the figure's values as its metadata."""
    panels = panels_of(figure)
    if not panels:
        return svg
    text = _as_json(panels)
    if len(text) > LARGEST:
        text = _as_json([{**panel, "series": _without_seeds(panel["series"])} for panel in panels])
    start = svg.index(">", svg.index("<svg")) + 1
    return f"{svg[:start]}<metadata>{escape(text)}</metadata>{svg[start:]}"


def _colour_label(figure: Figure) -> str:
    """What the colour bars say, without what they say of the scale."""
    bars = (ax._colorbar for ax in figure.axes if hasattr(ax, "_colorbar"))
    labels = (bar.ax.get_ylabel() or bar.ax.get_xlabel() for bar in bars)
    return re.split("[;,]", next(labels, ""))[0]


def _as_json(panels: list[Panel]) -> str:
    return json.dumps(panels, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _without_seeds(series: list[Series]) -> list[Series]:
    averaged = {item["name"] for item in series if item["mark"] in MEANS}
    seed = of_seed("")
    return [
        item for item in series if not (item["mark"].startswith(seed) and item["name"] in averaged)
    ]


def _looks(figure: Figure) -> Iterator[tuple[str, Line2D]]:
    """Entries of the figure's legends."""
    for legend in figure.findobj(Legend):
        for line, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
            if isinstance(line, Line2D):
                yield plain(text.get_text()), line


def _series(ax: Axes, looks: list, to_points: float, height: float) -> Iterator[Series]:
    for line in ax.lines:
        label = line.get_label()
        across = line.get_transform() != ax.transData
        if label == JOINED or (across and label.startswith(UNNAMED)):
            continue
        x, y = (np.ma.filled(np.ma.asarray(values, float), np.nan) for values in line.get_data())
        if across:  # shown at the panel's right end, but of no place
            x, y = np.array(ax.get_xlim()[1:]), y[:1]
        mark = "" if label.startswith(UNNAMED) else label
        name = "" if mark == PUBLISHED else _name(line, looks)
        ends = {LOW: slice(0, 1), HIGH: slice(1, 2)} if mark == INTERVAL else {mark: slice(None)}
        if line in seeds_of:
            seeds = enumerate(seeds_of[line])
            ends = {of_seed(seed): slice(place, place + 1) for place, seed in seeds}
        for end, chosen in ends.items():
            for item in _placed(ax, name, end, x[chosen], y[chosen], to_points, height):
                yield Series(**{**item, "x": [""]}) if across else item
    for band in ax.collections:
        if band in bands_of:
            line, low, high = bands_of[band]
            for end, values in ((LOW, low), (HIGH, high)):
                given = (ax, _name(line, looks), end, line.get_xdata(), values)
                yield from _placed(*given, to_points, height)


def _placed(
    ax: Axes, name: str, mark: str, x: np.ndarray, y: np.ndarray, to_points: float, height: float
) -> Iterator[Series]:
    """The values that are there and within the panel's scales, if any."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    with np.errstate(all="ignore"):
        at = ax.transData.transform(np.column_stack([x, y])) * to_points
    there = np.flatnonzero(np.isfinite(at).all(axis=1) & np.isfinite(x) & np.isfinite(y))
    if ax in formulas and len(there):
        there = np.unique([*there[:: -(-len(there) // MOST_POINTS)], there[-1]])
    if len(there):
        at = np.column_stack([at[:, 0], height - at[:, 1]])[there]
        yield Series(
            name=name,
            mark=mark * (mark != name),
            x=_in_words(ax, "x", x[there]),
            y=_in_words(ax, "y", y[there]),
            at=[round(float(value), 1) for value in at.ravel()],
        )


def _grid(image: AxesImage, of: str, to_points: float, height: float) -> Grid:
    values = np.ma.filled(np.ma.asarray(image.get_array(), float), np.nan)
    left, right, bottom, top = image.get_extent()
    rows, columns = values.shape
    if image.origin == "lower":
        values = values[::-1]
    # From the first row on top to the last: an axis that is turned round has its ends exchanged.
    corners = image.axes.transData.transform([(left, top), (right, bottom)]) * to_points
    return Grid(
        of=of,
        x=_in_words(image.axes, "x", _centres(left, right, columns)),
        y=_in_words(image.axes, "y", _centres(top, bottom, rows)),
        values=[
            [float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None for value in row]
            for row in values
        ],
        corners=[round(float(value), 1) for x, y in corners for value in (x, height - y)],
    )


def _centres(first: float, last: float, count: int) -> np.ndarray:
    edges = np.linspace(first, last, count + 1)
    return (edges[:-1] + edges[1:]) / 2


def _rounded(values: np.ndarray) -> list[float]:
    return [float(f"{value:.{DIGITS}g}") for value in values]


def _name(line: Line2D, looks: list[tuple[str, Line2D]]) -> str:
    """What the legend calls a line: by colour, and by dash and mark where several share a colour.

    Or what it was named. A grey entry without a mark explains a dash of every colour.
    """
    look, own = looks_of.get(line, line), entries_of.get(line)
    same = [
        (text, other)
        for text, other in looks
        if (text == own if own else _colour(other) == _colour(look))
    ]
    alike = {
        text: (_dash(other) == _dash(look)) + (_mark(other) == _mark(look)) for text, other in same
    }
    name = max(alike, key=alike.get, default=own or "")
    if any(_dash(other) == _dash(look) for _, other in same):
        return name
    dashes = [
        text
        for text, other in looks
        if _colour(other) == MUTED and not _mark(other) and _dash(other) == _dash(look)
    ]
    return ", ".join(filter(None, (name, *dashes[:1])))


def _colour(line: Line2D) -> str:
    return to_hex(line.get_color())


def _dash(line: Line2D) -> tuple:
    """The dash pattern, whichever way it was given."""
    pattern = line._unscaled_dash_pattern
    return (line.get_linestyle() == "None", tuple(pattern[1] or ()))


def _mark(line: Line2D) -> str:
    mark = line.get_marker()
    return "" if mark in (None, "None", " ") else str(mark)


def _shared_label(ax: Axes, which: str) -> str:
    """The label of an axis that a neighbour in the same row or column carries."""
    siblings = getattr(ax, f"get_shared_{which}_axes")().get_siblings(ax)
    labels = [getattr(other, f"get_{which}label")() for other in siblings]
    return next(filter(None, labels), "")


def _in_words(ax: Axes, which: str, values: np.ndarray) -> list[float] | list[str]:
    """Places on an axis: by the nearest name where it has names, as points stand beside them.

    The nearest as it is drawn, on a logarithmic axis too.
    """
    names = names_of.get(ax, {}) if which == "x" else {}
    siblings = getattr(ax, f"get_shared_{which}_axes")().get_siblings(ax)
    for other in (ax, *siblings):  # a name that several panels share stands at one of them
        axis = getattr(other, f"{which}axis")
        if not any(names.values()) and isinstance(axis.get_major_locator(), FixedLocator):
            texts = [plain(label.get_text()) for label in axis.get_ticklabels()]
            names = dict(zip(axis.get_ticklocs(), texts, strict=False))
    if not any(names.values()):
        return _rounded(values)
    scaled = getattr(ax, f"{which}axis").get_transform().transform
    places, texts = scaled(np.array(list(names), dtype=float)), list(names.values())
    return [texts[np.abs(places - value).argmin()] for value in scaled(values)]
