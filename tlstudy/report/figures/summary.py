"""Figures of the reported values: every seed a point, intervals where there are enough seeds."""

import textwrap

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tlstudy.audit.answers import of_tables
from tlstudy.audit.statistics import scaled
from tlstudy.config.groups import group_of_slides, groups_of, is_new, label_of
from tlstudy.config.settings import Study
from tlstudy.data import published
from tlstudy.report.figures import guessing, meanings, points, style
from tlstudy.report.figures.captions import note
from tlstudy.report.figures.curves import LOG_FROM
from tlstudy.report.format import count, sentence

LABEL_CHARACTERS = 24
APART = 0.07  # arms beside one another, of the logarithm of a number of images
MOST_LABELS = 8  # numbers of images on an axis
# Label, factor of the values.
QUANTITIES = {
    "balanced_accuracy": ("reported balanced accuracy (%)", 100),
    "loss": ("reported loss (nats)", 1),
}


def results_figure(study: Study, tables: points.Tables, size: int) -> Figure:
    """Reported balanced accuracy and loss, a row for each arm, groups set half a row apart."""
    runs, arms = tables["runs"], [arm for group in groups_of(study).values() for arm in group]
    before = [place for place, group in enumerate(groups_of(study).values()) for _ in group]
    rows = [index + place / 2 for index, place in enumerate(before)]
    handles = points.handles(
        {is_new(study, arm) for arm in arms}, len(study.seed), group_of_slides(study) is not None
    )
    handles.append(style.reference_entry("guessing"))
    text = note(study, size) + _stopped(runs)
    answers = of_tables(study, tables)
    figure = style.new_figure(0.6 + 0.46 * (rows[-1] + 1), handles, text)
    panels = figure.subplots(1, 2, sharey=True)
    for ax, (quantity, (label, scale)) in zip(panels, QUANTITIES.items(), strict=True):
        slides = (scale * published.best().set_index("model")[quantity]).to_dict()
        for arm, row in zip(arms, rows, strict=True):
            values = points.values_of(runs[runs["arm"] == arm], f"reported_{quantity}", scale)
            colour = style.colour_of(study, arm)
            summary = scaled(answers.of_reported(runs, arm, size, quantity), scale)
            points.draw_values(ax, row, values, colour, vertical=False, aside=2, summary=summary)
            kind = "new" if is_new(study, arm) else "pretrained"
            # Those of the slides stand beside their first arm of a kind.
            if study.arms[arm].group == group_of_slides(study) and kind in slides:
                points.mark_slides(ax, row + 0.32, slides.pop(kind), vertical=False)
        guessing.draw(ax, study, quantity, vertical=False)
        ax.set_xlabel(label)
    panels[0].set_xlim(0, 100)
    guessed = max(guessing.levels(study, "loss"))
    if runs["reported_loss"].max() > LOG_FROM * guessed:
        panels[1].set_xscale("symlog", linthresh=guessed)
        panels[1].set_xlim(left=0)
    labels = [label_of(study, arm) + _diverged(runs, arm) for arm in arms]
    labels = [textwrap.fill(label, LABEL_CHARACTERS) for label in labels]
    style.named_rows(panels[0], rows, labels, -0.6, rows[-1] + 0.6)
    return figure


def _diverged(runs: pd.DataFrame, arm: str) -> str:
    """Words for a row's label on runs that are missing or have no value, or nothing."""
    status = runs.loc[runs["arm"] == arm, "status"]
    stopped = int((status == "diverged").sum())
    if not len(status):
        return " (no run)"
    return f" ({stopped} of {len(status)} diverged)" if stopped else ""


def size_figure(study: Study, tables: points.Tables, _size: None) -> Figure:
    """Reported balanced accuracy against the number of training images, a panel for each group.

    Arms stand beside one another, at most half as far as the two nearest numbers of images.
    """
    runs, groups, answers = tables["runs"], groups_of(study), of_tables(study, tables)
    handles = [*style.arm_handles(study), guessing.entry(study, "balanced_accuracy")]
    height = 2.6 * style.panel_rows(len(groups))
    entries, sizes = style.arm_entries(study), sorted(study.subset_size)
    names = [f"{size:,}" for size in sizes]
    every = -(-len(sizes) // MOST_LABELS)
    labels = [name if place % every == 0 else "" for place, name in enumerate(names)]
    nearest = np.diff(np.log(sizes)).min(initial=np.inf)
    figure = style.new_figure(height, handles, note(study) + _stopped(runs))
    panels = style.panel_grid(figure, len(groups), sharey=True, sharex=True)
    for ax, (group, arms) in zip(panels, groups.items(), strict=True):
        step = min(APART, nearest / 2 / len(arms))
        for position, arm in enumerate(arms):
            aside = np.exp(step * (position - (len(arms) - 1) / 2))
            values, summaries = {}, {}
            for size, rows in runs[runs["arm"] == arm].groupby("subset_size"):
                values[aside * size] = points.values_of(rows, "reported_balanced_accuracy", 100)
                found = answers.of_reported(runs, arm, size, "balanced_accuracy")
                summaries[aside * size] = scaled(found, 100)
            colour, dash = style.arm_styles(study)[arm].values()
            with meanings.named(ax, entries[arm]):
                points.draw_line(ax, values, colour, "", dash, points.USUAL, summaries)
        guessing.draw(ax, study, "balanced_accuracy", arms)
        ax.set_xscale("log")
        ax.set_xticks(sizes, labels=labels)
        meanings.remember_names(ax, names, sizes)
        ax.set_xticks([], minor=True)
        title = style.group_title(study, group)
        style.dress(ax, title, xlabel="training images", ylim=(0, 100))
    style.label_left(panels, "reported balanced\naccuracy (%)")
    return figure


def _stopped(runs: pd.DataFrame) -> str:
    stopped = int((runs["status"] == "diverged").sum())
    if not stopped:
        return ""
    runs_have = sentence(count(stopped, "run has", "runs have"))
    return f" {runs_have} no value: the loss was not finite."
