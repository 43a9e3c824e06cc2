"""Figures of values against the epoch: losses, accuracy, gradient norm, change of the weights."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tlstudy.config.groups import arms_of_kind, groups_of, is_new, label_of
from tlstudy.config.settings import STATISTICS, Study
from tlstudy.data import published
from tlstudy.report.figures import style
from tlstudy.report.figures.captions import PUBLISHED_GROUP, note
from tlstudy.report.figures.series import draw_seeds, has_stopped, seed_curves

GUESSING = np.log(10)
SOFTMAX_LOSS = (np.log(9 + np.e) - 1, np.log(9 + np.e))  # cross-entropy on a softmax's output
SLIDES_DASHES = {"new": (0, (2, 1.5)), "pretrained": (0, (6, 2))}
SLIDES_SPLIT_DASHES = {"train": (0, (2, 1.5)), "test": (0, (6, 2))}
LOG_FROM = 4 * GUESSING  # losses above are drawn on a scale that is logarithmic further up


@dataclass(frozen=True)
class Change:
    """A figure of the weights' change: its columns, units and the slides' series."""

    quantity: str
    unit: str
    slides: pd.DataFrame
    logarithmic: bool


def overlaid_groups(study: Study) -> list[str]:
    """Groups whose panels carry the slides' series: the published one, else all.

    On a ladder the other rungs are measured against the published one, and not all rungs may be
    in the figure.
    """
    groups = list(groups_of(study))
    return [PUBLISHED_GROUP] if PUBLISHED_GROUP in groups or study.ladder else groups


def draw_slides(ax: Axes, table: pd.DataFrame, model: str, column: str, scale: float = 1) -> Axes:
    """A series of the slides, under the others."""
    rows = table[table["model"] == model]
    ax.plot(
        rows["epoch"],
        scale * rows[column],
        color=style.SLIDES,
        linestyle=SLIDES_DASHES[model],
        linewidth=2.2,
        zorder=1.5,
    )
    return ax


def slides_handles(study: Study, models: list[str]) -> list[Line2D]:
    """Legend entries of the slides' series; none where no panel carries them."""
    if not set(overlaid_groups(study)) & set(groups_of(study)):
        return []
    common = {"color": style.SLIDES, "linewidth": 2.2}
    return [
        Line2D([], [], label=f"slides, {model}", linestyle=SLIDES_DASHES[model], **common)
        for model in models
    ]


def note_of(study: Study, metrics: pd.DataFrame, size: int, arms: list[str]) -> str:
    """Note under a figure: images, seeds, stopped runs."""
    text = note(study, size)
    if len(study.seed) > 1:
        text += " Thin lines: single seeds."
    if has_stopped(study, metrics, arms):
        text += " Cross: the run stopped, its loss was not finite; means are of the other runs."
    return text


def single_points_text(study: Study, metrics: pd.DataFrame) -> str:
    """Why there are points in place of test curves; empty where every epoch was looked at."""
    if not looked_at_last_epoch_only(study, metrics):
        return ""
    return (
        " A point in place of a test curve: test images were looked at after the last epoch only, "
        "as nothing is chosen by earlier ones."
    )


def looked_at_last_epoch_only(study: Study, metrics: pd.DataFrame) -> list[str]:
    """Arms without test values, of one kind of statistics or both, where they had train losses."""
    rows = metrics[np.isfinite(metrics["train_loss"])]
    last = rows["arm"].map({arm: settings.epochs for arm, settings in study.arms.items()})
    columns = [f"test_loss_{statistics}" for statistics in STATISTICS]
    lost = rows.loc[rows["epoch"] < last, ["arm", *columns]].isna().groupby(rows["arm"]).all()
    return [arm for arm in study.arms if arm in lost.index and lost.loc[arm, columns].any()]


def loss_figure(study: Study, metrics: pd.DataFrame, size: int, new: bool) -> Figure:
    """One panel for each arm of a kind; panels with the same head share the vertical axis."""
    arms = arms_of_kind(study, new)
    rows = style.panel_rows(len(arms))
    overlaid = any(has_slides_loss(study, arm) for arm in arms)
    text = note_of(study, metrics, size, arms) + single_points_text(study, metrics)
    figure = style.new_figure(2.3 * rows, _loss_handles(new, overlaid), text)
    panels = figure.subplots(rows, min(len(arms), style.COLUMNS), squeeze=False).ravel()
    tops = {head: _largest_loss(study, metrics, arms, head) for head in ("softmax", "logits")}
    for ax, arm in zip(panels, arms, strict=False):
        loss_panel(ax, study, metrics, arm, tops[study.arms[arm].head])
    for ax in panels[len(arms) :]:
        ax.set_axis_off()
    return figure


def has_slides_loss(study: Study, arm: str) -> bool:
    """Whether the slides' losses can be laid under: they are those of softmax outputs."""
    settings = study.arms[arm]
    return settings.group in overlaid_groups(study) and settings.head == "softmax"


def _loss_handles(new: bool, overlaid: bool) -> list[Line2D]:
    colour = style.NEW if new else style.PRETRAINED
    handles = [
        Line2D([], [], color=colour, linestyle="--", label="train"),
        Line2D([], [], color=colour, linestyle="-", label="test"),
    ]
    if overlaid:
        handles += [
            Line2D(
                [], [], color=style.SLIDES, linestyle=dash, linewidth=2.2, label=f"slides, {split}"
            )
            for split, dash in SLIDES_SPLIT_DASHES.items()
        ]
    guessing = {"color": style.MUTED, "linestyle": ":", "linewidth": 1}
    return [*handles, Line2D([], [], label="guessing (ln 10)", **guessing)]


def _largest_loss(study: Study, metrics: pd.DataFrame, arms: list[str], head: str) -> float:
    """The largest value that the panels of a head draw, nats."""
    largest = GUESSING
    for arm in arms:
        settings = study.arms[arm]
        if settings.head != head:
            continue
        columns = ["train_loss", f"test_loss_{settings.batchnorm}"]
        values = metrics.loc[metrics["arm"] == arm, columns].to_numpy(dtype=float)
        largest = float(values[np.isfinite(values)].max(initial=largest))
    return largest


def loss_panel(ax: Axes, study: Study, metrics: pd.DataFrame, arm: str, top: float) -> Axes:
    """Train and test loss of an arm, nats; test loss with the arm's own BatchNorm statistics."""
    settings = study.arms[arm]
    colour = style.NEW if is_new(study, arm) else style.PRETRAINED
    if has_slides_loss(study, arm):
        _draw_slides_loss(ax, "new" if is_new(study, arm) else "pretrained")
    for column, dash in (("train_loss", "--"), (f"test_loss_{settings.batchnorm}", "-")):
        epochs, values = seed_curves(metrics, arm, column)
        draw_seeds(ax, epochs, values, color=colour, linestyle=dash)
    ax.axhline(GUESSING, color=style.MUTED, linestyle=":", linewidth=1, zorder=1)
    _loss_axis(ax, settings.head, top)
    style.panel_title(style.epoch_axis(ax), label_of(study, arm))
    ax.set_ylabel(f"loss on {settings.head} (nats)")
    return ax


def _draw_slides_loss(ax: Axes, model: str) -> None:
    table = published.loss().query("model == @model")
    for split, dash in SLIDES_SPLIT_DASHES.items():
        rows = table[table["split"] == split]
        ax.plot(
            rows["epoch"],
            rows["loss"],
            color=style.SLIDES,
            linestyle=dash,
            linewidth=2.2,
            zorder=1.5,
        )


def _loss_axis(ax: Axes, head: str, top: float) -> None:
    if head == "softmax":
        for bound in SOFTMAX_LOSS:
            ax.axhline(bound, color=style.MUTED, linewidth=1, zorder=1)
        ax.set_ylim(SOFTMAX_LOSS[0] - 0.05, SOFTMAX_LOSS[1] + 0.05)
        return
    if top > LOG_FROM:
        ax.set_yscale("symlog", linthresh=GUESSING)
        ax.yaxis.set_major_formatter(style.plain_number)
    ax.set_ylim(0, 1.06 * top)


def accuracy_figure(study: Study, metrics: pd.DataFrame, size: int) -> Figure:
    """A row for each group: BatchNorm's running statistics left, recalibrated ones right."""
    groups = groups_of(study)
    handles = style.arm_handles(study, list(study.arms)) + slides_handles(
        study, ["new", "pretrained"]
    )
    handles.append(
        Line2D([], [], color=style.MUTED, linestyle=":", linewidth=1, label="guessing (10 %)")
    )
    text = note_of(study, metrics, size, list(study.arms)) + single_points_text(study, metrics)
    figure = style.new_figure(2.3 * len(groups), handles, text)
    panels = figure.subplots(len(groups), 2, sharey=True, squeeze=False)
    for row, group in zip(panels, groups, strict=True):
        for ax, policy in zip(row, ("running", "recalibrated"), strict=True):
            accuracy_panel(ax, study, metrics, group, policy)
        row[0].set_ylabel("balanced accuracy (%)")
    return figure


def accuracy_panel(ax: Axes, study: Study, metrics: pd.DataFrame, group: str, policy: str) -> Axes:
    """Test balanced accuracy of a group's arms, per cent, under a BatchNorm policy."""
    arms, slides_epochs = groups_of(study)[group], []
    if policy == "running" and group in overlaid_groups(study):
        slides_epochs = [published.EPOCHS]
        table = published.balanced_accuracy().query("split == 'test'")
        for model in ("new", "pretrained"):
            draw_slides(ax, table, model, "balanced_accuracy", 100)
    drawn = False
    for arm in arms:
        epochs, values = seed_curves(metrics, arm, f"test_balanced_accuracy_{policy}")
        drawn = drawn or bool(np.isfinite(values).any())
        draw_seeds(ax, epochs, values, scale=100, **style.arm_styles(study)[arm])
    if not drawn:
        style.say(ax, "no test values here")
    ax.axhline(10, color=style.MUTED, linestyle=":", linewidth=1, zorder=1)
    ax.set_ylim(0, 100)
    ax.set_xlim(0, 1.04 * max([study.arms[arm].epochs for arm in arms] + slides_epochs))
    reported = all(study.arms[arm].batchnorm == policy for arm in arms)
    title = f"{group}: {policy}{' (reported)' if reported else ''}"
    return style.panel_title(style.epoch_axis(ax), title)


def gradient_figure(study: Study, metrics: pd.DataFrame, size: int) -> Figure:
    """One panel for each group, on one shared logarithmic axis."""
    groups = groups_of(study)
    rows = style.panel_rows(len(groups))
    handles = style.arm_handles(study, list(study.arms)) + slides_handles(
        study, ["new", "pretrained"]
    )
    text = note_of(study, metrics, size, list(study.arms))
    figure = style.new_figure(2.5 * rows, handles, text)
    columns = min(len(groups), style.COLUMNS)
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for ax, group in zip(panels.ravel(), groups, strict=False):
        ax.set_yscale("log", nonpositive="mask")
        if group in overlaid_groups(study):
            for model in ("new", "pretrained"):
                draw_slides(ax, published.gradient_norm(), model, "gradient_norm")
        draw_arms(ax, study, metrics, group, "gradient_norm")
        style.panel_title(style.epoch_axis(ax), group)
    for ax in panels[:, 0]:
        ax.set_ylabel("gradient norm")
        style.log_ticks(ax.yaxis)
    for ax in panels.ravel()[len(groups) :]:
        ax.set_axis_off()
    return figure


def draw_arms(ax: Axes, study: Study, metrics: pd.DataFrame, group: str, column: str) -> Axes:
    """All arms of a group; a logarithmic axis leaves out those that are 0 throughout."""
    drawn = False
    for arm in groups_of(study)[group]:
        epochs, values = seed_curves(metrics, arm, column)
        if ax.get_yscale() == "log" and not (values > 0).any():
            continue
        drawn = drawn or bool(values.size)
        draw_seeds(ax, epochs, values, **style.arm_styles(study)[arm])
    return ax if drawn else style.say(ax, "no values to draw")


def change_figure(study: Study, metrics: pd.DataFrame, size: int, change: Change) -> Figure:
    """A row for each group: change in an epoch left, change since the start right.

    Panels of a column share their axis, so that groups can be compared.
    """
    groups = groups_of(study)
    handles = style.arm_handles(study, list(study.arms)) + slides_handles(study, ["pretrained"])
    text = note_of(study, metrics, size, list(study.arms))
    figure = style.new_figure(
        2.3 * len(groups), handles, text + _still_text(study, metrics, change)
    )
    panels = figure.subplots(len(groups), 2, sharey="col", squeeze=False)
    for row, group in zip(panels, groups, strict=True):
        for ax, since in zip(row, ("previous", "start"), strict=True):
            change_panel(ax, study, metrics, group, change, since)
    if change.logarithmic:
        style.log_ticks(panels[0, 0].yaxis)
    return figure


def _still_text(study: Study, metrics: pd.DataFrame, change: Change) -> str:
    """Names the arms whose weights never moved: a logarithmic axis cannot show them."""
    largest = metrics.groupby("arm")[f"{change.quantity}_from_previous"].max()
    still = [label_of(study, arm) for arm in study.arms if largest.get(arm) == 0]
    if not still or not change.logarithmic:
        return ""
    return f" Exactly 0 at every epoch, so not on the left axis: {'; '.join(still)}."


def change_panel(
    ax: Axes, study: Study, metrics: pd.DataFrame, group: str, change: Change, since: str
) -> Axes:
    """Change of all weights since the previous epoch or since the start."""
    column = f"{change.quantity}_from_{since}"
    if change.logarithmic and since == "previous":
        ax.set_yscale("log", nonpositive="mask")
    if since == "previous" and group in overlaid_groups(study):
        draw_slides(ax, change.slides, "pretrained", column)
    draw_arms(ax, study, metrics, group, column)
    when = "in one epoch" if since == "previous" else "since the start"
    style.panel_title(style.epoch_axis(ax), f"{group}: {when}")
    ax.set_ylabel(change.unit)
    return ax


def magnitude_figure(study: Study, metrics: pd.DataFrame, size: int) -> Figure:
    change = Change("displacement", "relative change", published.displacement(), True)
    return change_figure(study, metrics, size, change)


def angle_figure(study: Study, metrics: pd.DataFrame, size: int) -> Figure:
    change = Change("angle", "angle (degrees)", published.angle(), False)
    return change_figure(study, metrics, size, change)
