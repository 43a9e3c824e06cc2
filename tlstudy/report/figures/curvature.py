"""Figure of the training loss's curvature: the two networks of a seed joined by a line."""

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from tlstudy.audit.statistics import Summary, summarise
from tlstudy.config.groups import is_new, label_of, pairs_of
from tlstudy.config.settings import Study
from tlstudy.report.figures import points, style
from tlstudy.report.figures.captions import measured_note
from tlstudy.report.format import count, number

QUANTITIES = {
    "normalised_eigenvalue": "largest eigenvalue,\nfilter-normalised",
    "rise": "rise along random\ndirections (nats)",
    "hessian_eigenvalue": "largest eigenvalue,\nraw",
}
POINTS = {"final": "final weights", "matched": "same train loss ({:g} nats)"}


def curvature_figure(study: Study, tables: points.Tables, size: int) -> Figure:
    """A row for each quantity, a column for each point; panels of a row share their axis."""
    table, (arms, text) = tables["curvature"], measured_note(study, tables["curvature"], size)
    if not arms:
        return style.words_figure("no run's curvature was measured", text)
    text += _missing_text(study, table)
    handles = points.handles({is_new(study, arm) for arm in arms}, 1, slides=False)
    figure = style.new_figure(7.2, handles, text)
    panels = figure.subplots(len(QUANTITIES), len(POINTS), sharey="row", sharex=True)
    for row, quantity in zip(panels, QUANTITIES, strict=True):
        for ax, point in zip(row, POINTS, strict=True):
            _panel(ax, study, table[table["point"] == point], arms, quantity)
            where = POINTS[point].format(study.curvature.train_loss)
            text = ratio_text(study, table, arms, quantity, point)
            ax.set_title("\n".join(filter(None, (where, text))), loc="left")
        style.label_left(row, QUANTITIES[quantity])
    return figure


def _panel(ax: Axes, study: Study, rows: pd.DataFrame, arms: list[str], quantity: str) -> None:
    ax.set_yscale("log", nonpositive="mask")
    values = rows.pivot(index="seed", columns="arm", values=quantity).reindex(columns=arms)
    joined = pairs_of(study, arms).values()
    single = [(arm,) for arm in arms if not any(arm in pair for pair in joined)]
    for chosen in (*joined, *single):
        found = {arms.index(arm): values[arm] for arm in chosen}
        colours = [style.colour_of(study, arm) for arm in chosen]
        points.join_seeds(ax, found, style.SLIDES, *colours)
    if not (values.to_numpy(dtype=float) > 0).any():
        style.say(ax, "no values to draw")
    labels = ["new" if is_new(study, arm) else "pretrained" for arm in arms]
    if len(set(labels)) < len(arms):  # they do not tell the arms apart
        labels = [textwrap.fill(label_of(study, arm), max(8, 40 // len(arms))) for arm in arms]
    style.named_columns(ax, labels)
    ax.xaxis.set_minor_locator(NullLocator())


def ratio(table: pd.DataFrame, pair: tuple[str, str], quantity: str, point: str) -> Summary:
    """Doublings from the new network's value to the pretrained one's, taken seed by seed."""
    rows = table[table["point"] == point]
    values = rows.pivot(index="seed", columns="arm", values=quantity).reindex(columns=list(pair))
    new, pretrained = values.to_numpy(dtype=float).T
    positive = (new > 0) & (pretrained > 0)
    return summarise(np.log2(pretrained[positive] / new[positive]))


def ratio_text(
    study: Study, table: pd.DataFrame, arms: list[str], quantity: str, point: str
) -> str:
    """Pretrained as a multiple of new, with its interval or range; empty without one pair."""
    found = [*pairs_of(study, arms).values()]
    item = ratio(table, found[0], quantity, point) if len(found) == 1 else None
    if item is None or item.n == 0:
        return ""
    value, interval, _ = item.parts(lambda doublings: number(2**doublings, 2))
    ends = " to ".join(dict.fromkeys(value.split(" to ")))
    return f"pretrained / new: {ends}" + (f" ({interval})" if interval else "")


def _missing_text(study: Study, table: pd.DataFrame) -> str:
    """Runs without a value, with the reason that was recorded."""
    lost = table[(table["reason"].fillna("") != "")]
    parts = [
        f"{label_of(study, arm)}, {POINTS[point].format(study.curvature.train_loss)}: {reason} "
        f"({len(rows)} of {int(((table['arm'] == arm) & (table['point'] == point)).sum())} runs)"
        for (arm, point, reason), rows in lost.groupby(["arm", "point", "reason"], sort=False)
    ]
    text = f" Without a value: {'; '.join(parts)}." if parts else ""
    below = int((table[list(QUANTITIES)] <= 0).to_numpy().sum())
    values = count(below, "value")
    return text + (f" Not above 0, so not on a logarithmic axis: {values}." * (below > 0))
