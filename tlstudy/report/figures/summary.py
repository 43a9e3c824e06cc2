"""Figures of the reported values: every seed a point, intervals where there are enough seeds."""

import textwrap

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tlstudy.config.groups import groups_of, is_new, label_of
from tlstudy.config.settings import Study
from tlstudy.data import published
from tlstudy.report.figures import points, style
from tlstudy.report.figures.captions import note
from tlstudy.report.figures.curves import GUESSING, LOG_FROM, overlaid_groups
from tlstudy.report.figures.series import Tables
from tlstudy.report.format import count, sentence

LABEL_CHARACTERS = 24


def results_figure(study: Study, tables: Tables, size: int) -> Figure:
    """Reported balanced accuracy and loss, a row for each arm, groups set apart."""
    runs, rows = tables["runs"], row_positions(study)
    handles = points.handles({is_new(study, arm) for arm in study.arms}, len(study.seed))
    text = note(study, size) + _stopped(runs)
    height = 0.6 + 0.46 * (max(rows.values()) + 1)
    figure = style.new_figure(height, [*handles, style.reference_entry("guessing")], text)
    left, right = figure.subplots(1, 2, sharey=True)
    _results_panel(left, study, runs, rows, "balanced_accuracy", 100, 10)
    left.set_xlim(0, 100)
    left.set_xlabel("reported balanced accuracy (%)")
    _results_panel(right, study, runs, rows, "loss", 1, GUESSING)
    right.set_xlabel("reported loss (nats)")
    if runs["reported_loss"].max() > LOG_FROM:
        right.set_xscale("symlog", linthresh=GUESSING)
        right.xaxis.set_major_formatter(style.plain_number)
    labels = [
        textwrap.fill(label_of(study, arm) + _diverged(runs, arm), LABEL_CHARACTERS) for arm in rows
    ]
    style.named_rows(left, rows.values(), labels, -0.6, max(rows.values()) + 0.6)
    return figure


def row_positions(study: Study) -> dict[str, float]:
    """Vertical position of each arm; half a row between groups."""
    rows, position = {}, 0.0
    for arms in groups_of(study).values():
        for arm in arms:
            rows[arm] = position
            position += 1
        position += 0.5
    return rows


def _results_panel(
    ax: Axes,
    study: Study,
    runs: pd.DataFrame,
    rows: dict[str, float],
    quantity: str,
    scale: float,
    guessing: float,
) -> None:
    """Values of each arm on its row, and the slides' beside their first arm of a kind."""
    waiting = (scale * published.best().set_index("model")[quantity]).to_dict()
    for arm, row in rows.items():
        values = runs.loc[runs["arm"] == arm].sort_values("seed")[f"reported_{quantity}"]
        colour = style.colour_of(study, arm)
        found = scale * values.to_numpy(dtype=float)
        points.draw_values(ax, row, found, colour, vertical=False, aside=2)
        kind = "new" if is_new(study, arm) else "pretrained"
        if study.arms[arm].group in overlaid_groups(study) and kind in waiting:
            points.mark_slides(ax, row + 0.32, waiting.pop(kind), vertical=False)
    style.reference_line(ax, guessing, vertical=False)


def _diverged(runs: pd.DataFrame, arm: str) -> str:
    """Words for a row's label on runs that are missing or have no value, or nothing."""
    status = runs.loc[runs["arm"] == arm, "status"]
    stopped = int((status == "diverged").sum())
    if not len(status):
        return " (no run)"
    return f" ({stopped} of {len(status)} diverged)" if stopped else ""


def size_figure(study: Study, tables: Tables) -> Figure:
    """Reported balanced accuracy against the number of training images, a panel for each group."""
    runs, groups = tables["runs"], groups_of(study)
    handles = [*style.arm_handles(study), style.reference_entry("guessing (10 %)")]
    height = 2.6 * style.panel_rows(len(groups))
    figure = style.new_figure(height, handles, note(study) + _stopped(runs))
    panels, left = style.panel_grid(figure, len(groups), sharey=True, sharex=True)
    for ax, (group, arms) in zip(panels, groups.items(), strict=True):
        for position, arm in enumerate(arms):
            draw_sizes(ax, study, runs, arm, 1 + 0.07 * (position - (len(arms) - 1) / 2))
        style.reference_line(ax, 10)
        ax.set_xscale("log")
        ax.set_xticks(study.subset_size, labels=[f"{size:,}" for size in study.subset_size])
        ax.set_xticks([], minor=True)
        ax.set_ylim(0, 100)
        ax.set_xlabel("training images")
        style.panel_title(ax, group)
    for ax in left:
        ax.set_ylabel("reported balanced\naccuracy (%)")
    return figure


def draw_sizes(ax: Axes, study: Study, runs: pd.DataFrame, arm: str, shift: float) -> Axes:
    """An arm's values at each size, moved sideways by a factor."""
    look = style.arm_styles(study)[arm]
    values = {
        shift * size: 100 * rows["reported_balanced_accuracy"].to_numpy(dtype=float)
        for size, rows in runs[runs["arm"] == arm].groupby("subset_size")
    }
    return points.draw_line(ax, values, look["color"], "", look["linestyle"], points.USUAL)


def _stopped(runs: pd.DataFrame) -> str:
    stopped = int((runs["status"] == "diverged").sum())
    if not stopped:
        return ""
    runs_have = sentence(count(stopped, "run has", "runs have"))
    return f" {runs_have} no value: the loss was not finite."
