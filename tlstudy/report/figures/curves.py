"""Figures of values against the epoch: losses, accuracy, gradient norm, change of the weights."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tlstudy.config.fields import CLASSES
from tlstudy.config.groups import arms_of_kind, groups_of, is_new, label_of
from tlstudy.config.settings import STATISTICS, Study
from tlstudy.data import published
from tlstudy.report.figures import style
from tlstudy.report.figures.captions import PUBLISHED_GROUP, note
from tlstudy.report.figures.series import Tables, draw_seeds, has_stopped, seed_curves

GUESSING = np.log(CLASSES)
SOFTMAX_LOSS = (np.log(9 + np.e) - 1, np.log(9 + np.e))  # cross-entropy on a softmax's output
SHORT, LONG = (0, (2, 1.5)), (0, (6, 2))
SLIDES_DASHES = {"new": SHORT, "pretrained": LONG, "train": SHORT, "test": LONG}
SLIDES_LINE = {"color": style.SLIDES, "linewidth": 2.2}
LOG_FROM = 4 * GUESSING  # losses above are drawn on a scale that is logarithmic further up
UNITS = {"displacement": "relative change", "angle": "angle (degrees)"}
WHEN = {"previous": "in one epoch", "start": "since the start"}


def overlaid_groups(study: Study) -> list[str]:
    """Groups whose panels carry the slides' series: the published one, else all.

    On a ladder the other rungs are measured against the published one, and not all rungs may be
    in the figure.
    """
    groups = list(groups_of(study))
    return [PUBLISHED_GROUP] if PUBLISHED_GROUP in groups or study.ladder else groups


def draw_slides(ax: Axes, table: pd.DataFrame, name: str, column: str, scale: float = 1) -> Axes:
    """A series of the slides, under the others.

    Args:
        table: the rows of that series.
        name: of its dashes.
    """
    dash = SLIDES_DASHES[name]
    ax.plot(table["epoch"], scale * table[column], linestyle=dash, zorder=1.5, **SLIDES_LINE)
    return ax


def slides_handles(study: Study, names: list[str]) -> list[Line2D]:
    """Legend entries of the slides' series; none where no panel carries them."""
    if not set(overlaid_groups(study)) & set(groups_of(study)):
        return []
    return [
        Line2D([], [], label=f"slides, {name}", linestyle=SLIDES_DASHES[name], **SLIDES_LINE)
        for name in names
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
        " A point in place of a test curve: test images were evaluated after the last epoch only, "
        "as nothing is chosen by earlier ones."
    )


def looked_at_last_epoch_only(study: Study, metrics: pd.DataFrame) -> list[str]:
    """Arms without test values, of one kind of statistics or both, where they had train losses."""
    rows = metrics[np.isfinite(metrics["train_loss"])]
    last = rows["arm"].map({arm: settings.epochs for arm, settings in study.arms.items()})
    columns = [f"test_loss_{statistics}" for statistics in STATISTICS]
    lost = rows.loc[rows["epoch"] < last, ["arm", *columns]].isna().groupby(rows["arm"]).all()
    return [arm for arm in study.arms if arm in lost.index and lost.loc[arm, columns].any()]


def loss_figure(study: Study, tables: Tables, size: int, new: bool) -> Figure:
    """One panel for each arm of a kind; panels with the same head share the vertical axis."""
    metrics, arms = tables["metrics"], arms_of_kind(study, new)
    overlaid = any(has_slides_loss(study, arm) for arm in arms)
    text = note_of(study, metrics, size, arms) + single_points_text(study, metrics)
    height = 2.3 * style.panel_rows(len(arms))
    figure = style.new_figure(height, _loss_handles(study, new, overlaid), text)
    panels, _ = style.panel_grid(figure, len(arms))
    tops = {head: _largest_loss(study, metrics, arms, head) for head in ("softmax", "logits")}
    for ax, arm in zip(panels, arms, strict=True):
        loss_panel(ax, study, metrics, arm, tops[study.arms[arm].head])
    return figure


def has_slides_loss(study: Study, arm: str) -> bool:
    """Whether the slides' losses can be laid under: they are those of softmax outputs."""
    settings = study.arms[arm]
    return settings.group in overlaid_groups(study) and settings.head == "softmax"


def _loss_handles(study: Study, new: bool, overlaid: bool) -> list[Line2D]:
    colour = style.NEW if new else style.PRETRAINED
    return [
        style.entry("train", colour, "--"),
        style.entry("test", colour),
        *(slides_handles(study, ["train", "test"]) if overlaid else []),
        style.reference_entry("guessing (ln 10)"),
    ]


def _largest_loss(study: Study, metrics: pd.DataFrame, arms: list[str], head: str) -> float:
    """The largest value that the panels of a head draw, nats."""
    largest = GUESSING
    for arm in arms:
        settings = study.arms[arm]
        if settings.head == head:
            columns = ["train_loss", f"test_loss_{settings.batchnorm}"]
            values = metrics.loc[metrics["arm"] == arm, columns].to_numpy(dtype=float)
            largest = float(values[np.isfinite(values)].max(initial=largest))
    return largest


def loss_panel(ax: Axes, study: Study, metrics: pd.DataFrame, arm: str, top: float) -> Axes:
    """Train and test loss of an arm, nats; test loss with the arm's own BatchNorm statistics."""
    settings = study.arms[arm]
    if has_slides_loss(study, arm):
        table, model = published.loss(), "new" if is_new(study, arm) else "pretrained"
        for split, rows in table[table["model"] == model].groupby("split"):
            draw_slides(ax, rows, split, "loss")
    for column, dash in (("train_loss", "--"), (f"test_loss_{settings.batchnorm}", "-")):
        epochs, values = seed_curves(metrics, arm, column)
        draw_seeds(ax, epochs, values, color=style.colour_of(study, arm), linestyle=dash)
    style.reference_line(ax, GUESSING)
    _loss_axis(ax, settings.head, top)
    style.panel_title(style.epoch_axis(ax), label_of(study, arm))
    ax.set_ylabel(f"loss on {settings.head} (nats)")
    return ax


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


def accuracy_figure(study: Study, tables: Tables, size: int) -> Figure:
    """A row for each group: BatchNorm's running statistics left, recalibrated ones right."""
    metrics, groups = tables["metrics"], groups_of(study)
    handles = [
        *style.arm_handles(study),
        *slides_handles(study, ["new", "pretrained"]),
        style.reference_entry("guessing (10 %)"),
    ]
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
    arms = [study.arms[arm] for arm in groups_of(study)[group]]
    longest = max(arm.epochs for arm in arms)
    if policy == "running" and group in overlaid_groups(study):
        longest = max(longest, published.EPOCHS)
        table = published.balanced_accuracy().query("split == 'test'")
        for model, rows in table.groupby("model"):
            draw_slides(ax, rows, model, "balanced_accuracy", 100)
    column = f"test_balanced_accuracy_{policy}"
    draw_arms(ax, study, metrics, group, column, 100, "no test values here")
    style.reference_line(ax, 10)
    ax.set_ylim(0, 100)
    ax.set_xlim(0, 1.04 * longest)
    reported = " (reported)" * all(arm.batchnorm == policy for arm in arms)
    return style.panel_title(style.epoch_axis(ax), f"{group}: {policy}{reported}")


def gradient_figure(study: Study, tables: Tables, size: int) -> Figure:
    """One panel for each group, on one shared logarithmic axis."""
    metrics, groups = tables["metrics"], groups_of(study)
    handles = [*style.arm_handles(study), *slides_handles(study, ["new", "pretrained"])]
    text = note_of(study, metrics, size, list(study.arms))
    figure = style.new_figure(2.5 * style.panel_rows(len(groups)), handles, text)
    panels, left = style.panel_grid(figure, len(groups), sharey=True)
    for ax, group in zip(panels, groups, strict=True):
        ax.set_yscale("log", nonpositive="mask")
        if group in overlaid_groups(study):
            for model, rows in published.gradient_norm().groupby("model"):
                draw_slides(ax, rows, model, "gradient_norm")
        draw_arms(ax, study, metrics, group, "gradient_norm")
        style.panel_title(style.epoch_axis(ax), group)
    for ax in left:
        ax.set_ylabel("gradient norm")
        style.log_ticks(ax.yaxis)
    return figure


def draw_arms(
    ax: Axes,
    study: Study,
    metrics: pd.DataFrame,
    group: str,
    column: str,
    scale: float = 1,
    absent: str = "no values to draw",
) -> Axes:
    """All arms of a group; a logarithmic axis leaves out those that are 0 throughout."""
    drawn = False
    for arm in groups_of(study)[group]:
        epochs, values = seed_curves(metrics, arm, column)
        if ax.get_yscale() == "log" and not (values > 0).any():
            continue
        drawn = drawn or bool(np.isfinite(values).any())
        draw_seeds(ax, epochs, values, scale, **style.arm_styles(study)[arm])
    return ax if drawn else style.say(ax, absent)


def magnitude_figure(study: Study, tables: Tables, size: int) -> Figure:
    return _change_figure(study, tables["metrics"], size, "displacement", published.displacement())


def angle_figure(study: Study, tables: Tables, size: int) -> Figure:
    return _change_figure(study, tables["metrics"], size, "angle", published.angle())


def _change_figure(
    study: Study, metrics: pd.DataFrame, size: int, quantity: str, slides: pd.DataFrame
) -> Figure:
    """A row for each group: change in an epoch left, change since the start right.

    Panels of a column share their axis, so that groups can be compared. Displacements in an
    epoch differ by orders of magnitude, so their axis is logarithmic.
    """
    groups = groups_of(study)
    handles = [*style.arm_handles(study), *slides_handles(study, ["pretrained"])]
    text = note_of(study, metrics, size, list(study.arms))
    if quantity == "displacement":
        text += _still_text(study, metrics)
    figure = style.new_figure(2.3 * len(groups), handles, text)
    panels = figure.subplots(len(groups), 2, sharey="col", squeeze=False)
    for (left, right), group in zip(panels, groups, strict=True):
        if quantity == "displacement":
            left.set_yscale("log", nonpositive="mask")
        if group in overlaid_groups(study):
            rows = slides[slides["model"] == "pretrained"]
            draw_slides(left, rows, "pretrained", f"{quantity}_from_previous")
        for ax, since in ((left, "previous"), (right, "start")):
            draw_arms(ax, study, metrics, group, f"{quantity}_from_{since}")
            style.panel_title(style.epoch_axis(ax), f"{group}: {WHEN[since]}")
            ax.set_ylabel(UNITS[quantity])
    if quantity == "displacement":
        style.log_ticks(panels[0, 0].yaxis)
    return figure


def _still_text(study: Study, metrics: pd.DataFrame) -> str:
    """Names the arms whose weights never moved: a logarithmic axis cannot show them."""
    largest = metrics.groupby("arm")["displacement_from_previous"].max()
    still = [label_of(study, arm) for arm in study.arms if largest.get(arm) == 0]
    if not still:
        return ""
    return f" Exactly 0 at every epoch, so not on the left axis: {'; '.join(still)}."
