"""Figure of what a fine-tuned network kept of its start, and how far it had to move."""

from contextlib import ExitStack

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tlstudy.config.settings import Study
from tlstudy.report.figures import meanings, points, style
from tlstudy.report.figures.captions import measured_note

WAYS = {
    "drift.training": "the run's\noptimiser",
    "drift.gradient-descent": "along the\ngradient",
    "drift.explicit": "least change\nfound",
}


def reuse_figure(study: Study, tables: points.Tables, size: int) -> Figure:
    """Alignment and span by layer above, drifts below."""
    table, (arms, text) = tables["reuse"], measured_note(study, tables["reuse"], size)
    if not arms:
        return style.words_figure("no run's reuse of features was measured", text)
    entries = points.arm_entries(study, arms)
    handles = [
        *entries.values(),
        *points.handles(set(), table["seed"].nunique(), slides=False),
        style.entry("measured"),
        style.entry("had it moved at right angles", linestyle=":"),
    ]
    panels = style.new_figure(6.2, handles, text).subplots(2, 2)
    for place, arm in enumerate(arms):
        rows, colour = table[table["arm"] == arm], entries[arm].get_color()
        with ExitStack() as named:
            for ax in panels.flat:
                named.enter_context(meanings.named(ax, entries[arm].get_label()))
            _draw_arm(panels, rows, colour, 0.2 * (place - (len(arms) - 1) / 2))
    alignment, span, drifts, excess = panels.ravel()
    cosine = "cosine of a filter\nwith its start (median)"
    style.dress(alignment, "Filters before and after", ylabel=cosine)
    style.dress(span, "Change within top directions", ylabel="times that in\na random span")
    span.set_yscale("log", base=2)
    style.reference_line(span, 1)
    for ax in (alignment, span):
        ax.set_xlabel("convolution, from the input on")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    far = "distance of all\nweights from the start"
    style.dress(drifts, "How far to the same train loss", ylabel=far)
    drifts.set_yscale("log")
    style.named_columns(drifts, list(WAYS.values()))
    beyond = "doublings beyond\nthe least change"
    style.dress(excess, "Drift over the least change", ylabel=beyond)
    style.reference_line(excess, 0, linestyle="-")
    style.named_columns(excess, list(WAYS.values())[:-1])
    return alignment.figure


def _draw_arm(panels: np.ndarray, rows: pd.DataFrame, colour: str, side: float) -> None:
    """An arm in all panels; `side` is its place beside those of the last one."""
    alignment, span, drifts, excess = panels.ravel()
    points.draw_band(alignment, _by_layer(rows, "alignment"), colour, "-")
    points.draw_band(alignment, _by_layer(rows, "alignment-if-across"), colour, ":")
    random = _by_layer(rows, "share-within-random")
    points.draw_band(span, _by_layer(rows, "share-within") / random, colour, "-")
    found = rows[rows["measure"].isin(list(WAYS))]
    by_way = found.pivot(index="seed", columns="measure", values="value")
    *others, least = (by_way.reindex(columns=list(WAYS))[way] for way in WAYS)
    points.join_seeds(drifts, dict(enumerate((*others, least))), colour, *[colour] * len(WAYS))
    for place, drift in enumerate(others):
        points.draw_values(excess, place + side, np.log2(drift / least), colour)


def _by_layer(rows: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Seeds x convolutions, in the network's order."""
    found = rows[rows["measure"] == measure]
    by_layer = found.pivot(index="seed", columns="layer", values="value")
    return by_layer[found["layer"].unique()]
