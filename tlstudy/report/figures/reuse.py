"""Figure of what a fine-tuned network kept of its start, and how far it had to move."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from tlstudy.audit.statistics import summarise
from tlstudy.config.groups import is_new, label_of
from tlstudy.config.settings import Study
from tlstudy.report.figures import points, style
from tlstudy.report.figures.captions import measured_note
from tlstudy.report.figures.series import Tables

WAYS = {
    "training": "the run's\noptimiser",
    "gradient-descent": "along the\ngradient",
    "explicit": "least change\nfound",
}


def reuse_figure(study: Study, tables: Tables, size: int) -> Figure:
    """Alignment and span by layer above, drifts below."""
    table = tables["reuse"]
    colours = {arm: style.colour_of(study, arm) for arm in study.arms if arm in set(table["arm"])}
    text = measured_note(study, table, size)
    if not colours:
        return style.words_figure("no run's reuse of features was measured", text)
    labels = "; ".join(label_of(study, arm) for arm in colours)
    new = {is_new(study, arm) for arm in colours}
    handles = _handles(new, table["seed"].nunique())
    figure = style.new_figure(6.2, handles, f"{labels}. {text}")
    panels = figure.subplots(2, 2)
    _alignment_panel(panels[0, 0], table, colours)
    _span_panel(panels[0, 1], table, colours)
    _drift_panel(panels[1, 0], table, colours)
    _excess_panel(panels[1, 1], table, colours)
    return figure


def _by_layer(table: pd.DataFrame, arm: str, measure: str) -> pd.DataFrame:
    """Seeds x convolutions, in the network's order."""
    chosen = table[(table["arm"] == arm) & (table["measure"] == measure)]
    layers = list(dict.fromkeys(chosen["layer"]))
    return chosen.pivot(index="seed", columns="layer", values="value")[layers]


def _alignment_panel(ax: Axes, table: pd.DataFrame, colours: dict[str, str]) -> None:
    for arm, colour in colours.items():
        _draw_band(ax, _by_layer(table, arm, "alignment"), colour, "-")
        _draw_band(ax, _by_layer(table, arm, "alignment-if-across"), colour, ":")
    ax.set_ylabel("cosine of a filter\nwith its start (median)")
    ax.set_title("Filters before and after", loc="left")
    _layer_axis(ax)


def _span_panel(ax: Axes, table: pd.DataFrame, colours: dict[str, str]) -> None:
    for arm, colour in colours.items():
        within, random = (
            _by_layer(table, arm, name) for name in ("share-within", "share-within-random")
        )
        _draw_band(ax, within / random, colour, "-")
    ax.set_yscale("log", base=2)
    ax.yaxis.set_major_formatter(ScalarFormatter())
    ax.set_ylabel("times that in\na random span")
    ax.set_title("Change within top directions", loc="left")
    style.reference_line(ax, 1)
    _layer_axis(ax)


def _layer_axis(ax: Axes) -> None:
    ax.set_xlabel("convolution, from the input on")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_band(ax: Axes, frame: pd.DataFrame, colour: str, line: str) -> None:
    """Seeds x layers as a line of means with their intervals; below five seeds a line each."""
    values = frame.to_numpy(dtype=float)
    summaries = [summarise(column) for column in values.T]
    places = np.arange(1, len(summaries) + 1)
    if any(summary.mean is None for summary in summaries):
        ax.plot(places, values.T, color=colour, linestyle=line, linewidth=1)
        return
    ax.plot(places, [summary.mean for summary in summaries], color=colour, linestyle=line)
    low, high = ([getattr(summary, end) for summary in summaries] for end in ("low", "high"))
    ax.fill_between(places, low, high, color=colour, alpha=0.2, linewidth=0)


def _drifts(table: pd.DataFrame, arm: str) -> pd.DataFrame:
    """Distances from the start: seeds x WAYS."""
    names = {f"drift.{way}": way for way in WAYS}
    rows = table[(table["arm"] == arm) & table["measure"].isin(list(names))]
    found = rows.pivot(index="seed", columns="measure", values="value")
    return found.reindex(columns=list(names)).rename(columns=names)


def _drift_panel(ax: Axes, table: pd.DataFrame, colours: dict[str, str]) -> None:
    for arm, colour in colours.items():
        found = dict(enumerate(_drifts(table, arm).to_numpy(dtype=float).T))
        points.join_seeds(ax, found, colour, *[colour] * len(found))
    style.log_axis(ax, "y")
    ax.set_ylabel("distance of all\nweights from the start")
    ax.set_title("How far to the same train loss", loc="left")
    style.named_columns(ax, list(WAYS.values()))


def _excess_panel(ax: Axes, table: pd.DataFrame, colours: dict[str, str]) -> None:
    ways = [way for way in WAYS if way != "explicit"]
    for index, (arm, colour) in enumerate(colours.items()):
        drifts, side = _drifts(table, arm), 0.2 * (index - (len(colours) - 1) / 2)
        for place, way in enumerate(ways):
            doublings = np.log2(drifts[way] / drifts["explicit"]).to_numpy(dtype=float)
            points.draw_values(ax, place + side, doublings, colour)
    points.zero_line(ax)
    ax.set_ylabel("doublings beyond\nthe least change")
    ax.set_title("Drift over the least change", loc="left")
    style.named_columns(ax, [WAYS[way] for way in ways])


def _handles(new: set[bool], seeds: int) -> list[Line2D]:
    return [
        *points.handles(new, seeds, slides=False),
        style.entry("measured"),
        style.entry("had it moved at right angles", linestyle=":"),
    ]
