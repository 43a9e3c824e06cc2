"""Figures of the ladder: both arms at every rung, the gap between them, what each rung changed.

All differences are taken within a seed, by `tlstudy.audit.ladder.seed_values`, and then averaged.
"""

import textwrap
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from tlstudy.audit.answers import of_tables
from tlstudy.audit.flaws import MENDED
from tlstudy.audit.ladder import PUT_BACK, comparable, part_summary, seed_values
from tlstudy.audit.statistics import Summary, scaled
from tlstudy.config.groups import (
    group_of_slides,
    groups_of,
    put_back_groups,
    rung_groups,
)
from tlstudy.config.settings import Study
from tlstudy.data import published
from tlstudy.report.figures import guessing, points, style
from tlstudy.report.figures.captions import note
from tlstudy.report.format import signed

SIDES = {"new": -0.14, "pretrained": 0.2}  # of a rung's place
COLOURS = {"new": style.NEW, "pretrained": style.PRETRAINED}
# Losses of different heads do not compare, so the rungs of each have axes of their own.
TITLES = {
    "softmax": "softmax outputs",
    "logits": "logits: another scale, not comparable with softmax",
}
WORDS_OF_RUNG, WORDS_OF_STEP = 13, 34  # characters in a line
TITLE_CHARACTERS = 80  # across the figure: a panel has as many as its share of the width


# Factor of the values, decimals of the gaps' means.
QUANTITIES = {"balanced_accuracy": (100, 1), "loss": (1, 2)}
# Of the axes of the values, the gap and the steps.
LABELS = {
    "balanced_accuracy": (
        *("balanced accuracy (%)", "gap (points)"),
        "change of the gap from the rung before (points)",
    ),
    "loss": (
        *("loss (nats)", "gap (nats)"),
        "change of the gap (nats), between rungs of one scale",
    ),
}


class Values(NamedTuple):
    """(seeds,) scaled values of a part of a rung, and their summary."""

    of_seeds: np.ndarray
    summary: Summary | None


ALONE = "change by this fix alone, all else sound"
NONE = Values(np.array([]), None)
# By rung and part, see `tlstudy.storage.columns.LADDER`.
Parts = Mapping[tuple[int, str], Values]


def ladder_figure(study: Study, tables: points.Tables, size: int, quantity: str) -> Figure:
    """Both arms at each rung, the gap between them, and below what each rung changed.

    Args:
        quantity: balanced_accuracy or loss.
    """
    scale, decimals = QUANTITIES[quantity]
    label, gap, step = LABELS[quantity]
    groups, by_head = groups_of(study), quantity == "loss"
    heads = [study.arms[groups[group][0]].head if by_head else "" for group in rung_groups(study)]
    figure, upper, lower = _two_parts(study, size, quantity)
    rows = seed_values(study, tables["runs"], quantity, size).groupby(["rung", "part"])
    answers = of_tables(study, tables)
    values = {
        key: Values(
            points.values_of(found, scale=scale),
            scaled(part_summary(study, answers, found, quantity, size), scale),
        )
        for key, found in rows
    }
    best = scale * published.best().set_index("model")[quantity]
    repeated = group_of_slides(study)
    slides = {rung: best for rung, group in enumerate(rung_groups(study)) if group == repeated}
    parts = {
        head: [rung for rung, found in enumerate(heads) if found == head]
        for head in ("", *TITLES)
        if head in heads
    }
    widths = [len(rungs) for rungs in parts.values()]
    panels = upper.subplots(2, len(parts), width_ratios=widths, squeeze=False, sharex="col")
    for (top, bottom), (head, rungs) in zip(panels.T, parts.items(), strict=True):
        _arms_panel(top, values, slides, rungs)
        guessing.draw(top, study, quantity)
        characters = int(TITLE_CHARACTERS * len(rungs) / sum(widths))
        style.dress(top, TITLES.get(head, ""), max(characters, 1), ylabel=label)
        _gap_panel(bottom, values, slides, rungs, decimals)
        bottom.set_ylabel(gap)
        for ax in (top, bottom):
            _rung_axis(ax, study, rungs)
    if not by_head:
        panels[0, 0].set_ylim(0, 100)
    steps = [rung for rung in range(1, len(heads)) if comparable(study, rung, "step", quantity)]
    labels = [step_label(study, rung, f" ({heads[rung]})" * by_head) for rung in steps]
    ordered = [values.get((rung, "step"), NONE) for rung in steps]
    alone = [
        values[rung, f"{PUT_BACK}step"]
        if study.ladder[rung].put_back and comparable(study, rung, "order", quantity)
        else NONE
        for rung in steps
    ]
    _steps_panel(lower.subplots(), ordered, alone, labels)
    lower.axes[0].set_xlabel(step)
    return figure


def _has_slides(study: Study) -> bool:
    return group_of_slides(study) in rung_groups(study)


def _two_parts(study: Study, size: int, quantity: str) -> tuple[Figure, SubFigure, SubFigure]:
    """A figure with a part by rung and a part by what was mended: their labels differ in width."""
    heights = [4.9, 0.65 + 0.38 * (len(study.ladder) - 1)]
    handles = [
        *points.handles({True, False}, len(study.seed), _has_slides(study)),
        style.entry("pretrained less new", style.GAP, marker="D", linestyle=""),
        style.entry("one seed", marker=".", linestyle=""),
        guessing.entry(study, quantity),
    ]
    if put_back_groups(study):
        handles.append(style.entry(ALONE, style.MUTED, marker="s", linestyle=""))
    figure = style.new_figure(sum(heights), handles, note(study, size))
    return (figure, *style.transparent_parts(figure, heights))


def _arms_panel(ax: Axes, values: Parts, slides: Mapping, rungs: list[int]) -> None:
    """Both arms at each rung, and the slides' values at the published one."""
    for rung in rungs:
        for part, side in SIDES.items():
            found, summary = values.get((rung, part), NONE)
            points.draw_values(ax, rung + side, found, COLOURS[part], summary=summary)
        for part, value in slides.get(rung, {}).items():
            points.mark_slides(ax, rung + SIDES[part] * 2.1, value)


def _gap_panel(ax: Axes, values: Parts, slides: Mapping, rungs: list[int], decimals: int) -> None:
    """Pretrained less new at each rung, seed by seed; means are written beside their marks."""
    for rung in rungs:
        gaps, summary = values.get((rung, "gap"), NONE)
        points.draw_values(ax, rung, gaps, style.GAP, summary=summary)
        if summary and (mean := summary.mean) is not None:
            text = signed(f"{mean:+.{decimals}f}")
            ax.annotate(text, (rung + 0.1, mean), va="center", ha="left")
        if rung in slides:
            points.mark_slides(ax, rung - 0.25, slides[rung]["pretrained"] - slides[rung]["new"])
    style.reference_line(ax, 0, linestyle="-")


def _rung_axis(ax: Axes, study: Study, rungs: list[int]) -> None:
    labels = []
    for rung in (study.ladder[index] for index in rungs):
        lines = textwrap.wrap(rung.group.replace("-", " "), WORDS_OF_RUNG)
        lines += textwrap.wrap(f"({', '.join(rung.mends)})" if rung.mends else "", WORDS_OF_RUNG)
        labels.append("\n".join(lines))
    ax.set_xticks(rungs, labels=labels)
    ax.set_xlim(min(rungs) - 0.45, max(rungs) + 0.65)  # room for the number beside a mark
    ax.tick_params(axis="x", length=0)
    ax.grid(visible=False, axis="x")


def _steps_panel(ax: Axes, steps: list[Values], alone: list[Values], labels: list[str]) -> None:
    """A row for each rung with its name: how far it moved the gap, seed by seed.

    Below it, where that was measured: the same of its flaws alone in the sound protocol.
    """
    if not steps:
        style.words_only(ax, "no two rungs that compare")
        return
    apart = 0.17 * any(summary for _, summary in alone)
    for row, (found, summary) in enumerate(steps):
        points.draw_values(ax, row - apart, found, style.GAP, vertical=False, summary=summary)
    for row, (found, summary) in enumerate(alone):
        if summary:
            place = row + apart
            points.draw_values(ax, place, found, style.MUTED, "s", False, summary=summary)
    style.reference_line(ax, 0, False, "-")
    style.named_rows(ax, range(len(steps)), labels, -0.5, len(steps) - 0.5)


def step_label(study: Study, rung: int, remark: str = "") -> str:
    """What a rung mends, with the flaws' names: F7: cross-entropy on logits."""
    mends = study.ladder[rung].mends
    words = ", ".join(MENDED.get(name, name) for name in mends if name in MENDED)
    flaws = ", ".join(name for name in mends if name not in words)
    text = f"{flaws}: {words}" if flaws and words else words or flaws
    return textwrap.fill((text or study.ladder[rung].group) + remark, WORDS_OF_STEP)
