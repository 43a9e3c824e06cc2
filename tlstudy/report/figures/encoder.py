"""Figure of the accuracy by stage: probes, stages that are held, stages that are put back."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tlstudy.audit.statistics import summarise
from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.config.groups import label_of
from tlstudy.config.settings import Study
from tlstudy.report.figures import points, style
from tlstudy.report.figures.captions import measured_note
from tlstudy.report.figures.series import Tables

STAGES = ("stem", "layer1", "layer2", "layer3", "layer4", "head", "encoder")
STAGE_LABELS = {"head": "last\nlayer", "encoder": "stem\nto 4"}
MEASURES = {  # label, mark, place beside the stage's, colour
    "probe": ("probe before training", "o", -0.22, "#cc79a7"),
    "frozen": ("held up to the stage, rest trained", "s", 0.0, style.GAP),
    "put-back": ("fine-tuned, stage put back", "^", 0.22, "#e69f00"),
}


def encoder_figure(study: Study, tables: Tables, size: int) -> Figure:
    """A panel for each arm that was measured; all share the vertical axis."""
    table = tables["encoder"]
    arms = [arm for arm in study.arms if arm in set(table["arm"])]
    text = measured_note(study, table, size)
    if not arms:
        return style.words_figure("no run was measured stage by stage", text)
    counts = sorted({int(count) for count in table["test_images"].dropna()})
    text += f" Test images: {', '.join(f'{count:,}' for count in counts)}."
    height = 2.9 * style.panel_rows(len(arms))
    figure = style.new_figure(height, _handles(table["seed"].nunique()), text)
    panels, left = style.panel_grid(figure, len(arms), sharey=True)
    for ax, arm in zip(panels, arms, strict=True):
        stage_panel(ax, study, table[table["arm"] == arm], arm)
    for ax in left:
        ax.set_ylabel("test balanced accuracy (%)")
    return figure


def stage_panel(ax: Axes, study: Study, rows: pd.DataFrame, arm: str) -> Axes:
    """The three measures of an arm at every stage, its fine-tuned value as a line across."""
    stages = [stage for stage in STAGES if stage in set(rows["stage"])]
    for measure, (_, marker, side, colour) in MEASURES.items():
        for place, stage in enumerate(stages):
            chosen = rows[(rows["measure"] == measure) & (rows["stage"] == stage)]
            if len(chosen):
                points.draw_values(ax, place + side, _accuracies(chosen), colour, marker)
    tuned = _accuracies(rows[rows["measure"] == "fine-tuned"])
    _draw_across(ax, tuned, style.colour_of(study, arm))
    style.reference_line(ax, 10)
    style.named_columns(ax, [_stage_label(stage) for stage in stages])
    ax.set_xlabel("stage of the network")
    ax.set_ylim(0, 100)
    return style.panel_title(ax, label_of(study, arm))


def _stage_label(stage: str) -> str:
    """stem, 1 to 4, or what is put back in one."""
    return STAGE_LABELS.get(stage, stage.removeprefix("layer"))


def _accuracies(rows: pd.DataFrame) -> np.ndarray:
    return 100 * rows.sort_values("seed")["test_balanced_accuracy"].to_numpy(dtype=float)


def _draw_across(ax: Axes, values: np.ndarray, colour: str) -> None:
    """The mean as a line with its interval as a band; below five seeds a line for each."""
    summary = summarise(values)
    if summary.mean is None:
        for value in values[np.isfinite(values)]:
            ax.axhline(value, color=colour, linewidth=1, zorder=1.2)
        return
    ax.axhline(summary.mean, color=colour, linewidth=1.6, zorder=1.2)
    ax.axhspan(summary.low, summary.high, color=colour, alpha=0.18, linewidth=0, zorder=1)


def _handles(seeds: int) -> list[Line2D]:
    several = {"linewidth": 3} if seeds >= MINIMUM_SEEDS else {"linestyle": ""}
    return [
        *(
            style.entry(label, colour, marker=marker, **several)
            for label, marker, _, colour in MEASURES.values()
        ),
        style.entry("fine-tuned, new", style.NEW),
        style.entry("fine-tuned, pretrained", style.PRETRAINED),
        style.reference_entry("guessing (10 %)"),
    ]
