"""Figures of the ladder: both arms at every rung, the gap between them, what each rung changed.

All differences are taken within a seed, by `tlstudy.audit.ladder.seed_values`, and then averaged.
"""

import textwrap
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tlstudy.audit.flaws import MENDED
from tlstudy.audit.ladder import comparable, seed_values
from tlstudy.audit.statistics import summarise
from tlstudy.config.groups import groups_of, rung_groups
from tlstudy.config.settings import Study
from tlstudy.data import published
from tlstudy.report.figures import points, style
from tlstudy.report.figures.captions import PUBLISHED_GROUP, note
from tlstudy.report.figures.curves import GUESSING
from tlstudy.report.figures.series import Tables
from tlstudy.report.format import signed

SIDES = {"new": -0.14, "pretrained": 0.2}  # of a rung's place
COLOURS = {"new": style.NEW, "pretrained": style.PRETRAINED}
TITLES = {
    "softmax": "softmax outputs",
    "logits": "logits: another scale, not comparable with softmax",
}
WORDS_OF_RUNG, WORDS_OF_STEP = 13, 34  # characters in a line


@dataclass(frozen=True)
class Measured:
    """A quantity of every rung, as the panels show it.

    Attributes:
        values: by rung, part and seed, see `tlstudy.audit.ladder.seed_values`.
        scale: factor of the values, 100 for per cent.
        guessing: value of a network that guesses, scaled.
        decimals: of the gaps' means.
    """

    study: Study
    quantity: str
    values: pd.DataFrame
    scale: float
    guessing: float
    decimals: int

    def part(self, rung: int, part: str) -> np.ndarray:
        """(seeds,) scaled values of a rung's part, see `tlstudy.storage.columns.LADDER`."""
        rows = self.values[(self.values["rung"] == rung) & (self.values["part"] == part)]
        return self.scale * rows.sort_values("seed")["value"].to_numpy(dtype=float)

    def slides(self, rung: int) -> dict[str, float]:
        """The slides' scaled values of new and pretrained; empty at all rungs but theirs."""
        if rung_groups(self.study)[rung] != PUBLISHED_GROUP:
            return {}
        return (self.scale * published.best().set_index("model")[self.quantity]).to_dict()


def head_of(study: Study, group: str) -> str:
    """What enters a rung's cross-entropy: losses of different heads do not compare."""
    return study.arms[groups_of(study)[group][0]].head


def accuracy_figure(study: Study, tables: Tables, size: int) -> Figure:
    """Balanced accuracy of both arms, the gap in points, and what each rung changed."""
    quantity = "balanced_accuracy"
    values = seed_values(study, tables["runs"], quantity, size)
    measured = Measured(study, quantity, values, 100, 10, 1)
    rungs = range(len(study.ladder))
    figure, upper, lower = _two_parts(study, size, "guessing (10 %)")
    top, middle = upper.subplots(2, 1, sharex=True)
    arms_panel(top, measured, rungs)
    top.set_ylim(0, 100)
    top.set_ylabel("balanced accuracy (%)")
    gap_panel(middle, measured, rungs)
    middle.set_ylabel("gap (points)")
    steps_panel(lower.subplots(), measured, rungs[1:])
    lower.axes[0].set_xlabel("change of the gap from the rung before (points)")
    return figure


def loss_figure(study: Study, tables: Tables, size: int) -> Figure:
    """The same for the loss: softmax outputs and logits side by side, each on its own axes."""
    values = seed_values(study, tables["runs"], "loss", size)
    measured = Measured(study, "loss", values, 1, GUESSING, 2)
    heads = [head_of(study, group) for group in rung_groups(study)]
    parts = {head: [rung for rung, found in enumerate(heads) if found == head] for head in TITLES}
    parts = {head: rungs for head, rungs in parts.items() if rungs}
    figure, upper, lower = _two_parts(study, size, "guessing (ln 10)")
    widths = [len(rungs) for rungs in parts.values()]
    panels = upper.subplots(2, len(parts), width_ratios=widths, squeeze=False, sharex="col")
    for (top, bottom), (head, rungs) in zip(panels.T, parts.items(), strict=True):
        style.panel_title(arms_panel(top, measured, rungs), TITLES[head], 60)
        top.set_ylabel("loss (nats)")
        gap_panel(bottom, measured, rungs)
        bottom.set_ylabel("gap (nats)")
    compared = [step for step in range(1, len(heads)) if comparable(study, step, "loss")]
    steps_panel(lower.subplots(), measured, compared, [f" ({heads[step]})" for step in compared])
    lower.axes[0].set_xlabel("change of the gap (nats), between rungs of one scale")
    return figure


def _two_parts(study: Study, size: int, guessing: str) -> tuple:
    """A figure with a part by rung and a part by what was mended: their labels differ in width."""
    heights = [4.9, 0.65 + 0.38 * (len(study.ladder) - 1)]
    figure = style.new_figure(sum(heights), _handles(study, guessing), note(study, size))
    return (figure, *style.transparent_parts(figure, heights))


def _handles(study: Study, guessing: str) -> list[Line2D]:
    slides = PUBLISHED_GROUP in rung_groups(study)
    return [
        *points.handles({True, False}, len(study.seed), slides),
        style.entry("pretrained less new", style.GAP, marker="D", linestyle=""),
        style.entry("one seed", marker=".", linestyle=""),
        style.reference_entry(guessing),
    ]


def arms_panel(ax: Axes, measured: Measured, rungs: range | list[int]) -> Axes:
    """Both arms at each rung, and the slides' values at the published one."""
    for rung in rungs:
        for part, side in SIDES.items():
            points.draw_values(ax, rung + side, measured.part(rung, part), COLOURS[part])
        for part, value in measured.slides(rung).items():
            points.mark_slides(ax, rung + SIDES[part] * 2.1, value)
    style.reference_line(ax, measured.guessing)
    return _rung_axis(ax, measured.study, rungs)


def gap_panel(ax: Axes, measured: Measured, rungs: range | list[int]) -> Axes:
    """Pretrained less new at each rung, seed by seed; means are written beside their marks."""
    for rung in rungs:
        gaps = measured.part(rung, "gap")
        points.draw_values(ax, rung, gaps, style.GAP)
        mean = summarise(gaps).mean
        if mean is not None:
            text = signed(f"{mean:+.{measured.decimals}f}")
            ax.annotate(text, (rung + 0.1, mean), va="center", ha="left")
        if slides := measured.slides(rung):
            points.mark_slides(ax, rung - 0.25, slides["pretrained"] - slides["new"])
    points.zero_line(ax)
    return _rung_axis(ax, measured.study, rungs)


def _rung_axis(ax: Axes, study: Study, rungs: range | list[int]) -> Axes:
    ax.set_xticks(list(rungs), labels=[_rung_label(study, rung) for rung in rungs])
    ax.set_xlim(min(rungs) - 0.45, max(rungs) + 0.65)  # room for the number beside a mark
    ax.tick_params(axis="x", length=0)
    ax.grid(visible=False, axis="x")
    return ax


def _rung_label(study: Study, index: int) -> str:
    rung = study.ladder[index]
    lines = textwrap.wrap(rung.group.replace("-", " "), WORDS_OF_RUNG)
    lines += textwrap.wrap(f"({', '.join(rung.mends)})" if rung.mends else "", WORDS_OF_RUNG)
    return "\n".join(lines)


def steps_panel(
    ax: Axes, measured: Measured, rungs: range | list[int], remarks: list[str] | None = None
) -> Axes:
    """A row for each rung: how far it moved the gap, seed by seed.

    Args:
        remarks: what is added to the rungs' names.
    """
    if not rungs:
        return style.words_only(ax, "no two rungs that compare")
    for row, rung in enumerate(rungs):
        points.draw_values(ax, row, measured.part(rung, "step"), style.GAP, vertical=False)
    points.zero_line(ax, vertical=False)
    pairs = zip(rungs, remarks or [""] * len(rungs), strict=True)
    labels = [step_label(measured.study, rung, remark) for rung, remark in pairs]
    style.named_rows(ax, range(len(rungs)), labels, -0.5, len(rungs) - 0.5)
    return ax


def step_label(study: Study, rung: int, remark: str = "") -> str:
    """What a rung mends, with the flaws' names: F7: cross-entropy on logits."""
    mends = study.ladder[rung].mends
    words = ", ".join(MENDED.get(name, name) for name in mends if name in MENDED)
    flaws = ", ".join(name for name in mends if name not in words)
    text = f"{flaws}: {words}" if flaws and words else words or flaws
    return textwrap.fill((text or study.ladder[rung].group) + remark, WORDS_OF_STEP)
