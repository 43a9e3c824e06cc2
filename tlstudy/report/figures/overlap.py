"""Figure of the gap against destroyed local structure."""

from matplotlib.figure import Figure

from tlstudy.audit.overlap import gap_summary, overlap_table
from tlstudy.audit.statistics import scaled
from tlstudy.config.settings import Study
from tlstudy.report.figures import points, style
from tlstudy.report.figures.captions import note

COLOURS = (style.GAP, *style.SHADES[False], *style.SHADES[True])
MARKS = ("D", "o", "s", "^", "v", "P", "X")
PANEL = 3.2  # inches


def overlap_figure(study: Study, tables: points.Tables, size: int) -> Figure:
    """Pretrained less new by blocks along a side, a line for each kind of images."""
    table, text = overlap_table(study, tables, size), note(study, size)
    if table["gap"].isna().all():
        return style.words_figure("no pair of runs has a gap", text)
    looks = {
        images: (COLOURS[place % len(COLOURS)], MARKS[place % len(MARKS)])
        for place, images in enumerate(table["images"].unique())
    }
    handles = [
        style.entry(images, colour, marker=marker) for images, (colour, marker) in looks.items()
    ]
    figure = style.new_figure(PANEL, handles, text)
    ax = figure.subplots()
    for images, (colour, marker) in looks.items():
        rows = table[table["images"] == images]
        groups = {float(blocks): found for blocks, found in rows.groupby("blocks")}
        values = {blocks: points.values_of(found, "gap", 100) for blocks, found in groups.items()}
        summaries = {
            blocks: scaled(gap_summary(study, tables, size, found), 100)
            for blocks, found in groups.items()
        }
        points.draw_line(ax, values, colour, marker, "-", points.USUAL, summaries)
    style.reference_line(ax, 0, linestyle="-")
    ax.set_xscale("log", base=2)
    places = sorted(table["blocks"].unique())
    ax.set_xticks(places, labels=["1 (intact)" if blocks == 1 else blocks for blocks in places])
    ax.set_xticks([], minor=True)
    ax.set(xlabel="blocks along a side", ylabel="pretrained less new (points)")
    return figure
