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
from tlstudy.report.figures.captions import note

WAYS = {
    "training": "the run's\noptimiser",
    "gradient-descent": "along the\ngradient",
    "explicit": "least change\nfound",
}


def reuse_figure(study: Study, table: pd.DataFrame, size: int) -> Figure:
    """Alignment and span by layer above, drifts below."""
    arms = [arm for arm in study.arms if arm in set(table["arm"])]
    seeds = [seed for seed in study.seed if seed in set(table["seed"])]
    if not arms:
        figure = style.new_figure(1.2, note=note(study, size))
        style.words_only(figure.subplots(), "no run's reuse of features was measured", 60)
        return figure
    labels = "; ".join(label_of(study, arm) for arm in arms)
    text = f"{labels}. {note(study, size, seeds)}"
    figure = style.new_figure(6.2, _handles(study, arms, len(seeds)), text)
    panels = figure.subplots(2, 2)
    for arm in arms:
        rows, colour = table[table["arm"] == arm], _colour(study, arm)
        _draw_layers(panels[0, 0], rows, "alignment", colour, "-")
        _draw_layers(panels[0, 0], rows, "alignment-if-across", colour, ":")
        _draw_ratio(panels[0, 1], rows, colour)
    _finish_layers(panels[0])
    _drift_panel(panels[1, 0], study, table, arms)
    _excess_panel(panels[1, 1], study, table, arms)
    return figure


def _colour(study: Study, arm: str) -> str:
    return style.NEW if is_new(study, arm) else style.PRETRAINED


def _by_layer(rows: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Seeds x convolutions, in the network's order."""
    chosen = rows[rows["measure"] == measure]
    layers = list(dict.fromkeys(chosen["layer"]))
    return chosen.pivot(index="seed", columns="layer", values="value")[layers]


def _draw_layers(ax: Axes, rows: pd.DataFrame, measure: str, colour: str, line: str) -> None:
    _draw_band(ax, _by_layer(rows, measure).to_numpy(dtype=float), colour, line)


def _draw_ratio(ax: Axes, rows: pd.DataFrame, colour: str) -> None:
    within, random = (_by_layer(rows, name) for name in ("share-within", "share-within-random"))
    _draw_band(ax, (within / random).to_numpy(dtype=float), colour, "-")


def _draw_band(ax: Axes, values: np.ndarray, colour: str, line: str) -> None:
    """(seeds, layers) as a line of means with their intervals; below five seeds a line each."""
    summaries = [summarise(column) for column in values.T]
    places = np.arange(1, len(summaries) + 1)
    if any(summary.mean is None for summary in summaries):
        ax.plot(places, values.T, color=colour, linestyle=line, linewidth=1)
        return
    ax.plot(places, [summary.mean for summary in summaries], color=colour, linestyle=line)
    low, high = ([getattr(summary, end) for summary in summaries] for end in ("low", "high"))
    ax.fill_between(places, low, high, color=colour, alpha=0.2, linewidth=0)


def _finish_layers(panels: np.ndarray) -> None:
    left, right = panels
    left.set_ylabel("cosine of a filter\nwith its start (median)")
    left.set_title("Filters before and after", loc="left")
    right.set_yscale("log", base=2)
    right.yaxis.set_major_formatter(ScalarFormatter())
    right.set_ylabel("times that in\na random span")
    right.set_title("Change within top directions", loc="left")
    right.axhline(1, color=style.MUTED, linestyle=":", linewidth=1, zorder=1)
    for ax in panels:
        ax.set_xlabel("convolution, from the input on")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def _drifts(table: pd.DataFrame, arm: str, way: str) -> pd.Series:
    chosen = (table["arm"] == arm) & (table["measure"] == f"drift.{way}")
    return table[chosen].set_index("seed")["value"].sort_index()


def _drift_panel(ax: Axes, study: Study, table: pd.DataFrame, arms: list[str]) -> None:
    for arm in arms:
        drifts = pd.DataFrame({way: _drifts(table, arm, way) for way in WAYS})
        for values in drifts.to_numpy(dtype=float):
            ax.plot(range(len(WAYS)), values, ".-", color=_colour(study, arm), linewidth=0.9)
    ax.set_yscale("log")
    style.log_ticks(ax.yaxis)
    ax.set_ylabel("distance of all\nweights from the start")
    ax.set_title("How far to the same train loss", loc="left")
    _label_places(ax, list(WAYS.values()))


def _excess_panel(ax: Axes, study: Study, table: pd.DataFrame, arms: list[str]) -> None:
    ways = [way for way in WAYS if way != "explicit"]
    for index, arm in enumerate(arms):
        explicit = _drifts(table, arm, "explicit")
        for place, way in enumerate(ways):
            ratios = np.log2(_drifts(table, arm, way) / explicit).to_numpy(dtype=float)
            side = 0.2 * (index - (len(arms) - 1) / 2)
            points.draw_values(ax, place + side, ratios, _colour(study, arm))
    points.zero_line(ax)
    ax.set_ylabel("doublings beyond\nthe least change")
    ax.set_title("Drift over the least change", loc="left")
    _label_places(ax, [WAYS[way] for way in ways])


def _label_places(ax: Axes, labels: list[str]) -> None:
    ax.set_xticks(range(len(labels)), labels=labels)
    ax.set_xlim(-0.5, len(labels) - 0.5)
    ax.grid(visible=False, axis="x")


def _handles(study: Study, arms: list[str], seeds: int) -> list[Line2D]:
    kinds = list(dict.fromkeys("new" if is_new(study, arm) else "pretrained" for arm in arms))
    lines = {"-": "measured", ":": "had it moved at right angles"}
    handles = points.handles(kinds, seeds, slides=False)
    for line, label in lines.items():
        handles.append(Line2D([], [], color=style.MUTED, linestyle=line, label=label))
    return handles
