"""Figure of the claims: every seed's value beside zero and the effect stated in advance."""

import textwrap

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tlstudy.config.settings import Study
from tlstudy.report.figures import points, style
from tlstudy.report.figures.captions import note
from tlstudy.report.figures.series import Tables

UNTESTED = ("not testable", "open")
# Colour and mark of the mean: verdicts differ without colour too.
VERDICTS = {
    "supported": (style.PRETRAINED, "D"),
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
ROW_GAP, PANEL_GAP = 0.16, 0.62  # inches: between rows, and for a panel's axis


def claims_figure(study: Study, tables: Tables, size: int) -> Figure:
    """The ledger of the claims on the study's runs."""
    return ledger_figure(tables["claims"], tables["claim-values"], note(study, size))


def ledger_figure(claims: pd.DataFrame, values: pd.DataFrame, what: str) -> Figure:
    """A panel for each unit with a row for each claim; those not tested are listed below.

    Args:
        claims, values: `tlstudy.storage.columns.CLAIMS` and `CLAIM_VALUES` of one subset size, or
            other ledgers with these columns.
        what: the small line below: seeds, and what the bars stand for.
    """
    tested = claims[~claims["verdict"].isin(UNTESTED)]
    parts = [rows for _, rows in tested.groupby("unit", sort=False)]
    heights = [PANEL_GAP + sum(map(row_height, rows.to_dict("records"))) for rows in parts]
    text = f"{what}{untested_text(claims)}"
    if not parts:
        return style.words_figure("no claim could be tested", text)
    figure = style.new_figure(sum(heights), _handles(tested), text)
    panels = figure.subplots(len(parts), 1, height_ratios=heights, squeeze=False).ravel()
    for ax, rows in zip(panels, parts, strict=True):
        claim_panel(ax, rows, values)
    return figure


def row_label(claim: dict) -> str:
    """The claim's name and text."""
    return textwrap.fill(f"{claim['claim']}: {claim['text'].rstrip('.')}", LABEL_CHARACTERS)


def row_height(claim: dict) -> float:
    """Inches that a claim's label needs, with the space to the next."""
    return LINE * (row_label(claim).count("\n") + 1) + ROW_GAP


def untested_text(claims: pd.DataFrame) -> str:
    """Names of the claims without a row, and which of them need an experiment first."""
    parts = [
        f" {verdict.capitalize()}, so without a row: {', '.join(rows['claim'])}."
        for verdict, rows in claims[claims["verdict"].isin(UNTESTED)].groupby("verdict", sort=False)
    ]
    return "".join(parts)


def claim_panel(ax: Axes, rows: pd.DataFrame, values: pd.DataFrame) -> Axes:
    """Claims of one unit, the first on top; the verdict is written at the right end."""
    claims = rows.to_dict("records")
    place, places = 0.0, []
    for claim in claims:
        place += row_height(claim) / 2
        places.append(place)
        _draw_claim(ax, place, claim, values)
        place += row_height(claim) / 2
    points.zero_line(ax, vertical=False)
    style.named_rows(ax, places, list(map(row_label, claims)), 0, place)
    ax.grid(visible=False, axis="y")
    ax.set_xlabel(UNITS.get(claims[0]["unit"], (claims[0]["unit"], 1))[0])
    ends = ax.secondary_yaxis("right")
    ends.set_yticks(places, labels=[claim["verdict"] for claim in claims])
    ends.tick_params(length=0)
    ends.spines[:].set_visible(False)
    return ax


def _draw_claim(ax: Axes, place: float, claim: dict, values: pd.DataFrame) -> None:
    found = values.loc[values["claim"] == claim["claim"]].sort_values("seed")["value"]
    scale = UNITS.get(claim["unit"], ("", 1))[1]
    colour, marker = VERDICTS[claim["verdict"]]
    points.draw_values(ax, place, scale * found.to_numpy(dtype=float), colour, marker, False)
    ax.plot(scale * claim["effect"], place, color=style.GAP, linestyle="", zorder=2, **EFFECT)


def _handles(tested: pd.DataFrame) -> list[Line2D]:
    mean = {"markersize": 6.5, "linewidth": 3}
    effect = {**EFFECT, "markersize": 11}
    return [
        *(
            style.entry(verdict, colour, marker=marker, **mean)
            for verdict, (colour, marker) in VERDICTS.items()
            if verdict in set(tested["verdict"])
        ),
        style.entry("one seed", style.SLIDES, "", marker=".", markersize=8),
        style.entry("effect stated in advance", style.GAP, "", **effect),
    ]
