"""Look of the figures: colours, sizes and layout.

Text, axes and ticks are INK and grid lines MUTED, and nothing else is. Every colour of a line or
mark has a contrast of 4.5 or more with white. Hues are those of Okabe & Ito (2008), which
colour-blind readers can tell apart. A page replaces all of them by its own: see `PAGE_COLOURS`.
"""

import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import cycle

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure, FigureBase, SubFigure
from matplotlib.lines import Line2D

from tlstudy.config.groups import groups_of, is_new, label_of
from tlstudy.config.settings import Study

INK = "#1b1b1e"
MUTED = "#6e6e78"
NEW = "#b84a00"
PRETRAINED = "#0072b2"
SLIDES = "#6a6a74"
GAP = "#007a58"  # differences between the two networks
ORANGE, PINK, BROWN, TEAL, VIOLET = "#8a6100", "#a34579", "#7d2f12", "#0b7285", "#5357c0"
SHADES = {True: (NEW, ORANGE, BROWN), False: (PRETRAINED, TEAL, VIOLET)}
# What a page calls the colours: it has a light and a dark shade of each.
PAGE_COLOURS = {
    INK: "currentColor",
    MUTED: "var(--grid)",
    NEW: "var(--new)",
    PRETRAINED: "var(--pretrained)",
    SLIDES: "var(--slides)",
    GAP: "var(--gap)",
    ORANGE: "var(--orange)",
    PINK: "var(--pink)",
    BROWN: "var(--brown)",
    TEAL: "var(--teal)",
    VIOLET: "var(--violet)",
}
KINDS = {True: "new (random start)", False: "pretrained"}
DASHES = ("-", "--", "-.", (0, (6, 1.5, 1.2, 1.5, 1.2, 1.5)))
WIDTH = 7.0  # inches: a printed page's text width
COLUMNS = 2  # panels side by side; more are stacked, so that a telephone can show them
TEXT = 9  # points
WRAP = 100  # characters of the note across the figure
LEGEND_WIDTH = 104  # characters across the figure
LEGEND_LINE = 10  # characters that an entry's line and the gap beside it take
ROW = 0.19  # inches: height of a line of text

SIZED = ("font.size", "legend.fontsize", "figure.titlesize", "figure.labelsize", "axes.titlesize")
SIZED += ("axes.labelsize", "xtick.labelsize", "ytick.labelsize")
INKED = ("text.color", "xtick.color", "ytick.color")
INKED += ("axes.labelcolor", "axes.edgecolor", "axes.titlecolor")
SETTINGS = {
    **dict.fromkeys(SIZED, TEXT),
    **dict.fromkeys(INKED, INK),
    "font.family": "sans-serif",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": MUTED,
    "grid.alpha": 0.3,
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "svg.fonttype": "none",
    "image.interpolation": "none",  # an SVG keeps the image's own pixels
}


@contextmanager
def look(name: str) -> Iterator[None]:
    """The style, with element ids that depend on the figure's name only."""
    with matplotlib.rc_context({**SETTINGS, "svg.hashsalt": name}):
        yield


def new_figure(
    panels: float, handles: list[Line2D] = (), note: str = "", width: float = WIDTH
) -> Figure:
    """A figure with room for panels of a height in inches, a legend above, a note below."""
    lines = textwrap.wrap(note, int(WRAP * width / WIDTH), break_on_hyphens=False)
    height = panels + legend_height(handles) + ROW * len(lines) + 0.2
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.06, hspace=0.04, wspace=0.04)
    if handles:
        legend_above(figure, handles)
    if note:
        figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=TEXT)
    return figure


def words_figure(text: str, note: str) -> Figure:
    """A figure that has nothing to draw and says so."""
    figure = new_figure(1.2, note=note)
    words_only(figure.subplots(), text, 60)
    return figure


def panel_rows(panels: int) -> int:
    return -(-panels // COLUMNS)


def panel_grid(figure: FigureBase, count: int, **shared: object) -> list[Axes]:
    """Panels row by row, at most COLUMNS side by side.

    Args:
        shared: keywords of `Figure.subplots`.
    """
    columns = min(count, COLUMNS)
    grid = figure.subplots(panel_rows(count), columns, squeeze=False, **shared).ravel()
    for ax in grid[count:]:
        ax.set_axis_off()
    return list(grid[:count])


def label_left(panels: Iterable[Axes], label: str) -> None:
    """Label the vertical axis that a row of panels shares."""
    for ax in panels:
        if ax.get_subplotspec().is_first_col():
            ax.set_ylabel(label)


def transparent_parts(figure: Figure, heights: list[float]) -> list[SubFigure]:
    """Parts of a figure below one another, without a background of their own."""
    parts = list(figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False).ravel())
    for part in parts:
        part.patch.set_alpha(0)
    return parts


def entry(label: str, colour: str = MUTED, linestyle: str = "-", **look: object) -> Line2D:
    """An entry of a legend."""
    return Line2D([], [], label=label, color=colour, linestyle=linestyle, **look)


def reference_line(ax: Axes, value: float, vertical: bool = True, linestyle: str = ":") -> None:
    """A thin line at a value with a meaning of its own, across the axis of the values."""
    line = ax.axhline if vertical else ax.axvline
    line(value, color=MUTED, linestyle=linestyle, linewidth=1, zorder=1)


def reference_entry(label: str) -> Line2D:
    return entry(label, linestyle=":", linewidth=1)


def group_title(study: Study, group: str, what: str = "") -> str:
    """Title of a group's panel, and what it shows; a group that is alone needs no name."""
    alone = len(groups_of(study)) == 1
    return ": ".join(filter(None, ("" if alone else group, what)))


def colour_of(study: Study, arm: str) -> str:
    return NEW if is_new(study, arm) else PRETRAINED


def arm_styles(study: Study) -> dict[str, dict]:
    """Line style of each arm: colour by initialisation, variants within a group by dashes."""
    styles = {}
    for arms in groups_of(study).values():
        for new in (True, False):
            alike = [arm for arm in arms if is_new(study, arm) == new]
            for arm, colour, dash in zip(alike, cycle(SHADES[new]), cycle(DASHES), strict=False):
                styles[arm] = {"color": colour, "linestyle": dash}
    return styles


def arm_entries(study: Study) -> dict[str, str]:
    """The legend's text of each arm. Arms that are their group's only one of a kind share one."""
    texts = {}
    for group in groups_of(study).values():
        new = [is_new(study, arm) for arm in group]
        for arm, kind in zip(group, new, strict=True):
            texts[arm] = KINDS[kind] if new.count(kind) == 1 else label_of(study, arm)
    return texts


def arm_handles(study: Study) -> list[Line2D]:
    """Legend entries of the arms."""
    styles, entries = arm_styles(study), {}
    for arm, text in arm_entries(study).items():
        entries.setdefault(text, Line2D([], [], label=text, **styles[arm]))
    return list(entries.values())


def _legend_columns(handles: list[Line2D]) -> int:
    """Columns that the texts leave room for: all in one row, or as wide as the longest."""
    widths = [len(handle.get_label()) + LEGEND_LINE for handle in handles]
    return len(handles) if sum(widths) <= LEGEND_WIDTH else max(1, LEGEND_WIDTH // max(widths))


def legend_height(handles: list[Line2D]) -> float:
    """Inches."""
    return ROW * -(-len(handles) // _legend_columns(handles)) + 0.1 if handles else 0.0


def legend_above(figure: FigureBase, handles: list[Line2D]) -> None:
    """A legend across the head of a figure or of a part of it."""
    columns = _legend_columns(handles)
    figure.legend(handles=handles, loc="outside upper left", ncols=columns, borderaxespad=0.2)


def dress(ax: Axes, title: str = "", characters: int = 36, **properties: object) -> Axes:
    """A panel's title on the left, and what else `Axes.set` can set.

    Args:
        characters: of a line of the title.
    """
    ax.set_title(textwrap.fill(title, characters), loc="left")
    ax.set(**properties)
    return ax


def say(ax: Axes, text: str, characters: int = 36) -> Axes:
    """Words in the middle of a panel that has nothing to draw."""
    words = textwrap.fill(text, characters)
    ax.text(0.5, 0.5, words, transform=ax.transAxes, ha="center", va="center")
    return ax


def words_only(ax: Axes, text: str, characters: int = 36) -> Axes:
    ax.set_axis_off()
    return say(ax, text, characters)


def named_columns(ax: Axes, labels: list[str]) -> None:
    """Names at 0, 1, 2, ... of the horizontal axis, without grid lines."""
    ax.set_xticks(range(len(labels)), labels=labels)
    ax.set_xlim(-0.5, len(labels) - 0.5)
    ax.grid(visible=False, axis="x")


def named_rows(
    ax: Axes, places: Iterable[float], labels: list[str], top: float, bottom: float
) -> None:
    """Names at places of the vertical axis, the first on top.

    The lines of a name start together: a page's font is not the one they were set in, so lines
    that end together here do not end together there.
    """
    ax.set_yticks(list(places), labels=labels)
    for label in ax.get_yticklabels():
        label.set_multialignment("left")
    ax.set_ylim(bottom, top)
    ax.tick_params(axis="y", length=0)


def whole_ticks(axis: Axis) -> None:
    """Ticks at whole numbers only."""
    axis.get_major_locator().set_params(integer=True)


def epoch_panel(ax: Axes, title: str, **properties: object) -> Axes:
    """A panel over epochs; see `dress`."""
    ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    return dress(ax, title, xlabel="epoch", **properties)
