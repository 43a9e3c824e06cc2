"""Figures of the reported values: every seed a point, intervals where there are enough seeds."""

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tlstudy.audit.statistics import summarise
from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.config.groups import groups_of, is_new, label_of
from tlstudy.config.settings import Study
from tlstudy.data import published
from tlstudy.report.figures import style
from tlstudy.report.figures.captions import note
from tlstudy.report.figures.curves import GUESSING, LOG_FROM, overlaid_groups

LABEL_CHARACTERS = 24
SPREAD = 0.18  # of the points of an arm, in rows


def results_figure(study: Study, runs: pd.DataFrame, size: int) -> Figure:
    """Reported balanced accuracy and loss, a row for each arm, groups set apart."""
    rows = row_positions(study)
    figure = style.new_figure(
        0.6 + 0.46 * (max(rows.values()) + 1),
        _handles(study, len(study.seed)),
        note(study, size) + _stopped(runs),
    )
    left, right = figure.subplots(1, 2, sharey=True)
    columns = ("reported_balanced_accuracy", "reported_loss")
    names = ("balanced_accuracy", "loss")
    for ax, column, name, scale in zip((left, right), columns, names, (100, 1), strict=True):
        for arm, row in rows.items():
            draw_arm(ax, study, runs, arm, row, column, scale)
        _mark_slides(ax, study, rows, name, scale)
        ax.axvline(10 if scale == 100 else GUESSING, color=style.MUTED, linestyle=":")
    left.set_xlim(0, 100)
    left.set_xlabel("reported balanced accuracy (%)")
    right.set_xlabel("reported loss (nats)")
    if runs["reported_loss"].max() > LOG_FROM:
        right.set_xscale("symlog", linthresh=GUESSING)
        right.xaxis.set_major_formatter(style.plain_number)
    _row_axis(left, study, runs, rows)
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


def _row_axis(ax: Axes, study: Study, runs: pd.DataFrame, rows: dict[str, float]) -> None:
    labels = [
        textwrap.fill(label_of(study, arm) + _diverged(runs, arm), LABEL_CHARACTERS) for arm in rows
    ]
    ax.set_yticks(list(rows.values()), labels=labels)
    style.left_aligned(ax.get_yticklabels())
    ax.set_ylim(max(rows.values()) + 0.6, -0.6)
    ax.tick_params(axis="y", length=0)


def draw_arm(
    ax: Axes, study: Study, runs: pd.DataFrame, arm: str, row: float, column: str, scale: float
) -> Axes:
    """Points of an arm's seeds on its row, and their mean's interval.

    Args:
        runs: table of runs; the arm's rows are taken.
        column: reported value; scale: factor of the values.
    """
    rows = runs[runs["arm"] == arm].sort_values("seed")
    colour = style.NEW if is_new(study, arm) else style.PRETRAINED
    values = scale * rows[column].to_numpy(dtype=float)
    heights = row + spread(len(values))
    ax.plot(
        values,
        heights,
        ".",
        color=colour,
        markersize=7 if len(values) > 1 else 10,
        alpha=0.6 if len(values) > 1 else 1,
        markeredgewidth=0,
    )
    summary = summarise(values)
    if summary.mean is not None:
        ax.plot([summary.low, summary.high], [row, row], color=colour, linewidth=3.2, alpha=0.9)
        ax.plot(summary.mean, row, "D", color=colour, markersize=6.5)
    return ax


def _diverged(runs: pd.DataFrame, arm: str) -> str:
    """Words for a row's label on runs that are missing or have no value, or nothing."""
    status = runs.loc[runs["arm"] == arm, "status"]
    stopped = int((status == "diverged").sum())
    if not len(status):
        return " (no run)"
    return f" ({stopped} of {len(status)} diverged)" if stopped else ""


def spread(count: int) -> np.ndarray:
    """(count,) heights around a row, so that points of equal value do not hide one another."""
    return SPREAD * (np.arange(count) % 5 - 2) / 2 if count > 1 else np.zeros(count)


def _mark_slides(ax: Axes, study: Study, rows: dict[str, float], name: str, scale: float) -> None:
    table = published.best().set_index("model")[name]
    marked = set()
    for arm, row in rows.items():
        new = is_new(study, arm)
        if study.arms[arm].group in overlaid_groups(study) and new not in marked:
            marked.add(new)
            value = scale * table["new" if new else "pretrained"]
            ax.plot(value, row + 0.32, "x", color=style.SLIDES, markersize=7, markeredgewidth=2)


def _handles(study: Study, seeds: int) -> list[Line2D]:
    handles = [
        Line2D([], [], color=colour, marker=".", markersize=9, linestyle="", label=text)
        for new, colour, text in (
            (True, style.NEW, "new (random start)"),
            (False, style.PRETRAINED, "pretrained"),
        )
        if any(is_new(study, arm) == new for arm in study.arms)
    ]
    if seeds >= MINIMUM_SEEDS:
        handles.append(
            Line2D([], [], color=style.MUTED, marker="D", linewidth=3, label="mean and interval")
        )
    cross = {"marker": "x", "markersize": 7, "markeredgewidth": 2, "linestyle": ""}
    handles.append(Line2D([], [], color=style.SLIDES, label="slides' table", **cross))
    handles.append(Line2D([], [], color=style.MUTED, linestyle=":", label="guessing"))
    return handles


def size_figure(study: Study, runs: pd.DataFrame) -> Figure:
    """Reported balanced accuracy against the number of training images, a panel for each group."""
    groups = groups_of(study)
    rows = style.panel_rows(len(groups))
    guessing = Line2D([], [], color=style.MUTED, linestyle=":", label="guessing (10 %)")
    handles = [*style.arm_handles(study, list(study.arms)), guessing]
    figure = style.new_figure(2.6 * rows, handles, note(study) + _stopped(runs))
    columns = min(len(groups), style.COLUMNS)
    panels = figure.subplots(rows, columns, sharey=True, sharex=True, squeeze=False)
    for ax, (group, arms) in zip(panels.ravel(), groups.items(), strict=False):
        for position, arm in enumerate(arms):
            draw_sizes(ax, study, runs, arm, 1 + 0.07 * (position - (len(arms) - 1) / 2))
        ax.axhline(10, color=style.MUTED, linestyle=":")
        ax.set_xscale("log")
        ax.set_xticks(study.subset_size, labels=[f"{size:,}" for size in study.subset_size])
        ax.set_xticks([], minor=True)
        ax.set_ylim(0, 100)
        ax.set_xlabel("training images")
        style.panel_title(ax, group)
    for ax in panels[:, 0]:
        ax.set_ylabel("reported balanced\naccuracy (%)")
    for ax in panels.ravel()[len(groups) :]:
        ax.set_axis_off()
    return figure


def draw_sizes(ax: Axes, study: Study, runs: pd.DataFrame, arm: str, shift: float) -> Axes:
    """An arm's seeds as points at each size, moved sideways by a factor; means where allowed."""
    look = style.arm_styles(study)[arm]
    rows = runs[runs["arm"] == arm]
    values = 100 * rows["reported_balanced_accuracy"]
    ax.plot(
        shift * rows["subset_size"],
        values,
        ".",
        color=look["color"],
        markersize=6,
        alpha=0.6,
        markeredgewidth=0,
    )
    summaries = [
        (shift * size, summarise(100 * part["reported_balanced_accuracy"].to_numpy(dtype=float)))
        for size, part in rows.groupby("subset_size")
    ]
    drawn = [(x, item) for x, item in summaries if item.mean is not None]
    ax.plot([x for x, _ in drawn], [item.mean for _, item in drawn], **look)
    for x, item in drawn:
        ax.plot([x, x], [item.low, item.high], color=look["color"], linewidth=3, alpha=0.8)
    return ax


def _stopped(runs: pd.DataFrame) -> str:
    stopped = int((runs["status"] == "diverged").sum())
    if not stopped:
        return ""
    runs_text = "run has" if stopped == 1 else "runs have"
    return f" {stopped} {runs_text} no value: the loss was not finite."
