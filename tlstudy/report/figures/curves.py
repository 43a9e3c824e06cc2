"""Figures of values against the epoch: losses, accuracy, gradient norm, change of the weights."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.config.groups import arms_of_kind, group_of_slides, groups_of, is_new, label_of
from tlstudy.config.settings import STATISTICS, Study
from tlstudy.data import published
from tlstudy.report.figures import guessing, meanings, style
from tlstudy.report.figures.captions import note
from tlstudy.report.figures.points import Tables, draw_curves, has_stopped, last_epochs, seed_curves

SHORT, LONG = (0, (2, 1.5)), (0, (6, 2))
SLIDES_DASHES = {"new": SHORT, "pretrained": LONG, "train": SHORT, "test": LONG}
SLIDES_LINE = {"color": style.SLIDES, "linewidth": 2.2}
LOG_FROM = 10  # times guessing: losses above are drawn on a scale that is logarithmic further up
UNITS = {"displacement": "relative change", "angle": "angle (degrees)"}
WHEN = {"previous": "in one epoch", "start": "since the start"}


def slides_series(table: pd.DataFrame, column: str, by: str = "model") -> dict[str, pd.Series]:
    """The slides' series by the name of their dashes, each by epoch."""
    return {name: rows.set_index("epoch")[column] for name, rows in table.groupby(by)}


def draw_slides(ax: Axes, slides: Mapping[str, pd.Series], scale: float = 1) -> None:
    """Series of the slides, under the others; see `slides_series`."""
    for name, series in slides.items():
        dash = SLIDES_DASHES[name]
        ax.plot(series.index, scale * series, linestyle=dash, zorder=1.5, **SLIDES_LINE)


def slides_handles(study: Study, names: list[str]) -> list[Line2D]:
    """Legend entries of the slides' series; none where no panel carries them."""
    if group_of_slides(study) is None:
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
    if any(study.arms[arm].early_stopping for arm in arms):
        text += (
            " With early stopping a run ends at the epoch whose weights are kept; means are drawn "
            "as far as all runs of an arm go."
        )
    return text


def single_points_text(study: Study, metrics: pd.DataFrame, reported: Iterable[str] = ()) -> str:
    """Why there are points in place of test curves; empty where every epoch was looked at.

    Args:
        reported: arms that are drawn with the statistics that they report only; none if all arms
            are drawn with both.
    """
    if not looked_at_last_epoch_only(study, metrics, reported):
        return ""
    if not reported and not looked_at_last_epoch_only(study, metrics, study.arms):
        return (
            " A point in place of a test curve: with the statistics that are not reported, test "
            "images were evaluated after the last epoch only, for comparison."
        )
    return (
        " A point in place of a test curve: test images were evaluated after the last epoch only, "
        "as nothing is chosen by earlier ones."
    )


def looked_at_last_epoch_only(
    study: Study, metrics: pd.DataFrame, reported: Iterable[str] = ()
) -> list[str]:
    """Arms without test values, of one kind of statistics or both, where they had train losses.

    Args:
        reported: see `single_points_text`.
    """
    rows = metrics[np.isfinite(metrics["train_loss"])]
    reached = rows.groupby(["arm", "subset_size", "seed"])["epoch"].transform("max")
    last = last_epochs(study, rows)
    # A run that stopped says nothing of when test images were to be looked at.
    rows, last = rows[reached >= last], last[reached >= last]
    columns = [f"test_loss_{statistics}" for statistics in STATISTICS]
    lost = rows.loc[rows["epoch"] < last, ["arm", *columns]].isna().groupby(rows["arm"]).all()
    own = {arm: [f"test_loss_{study.arms[arm].batchnorm}"] for arm in reported}
    shown = own or dict.fromkeys(study.arms, columns)
    return [arm for arm in shown if arm in lost.index and lost.loc[arm, shown[arm]].any()]


def loss_figure(study: Study, tables: Tables, size: int, new: bool) -> Figure:
    """One panel for each arm of a kind; panels with the same head share the vertical axis."""
    metrics, arms = tables["metrics"], arms_of_kind(study, new)
    colour = style.NEW if new else style.PRETRAINED
    handles = [style.entry("train", colour, "--"), style.entry("test", colour)]
    if any(has_slides_loss(study, arm) for arm in arms):
        handles += slides_handles(study, ["train", "test"])
    handles.append(guessing.entry(study, "loss", arms))
    text = note_of(study, metrics, size, arms) + single_points_text(study, metrics, arms)
    figure = style.new_figure(2.3 * style.panel_rows(len(arms)), handles, text)
    tops = {head: largest_loss(study, metrics, arms, head) for head in ("softmax", "logits")}
    for ax, arm in zip(style.panel_grid(figure, len(arms)), arms, strict=True):
        loss_panel(ax, study, metrics, arm, tops[study.arms[arm].head])
    return figure


def has_slides_loss(study: Study, arm: str) -> bool:
    """Whether the slides' losses can be laid under: they are those of softmax outputs."""
    settings = study.arms[arm]
    return settings.group == group_of_slides(study) and settings.head == "softmax"


def largest_loss(study: Study, metrics: pd.DataFrame, arms: list[str], head: str) -> float:
    """The largest value that the panels of a head draw, nats."""
    largest = max(guessing.levels(study, "loss", arms))
    for arm in arms:
        settings = study.arms[arm]
        if settings.head == head:
            columns = ["train_loss", f"test_loss_{settings.batchnorm}"]
            values = metrics.loc[metrics["arm"] == arm, columns].to_numpy(dtype=float)
            largest = float(values[np.isfinite(values)].max(initial=largest))
    return largest


def loss_panel(ax: Axes, study: Study, metrics: pd.DataFrame, arm: str, top: float) -> None:
    """Train and test loss of an arm, nats; test loss with the arm's own BatchNorm statistics."""
    settings = study.arms[arm]
    if has_slides_loss(study, arm):
        table, model = published.loss(), "new" if is_new(study, arm) else "pretrained"
        draw_slides(ax, slides_series(table[table["model"] == model], "loss", "split"))
    for column, dash in (("train_loss", "--"), (f"test_loss_{settings.batchnorm}", "-")):
        curves = seed_curves(study, metrics, arm, column)
        draw_curves(ax, *curves, color=style.colour_of(study, arm), linestyle=dash)
    guessed = np.log(settings.target.outputs)
    style.reference_line(ax, guessed)
    limits = (0, 1.06 * top)
    if settings.head == "softmax":
        bounds = guessing.softmax_bounds(settings.target.outputs)
        for bound in bounds:
            style.reference_line(ax, bound, linestyle="-")
        limits = (bounds[0] - 0.05, bounds[1] + 0.05)
    elif top > LOG_FROM * guessed:
        ax.set_yscale("symlog", linthresh=guessed)
    label = f"loss on {settings.head} (nats)"
    style.epoch_panel(ax, label_of(study, arm), ylabel=label, ylim=limits)


def _group_figure(
    study: Study,
    metrics: pd.DataFrame,
    size: int,
    height: float,
    slides: list[str],
    reference: list[Line2D] = (),
    more: str = "",
) -> Figure:
    """A figure of all arms by group with its legend, and a note that may say more."""
    handles = [*style.arm_handles(study), *slides_handles(study, slides), *reference]
    return style.new_figure(height, handles, note_of(study, metrics, size, list(study.arms)) + more)


def _draw_group(
    ax: Axes,
    study: Study,
    metrics: pd.DataFrame,
    group: str,
    column: str,
    slides: Mapping[str, pd.Series],
    scale: float = 1,
    absent: str = "no values to draw",
) -> None:
    """The slides' series and all arms of a group.

    A logarithmic axis leaves out the arms that are 0 throughout.
    """
    if group == group_of_slides(study):
        draw_slides(ax, slides, scale)
    shown, entries = False, style.arm_entries(study)
    for arm in groups_of(study)[group]:
        epochs, values, ends, seeds = seed_curves(study, metrics, arm, column)
        if ax.get_yscale() == "log" and not (values > 0).any():
            continue
        shown = shown or bool(np.isfinite(values).any())
        with meanings.named(ax, entries[arm]):
            draw_curves(ax, epochs, scale * values, ends, seeds, **style.arm_styles(study)[arm])
    if not shown:
        style.say(ax, absent)


def accuracy_figure(study: Study, tables: Tables, size: int) -> Figure:
    """A row for each group: BatchNorm's running statistics left, recalibrated ones right."""
    metrics, groups = tables["metrics"], groups_of(study)
    more = single_points_text(study, metrics)
    guessed = guessing.entry(study, "balanced_accuracy")
    height, names = 2.3 * len(groups), ["new", "pretrained"]
    figure = _group_figure(study, metrics, size, height, names, [guessed], more)
    panels = figure.subplots(len(groups), 2, sharey=True, squeeze=False)
    tested = published.balanced_accuracy().query("split == 'test'")
    slides = {"running": slides_series(tested, "balanced_accuracy"), "recalibrated": {}}
    for row, (group, names) in zip(panels, groups.items(), strict=True):
        arms = [study.arms[arm] for arm in names]
        longest = {policy: max(arm.epochs for arm in arms) for policy in slides}
        if group == group_of_slides(study):
            longest["running"] = max(longest["running"], published.EPOCHS)
        for ax, policy in zip(row, slides, strict=True):
            column = f"test_balanced_accuracy_{policy}"
            absent = "no test values here"
            _draw_group(ax, study, metrics, group, column, slides[policy], 100, absent)
            guessing.draw(ax, study, "balanced_accuracy", groups_of(study)[group])
            reported = " (reported)" * all(arm.batchnorm == policy for arm in arms)
            limits = {"xlim": (0, 1.04 * longest[policy]), "ylim": (0, 100)}
            title = style.group_title(study, group, f"{policy}{reported}")
            style.epoch_panel(ax, title, **limits)
    style.label_left(panels.ravel(), "balanced accuracy (%)")
    return figure


def gradient_figure(study: Study, tables: Tables, size: int) -> Figure:
    """One panel for each group, on one shared logarithmic axis."""
    metrics, groups = tables["metrics"], groups_of(study)
    height = 2.5 * style.panel_rows(len(groups))
    more = _geometric_text(study)
    figure = _group_figure(study, metrics, size, height, ["new", "pretrained"], more=more)
    panels = style.panel_grid(figure, len(groups), sharey=True)
    slides = slides_series(published.gradient_norm(), "gradient_norm")
    for ax, group in zip(panels, groups, strict=True):
        ax.set_yscale("log", nonpositive="mask")
        _draw_group(ax, study, metrics, group, "gradient_norm", slides)
        style.epoch_panel(ax, style.group_title(study, group))
    style.label_left(panels, "gradient norm")
    return figure


def change_figure(study: Study, tables: Tables, size: int, quantity: str) -> Figure:
    """A row for each group: change in an epoch left, change since the start right.

    Panels of a column share their axis, so that groups can be compared. Displacements in an
    epoch differ by orders of magnitude, so their axis is logarithmic.

    Args:
        quantity: displacement or angle.
    """
    metrics, groups, logarithmic = tables["metrics"], groups_of(study), quantity == "displacement"
    more = _geometric_text(study) + _still_text(study, metrics) if logarithmic else ""
    height = 2.3 * len(groups)
    figure = _group_figure(study, metrics, size, height, ["pretrained"], more=more)
    panels = figure.subplots(len(groups), 2, sharey="col", squeeze=False)
    table = published.displacement() if logarithmic else published.angle()
    found = slides_series(table, f"{quantity}_from_previous")
    slides = {"previous": {"pretrained": found["pretrained"]}, "start": {}}
    for row, group in zip(panels, groups, strict=True):
        if logarithmic:
            row[0].set_yscale("log", nonpositive="mask")
        for ax, since in zip(row, slides, strict=True):
            _draw_group(ax, study, metrics, group, f"{quantity}_from_{since}", slides[since])
            title = style.group_title(study, group, WHEN[since])
            style.epoch_panel(ax, title, ylabel=UNITS[quantity])
    return figure


def _geometric_text(study: Study) -> str:
    """What means are on logarithmic axes; empty where there are none."""
    return " On logarithmic axes the mean is geometric." * (len(study.seed) >= MINIMUM_SEEDS)


def _still_text(study: Study, metrics: pd.DataFrame) -> str:
    """Names the arms whose weights never moved: a logarithmic axis cannot show them."""
    largest = metrics.groupby("arm")["displacement_from_previous"].max()
    still = [label_of(study, arm) for arm in study.arms if largest.get(arm) == 0]
    if not still:
        return ""
    return f" Exactly 0 at every epoch, so not on the left axis: {'; '.join(still)}."
