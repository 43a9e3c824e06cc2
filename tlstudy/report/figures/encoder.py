"""Figures of what the stages hold, and of the curvature of the training loss."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tlstudy.audit.statistics import summarise
from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.config.groups import is_new, label_of
from tlstudy.config.settings import Study
from tlstudy.report.figures import points, style
from tlstudy.report.figures.captions import note

STAGES = ("stem", "layer1", "layer2", "layer3", "layer4", "head", "encoder")
STAGE_LABELS = {"head": "last\nlayer", "encoder": "stem\nto 4"}
MEASURES = {  # label, mark, place beside the stage's
    "probe": ("probe before training", "o", -0.22),
    "frozen": ("held up to the stage, rest trained", "s", 0.0),
    "put-back": ("fine-tuned, stage put back", "^", 0.22),
}
COLOURS = {"probe": "#cc79a7", "frozen": style.GAP, "put-back": "#e69f00"}


def encoder_figure(study: Study, table: pd.DataFrame, size: int) -> Figure:
    """A panel for each arm that was measured; all share the vertical axis."""
    arms = [arm for arm in study.arms if arm in set(table["arm"])]
    seeds = [seed for seed in study.seed if seed in set(table["seed"])]
    if not arms:
        figure = style.new_figure(1.2, note=note(study, size))
        style.words_only(figure.subplots(), "no run was measured stage by stage", 60)
        return figure
    rows = style.panel_rows(len(arms))
    text = f"{note(study, size, seeds)} {_images_text(table)}"
    figure = style.new_figure(2.9 * rows, _encoder_handles(len(seeds)), text)
    columns = min(len(arms), style.COLUMNS)
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for ax, arm in zip(panels.ravel(), arms, strict=False):
        stage_panel(ax, study, table[table["arm"] == arm], arm)
    for ax in panels[:, 0]:
        ax.set_ylabel("test balanced accuracy (%)")
    for ax in panels.ravel()[len(arms) :]:
        ax.set_axis_off()
    return figure


def _images_text(table: pd.DataFrame) -> str:
    counts = sorted({int(count) for count in table["test_images"].dropna()})
    return f"Test images: {', '.join(f'{count:,}' for count in counts)}."


def stage_panel(ax: Axes, study: Study, rows: pd.DataFrame, arm: str) -> Axes:
    """The three measures of an arm at every stage, its fine-tuned value as a line across."""
    stages = [stage for stage in STAGES if stage in set(rows["stage"])]
    for measure, (_, marker, side) in MEASURES.items():
        for place, stage in enumerate(stages):
            chosen = rows[(rows["measure"] == measure) & (rows["stage"] == stage)]
            if len(chosen):
                values = _accuracies(chosen)
                points.draw_values(ax, place + side, values, COLOURS[measure], marker=marker)
    _draw_tuned(ax, _accuracies(rows[rows["measure"] == "fine-tuned"]), _colour(study, arm))
    ax.axhline(10, color=style.MUTED, linestyle=":", linewidth=1, zorder=1)
    ax.set_xticks(range(len(stages)), labels=list(map(stage_label, stages)))
    ax.set_xlabel("stage of the network")
    ax.set_xlim(-0.5, len(stages) - 0.5)
    ax.set_ylim(0, 100)
    ax.grid(visible=False, axis="x")
    return style.panel_title(ax, label_of(study, arm))


def stage_label(stage: str) -> str:
    """stem, 1 to 4, or what is put back in one."""
    return STAGE_LABELS.get(stage, stage.removeprefix("layer"))


def _accuracies(rows: pd.DataFrame) -> np.ndarray:
    return 100 * rows.sort_values("seed")["test_balanced_accuracy"].to_numpy(dtype=float)


def _draw_tuned(ax: Axes, values: np.ndarray, colour: str) -> None:
    """The mean as a line with its interval as a band; below five seeds a line for each."""
    summary = summarise(values)
    if summary.mean is None:
        for value in values[np.isfinite(values)]:
            ax.axhline(value, color=colour, linewidth=1, zorder=1.2)
        return
    ax.axhline(summary.mean, color=colour, linewidth=1.6, zorder=1.2)
    ax.axhspan(summary.low, summary.high, color=colour, alpha=0.18, linewidth=0, zorder=1)


def _colour(study: Study, arm: str) -> str:
    return style.NEW if is_new(study, arm) else style.PRETRAINED


def _encoder_handles(seeds: int) -> list[Line2D]:
    several = {"linewidth": 3} if seeds >= MINIMUM_SEEDS else {"linestyle": ""}
    handles = [
        Line2D([], [], color=COLOURS[name], marker=marker, label=label, **several)
        for name, (label, marker, _) in MEASURES.items()
    ]
    for text, colour in (("new", style.NEW), ("pretrained", style.PRETRAINED)):
        handles.append(Line2D([], [], color=colour, label=f"fine-tuned, {text}"))
    return [*handles, Line2D([], [], color=style.MUTED, linestyle=":", label="guessing (10 %)")]
