"""Figures of the ladder: both arms at every rung, the gap between them, what each rung changed.

A rung's values of a seed are `tlstudy.audit.ladder.seed_values`; all differences are taken within a
seed before they are averaged.
"""

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from tlstudy.audit.ladder import comparable, seed_values
from tlstudy.config.groups import groups_of, rung_groups
from tlstudy.config.settings import Study
from tlstudy.data import published
from tlstudy.report.figures import points, style
from tlstudy.report.figures.captions import PUBLISHED_GROUP, note
from tlstudy.report.figures.curves import GUESSING
from tlstudy.report.figures.texts import MENDED

SIDES = {"new": -0.14, "pretrained": 0.2}  # of a rung's place
COLOURS = {"new": style.NEW, "pretrained": style.PRETRAINED, "gap": style.GAP, "step": style.GAP}
TITLES = {
    "softmax": "softmax outputs",
    "logits": "logits: another scale, not comparable with softmax",
}
WORDS_OF_RUNG, WORDS_OF_STEP = 13, 34  # characters in a line


def parts_of(values: pd.DataFrame, rung: int, part: str) -> np.ndarray:
    """(seeds,) values of a part of a rung, see `tlstudy.storage.columns.LADDER`."""
    rows = values[(values["rung"] == rung) & (values["part"] == part)]
    return rows.sort_values("seed")["value"].to_numpy(dtype=float)


def head_of(study: Study, group: str) -> str:
    """What enters a rung's cross-entropy: losses of different heads do not compare."""
    return study.arms[groups_of(study)[group][0]].head


def accuracy_figure(study: Study, runs: pd.DataFrame, size: int) -> Figure:
    """Balanced accuracy of both arms, the gap in points, and what each rung changed."""
    values = seed_values(study, runs, "balanced_accuracy", size)
    rungs = rung_groups(study)
    figure, upper, lower = _two_parts(study, size, "guessing (10 %)")
    top, middle = upper.subplots(2, 1, sharex=True)
    arms_panel(top, study, values, range(len(rungs)), "balanced_accuracy", 100)
    top.set_ylim(0, 100)
    top.set_ylabel("balanced accuracy (%)")
    gap_panel(middle, study, values, range(len(rungs)), "balanced_accuracy", 100)
    middle.set_ylabel("gap (points)")
    bottom = steps_panel(lower.subplots(), study, values, list(range(1, len(rungs))), 100)
    bottom.set_xlabel("change of the gap from the rung before (points)")
    return figure


def _two_parts(study: Study, size: int, guessing: str) -> tuple[Figure, SubFigure, SubFigure]:
    """A figure with a part by rung and a part by what was mended: their labels differ in width."""
    heights = [4.9, 0.65 + 0.38 * (len(study.ladder) - 1)]
    figure = style.new_figure(sum(heights), _handles(study, guessing), note(study, size))
    upper, lower = figure.subfigures(2, 1, height_ratios=heights)
    for part in (upper, lower):
        part.patch.set_alpha(0)
    return figure, upper, lower


def loss_figure(study: Study, runs: pd.DataFrame, size: int) -> Figure:
    """The same for the loss: softmax outputs and logits side by side, each on its own axes."""
    values = seed_values(study, runs, "loss", size)
    rungs = rung_groups(study)
    parts = {
        head: [index for index, group in enumerate(rungs) if head_of(study, group) == head]
        for head in ("softmax", "logits")
    }
    parts = {head: indices for head, indices in parts.items() if indices}
    figure, upper, lower = _two_parts(study, size, "guessing (ln 10)")
    widths = [len(indices) for indices in parts.values()]
    panels = upper.subplots(2, len(parts), width_ratios=widths, squeeze=False, sharex="col")
    for column, (head, indices) in zip(panels.T, parts.items(), strict=True):
        _loss_column(column, study, values, indices, head)
    compared = [step for step in range(1, len(rungs)) if comparable(study, step, "loss")]
    bottom = steps_panel(lower.subplots(), study, values, compared, 1)
    labels = [step_label(study, step, f" ({head_of(study, rungs[step])})") for step in compared]
    bottom.set_yticks(range(len(compared)), labels=labels)
    style.left_aligned(bottom.get_yticklabels())
    bottom.set_xlabel("change of the gap (nats), between rungs of one scale")
    return figure


def _loss_column(
    column: np.ndarray, study: Study, values: pd.DataFrame, indices: list[int], head: str
) -> None:
    upper, lower = column
    arms_panel(upper, study, values, indices, "loss", 1)
    style.panel_title(upper, TITLES[head], 60)
    upper.set_ylabel("loss (nats)")
    gap_panel(lower, study, values, indices, "loss", 1)
    lower.set_ylabel("gap (nats)")


def _handles(study: Study, guessing: str) -> list[Line2D]:
    dotted = Line2D([], [], color=style.MUTED, linestyle=":", label=guessing)
    slides = PUBLISHED_GROUP in rung_groups(study)
    gap = Line2D([], [], color=style.GAP, marker="D", linestyle="", label="pretrained less new")
    seed = Line2D([], [], color=style.MUTED, marker=".", linestyle="", label="one seed")
    return [*points.handles(["new", "pretrained"], len(study.seed), slides), gap, seed, dotted]


def arms_panel(
    ax: Axes,
    study: Study,
    values: pd.DataFrame,
    indices: range | list[int],
    quantity: str,
    scale: float,
) -> Axes:
    """Both arms at each rung, and the slides' values at the published one."""
    slides = published.best().set_index("model")[quantity]
    for index in indices:
        for part, side in SIDES.items():
            found = scale * parts_of(values, index, part)
            points.draw_values(ax, index + side, found, COLOURS[part])
            if rung_groups(study)[index] == PUBLISHED_GROUP:
                points.mark_slides(ax, index + side * 2.1, scale * slides[part])
    ax.axhline(10 if scale == 100 else GUESSING, color=style.MUTED, linestyle=":", zorder=1)
    return _rung_axis(ax, study, indices)


def gap_panel(
    ax: Axes,
    study: Study,
    values: pd.DataFrame,
    indices: range | list[int],
    quantity: str,
    scale: float,
) -> Axes:
    """Pretrained less new at each rung, seed by seed; means are written beside their marks."""
    slides = published.best().set_index("model")[quantity]
    for index in indices:
        summary = points.draw_values(ax, index, scale * parts_of(values, index, "gap"), style.GAP)
        if summary.mean is not None:
            text = f"{summary.mean:+.1f}" if scale == 100 else f"{summary.mean:+.2f}"
            ax.annotate(
                text.replace("-", "\u2212"), (index + 0.1, summary.mean), va="center", ha="left"
            )
        if rung_groups(study)[index] == PUBLISHED_GROUP:
            points.mark_slides(ax, index - 0.25, scale * (slides["pretrained"] - slides["new"]))
    points.zero_line(ax)
    return _rung_axis(ax, study, indices)


def _rung_axis(ax: Axes, study: Study, indices: range | list[int]) -> Axes:
    labels = [_rung_label(study, index) for index in indices]
    ax.set_xticks(list(indices), labels=labels)
    ax.set_xlim(min(indices) - 0.45, max(indices) + 0.65)  # room for the number beside a mark
    ax.tick_params(axis="x", length=0)
    ax.grid(visible=False, axis="x")
    return ax


def _rung_label(study: Study, index: int) -> str:
    rung = study.ladder[index]
    lines = textwrap.wrap(rung.group.replace("-", " "), WORDS_OF_RUNG)
    lines += textwrap.wrap(f"({', '.join(rung.mends)})" if rung.mends else "", WORDS_OF_RUNG)
    return "\n".join(lines)


def steps_panel(
    ax: Axes, study: Study, values: pd.DataFrame, rungs: list[int], scale: float
) -> Axes:
    """A row for each rung: how far it moved the gap, seed by seed."""
    if not rungs:
        return style.words_only(ax, "no two rungs that compare")
    for row, rung in enumerate(rungs):
        found = scale * parts_of(values, rung, "step")
        points.draw_values(ax, row, found, style.GAP, vertical=False)
    points.zero_line(ax, vertical=False)
    ax.set_yticks(range(len(rungs)), labels=[step_label(study, rung) for rung in rungs])
    style.left_aligned(ax.get_yticklabels())
    ax.set_ylim(len(rungs) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    return ax


def step_label(study: Study, rung: int, remark: str = "") -> str:
    """What a rung mends, with the flaws' names: F7: cross-entropy on logits."""
    mends = study.ladder[rung].mends
    words = ", ".join(MENDED.get(name, name) for name in mends if name in MENDED)
    flaws = ", ".join(name for name in mends if name not in words)
    text = f"{flaws}: {words}" if flaws and words else words or flaws
    return textwrap.fill((text or study.ladder[rung].group) + remark, WORDS_OF_STEP)
