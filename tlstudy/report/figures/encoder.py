"""Figure of the accuracy by stage: probes, stages that are held, stages that are put back."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tlstudy.audit.statistics import summarise
from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.config.groups import label_of
from tlstudy.config.settings import Study
from tlstudy.report.figures import guessing, meanings, points, style
from tlstudy.report.figures.captions import measured_note
from tlstudy.report.names import stage_label

LAST = {"head": "last\nlayer", "encoder": "all\nbefore"}
SHORT = {"head": "h", "encoder": "a"}
MOST_LABELS = 9
ACCURACY = "test_balanced_accuracy"
MEASURES = {  # label, mark, place beside the stage's, colour
    "probe": ("probe before training", "o", -0.22, style.PINK),
    "frozen": ("held up to the stage, rest trained", "s", 0.0, style.GAP),
    "put-back": ("fine-tuned, stage put back", "^", 0.22, style.ORANGE),
}


def encoder_figure(study: Study, tables: points.Tables, size: int) -> Figure:
    """A panel for each arm that was measured; all share the vertical axis."""
    table = tables["encoder"]
    arms, text = measured_note(study, table, size, labels=False)
    if not arms:
        return style.words_figure("no run was measured stage by stage", text)
    counts = sorted({int(count) for count in table["test_images"].dropna()})
    text += f" Test images: {', '.join(f'{count:,}' for count in counts)}."
    enough = table["seed"].nunique() >= MINIMUM_SEEDS
    several = {"linewidth": 3} if enough else {"linestyle": ""}
    handles = [
        *(
            style.entry(label, colour, marker=marker, **several)
            for label, marker, _, colour in MEASURES.values()
        ),
        style.entry("fine-tuned, new", style.NEW),
        style.entry("fine-tuned, pretrained", style.PRETRAINED),
        guessing.entry(study, "balanced_accuracy", arms),
    ]
    figure = style.new_figure(2.9 * style.panel_rows(len(arms)), handles, text)
    panels = style.panel_grid(figure, len(arms), sharey=True)
    for ax, arm in zip(panels, arms, strict=True):
        _stage_panel(ax, table[table["arm"] == arm], style.colour_of(study, arm))
        guessing.draw(ax, study, "balanced_accuracy", [arm])
        style.dress(ax, label_of(study, arm), ylim=(0, 100))
    style.label_left(panels, "test balanced accuracy (%)")
    return figure


def _stage_panel(ax: Axes, rows: pd.DataFrame, colour: str) -> None:
    """The three measures of an arm at every stage, its fine-tuned value as a line across."""
    stages = stages_in_order(rows)
    for measure, (_, marker, side, mark_colour) in MEASURES.items():
        for place, stage in enumerate(stages):
            chosen = rows[(rows["measure"] == measure) & (rows["stage"] == stage)]
            if len(chosen):
                values = points.values_of(chosen, ACCURACY, 100)
                points.draw_values(ax, place + side, values, mark_colour, marker)
    tuned = points.values_of(rows[rows["measure"] == "fine-tuned"], ACCURACY, 100)
    summary = summarise(tuned)
    if summary.mean is None:
        for seed, value in tuned[np.isfinite(tuned)].items():
            look = {"linewidth": 1, "label": meanings.of_seed(seed)}
            ax.axhline(value, color=colour, zorder=1.2, **look)
    else:
        look = {"linewidth": 1.6, "label": meanings.MEAN}
        ax.axhline(summary.mean, color=colour, zorder=1.2, **look)
        ax.axhspan(summary.low, summary.high, color=colour, alpha=0.18, linewidth=0, zorder=1)
    ax.set_xlabel("stage of the network")
    every = -(-len(stages) // MOST_LABELS)
    last = LAST if every == 1 else SHORT
    if every > 1:
        ax.set_xlabel("stage of the network (h: last layer, a: all before it)")
    names = [
        last.get(stage) or (stage_label(stage) if place % every == 0 else "")
        for place, stage in enumerate(stages)
    ]
    style.named_columns(ax, names)
    meanings.remember_names(ax, (LAST.get(stage) or stage_label(stage) for stage in stages))


def stages_in_order(rows: pd.DataFrame) -> list[str]:
    """Stages of an arm's network as they follow each other, then the head and the encoder."""
    stages = dict.fromkeys(stage for stage in rows["stage"] if isinstance(stage, str) and stage)
    last = [stage for stage in LAST if stage in stages]
    return [*(stage for stage in stages if stage not in LAST), *last]
