"""Figure of the claims: every seed's value beside zero and the effect that was stated."""

import textwrap

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tlstudy.audit.statistics import Summary, scaled
from tlstudy.audit.verdicts import UNTESTED
from tlstudy.config.settings import Study
from tlstudy.report.figures import points, style
from tlstudy.report.figures.captions import note

# Colour and mark of the mean: verdicts differ without colour too.
VERDICTS = {
    "supported": (style.PRETRAINED, "D"),
    "contradicted": (style.NEW, "s"),
    "refuted": (style.NEW, "X"),
    "inconclusive": (style.SLIDES, "o"),
}
EFFECT = {"marker": "|", "markersize": 17, "markeredgewidth": 2.2}
# How a unit of the ledger is shown: its words, and the factor of the values.
UNITS = {
    "share": ("percentage points", 100),
    "doublings": ("doublings (1: a factor of two)", 1),
    "powers of ten": ("powers of ten (1: a factor of ten)", 1),
}
LABEL_CHARACTERS = 44
LINE = 0.17  # inches: a line of a row's label
TICKS = 6  # at most: long numbers would touch
ROW_GAP, PANEL_GAP = 0.16, 0.62  # inches: between rows, and for a panel's axis


def claims_figure(study: Study, tables: points.Tables, size: int) -> Figure:
    """The ledger of the claims on the study's runs."""
    return ledger_figure(tables["claims"], tables["claim-values"], note(study, size))


def ledger_figure(claims: pd.DataFrame, values: pd.DataFrame, text: str) -> Figure:
    """A panel for each unit with a row for each claim; those not tested are listed below.

    Args:
        claims, values: `tlstudy.storage.columns.CLAIMS` and `CLAIM_VALUES` of one subset size, or
            other ledgers with these columns.
        text: the small line below: seeds, and what the bars stand for.
    """
    untested = claims["verdict"].isin(UNTESTED)
    for verdict, rows in claims[untested].groupby("verdict", sort=False):
        text += f" {verdict.capitalize()}, so without a row: {', '.join(rows['claim'])}."
    tested = claims[~untested]
    tested = tested.assign(label=[row_label(claim) for claim in tested.to_dict("records")])
    parts = [rows for _, rows in tested.groupby("unit", sort=False)]
    if not parts:
        return style.words_figure("no claim could be tested", text)
    handles = [
        style.entry(verdict, colour, marker=marker, markersize=6.5, linewidth=3)
        for verdict, (colour, marker) in VERDICTS.items()
        if verdict in set(tested["verdict"])
    ]
    handles.append(style.entry("one seed", style.SLIDES, "", marker=".", markersize=8))
    effect = {**EFFECT, "markersize": 11}
    handles.append(style.entry("effect or margin that was stated", style.GAP, "", **effect))
    heights = [PANEL_GAP + sum(map(_row_height, rows["label"])) for rows in parts]
    figure = style.new_figure(sum(heights), handles, text)
    panels = figure.subplots(len(parts), 1, height_ratios=heights, squeeze=False).ravel()
    for ax, rows in zip(panels, parts, strict=True):
        _draw_claims(ax, rows, values)
    return figure


def row_label(claim: dict) -> str:
    """The claim's name and text."""
    return textwrap.fill(f"{claim['claim']}: {claim['text'].rstrip('.')}", LABEL_CHARACTERS)


def _row_height(label: str) -> float:
    """Inches that a claim's label needs, with the space to the next."""
    return LINE * (label.count("\n") + 1) + ROW_GAP


def _draw_claims(ax: Axes, rows: pd.DataFrame, values: pd.DataFrame) -> None:
    """Claims of one unit, the first on top; the verdict is written at the right end."""
    words, scale = UNITS.get(rows["unit"].iloc[0], (rows["unit"].iloc[0], 1))
    place, places = 0.0, []
    for claim in rows.to_dict("records"):
        half = _row_height(claim["label"]) / 2
        place += half
        places.append(place)
        found = points.values_of(values[values["claim"] == claim["claim"]], scale=scale)
        summary = scaled(Summary.of_row(claim), scale)
        look = VERDICTS[claim["verdict"]]
        points.draw_values(ax, place, found, *look, vertical=False, summary=summary)
        ax.plot(scale * claim["effect"], place, color=style.GAP, linestyle="", zorder=2, **EFFECT)
        place += half
    style.reference_line(ax, 0, False, "-")
    style.named_rows(ax, places, list(rows["label"]), 0, place)
    ax.grid(visible=False, axis="y")
    ax.set_xlabel(words)
    ax.locator_params(axis="x", nbins=TICKS)
    ends = ax.secondary_yaxis("right")
    ends.set_yticks(places, labels=list(rows["verdict"]))
    ends.tick_params(length=0)
    ends.spines[:].set_visible(False)
