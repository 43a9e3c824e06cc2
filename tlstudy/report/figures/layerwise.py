"""Figures of the change layer by layer: heatmaps on one scale, and profiles beside Adam's.

Layers are those of the slides: convolutions that are not on a downsample path, then the last
layer's weight and bias; 51 in ResNet-50. A map is a table of layers by epochs.
"""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure, SubFigure

from tlstudy.config.groups import group_of_slides, groups_of, label_of
from tlstudy.config.settings import Study
from tlstudy.data import published
from tlstudy.report.figures import meanings, style
from tlstudy.report.figures.captions import note
from tlstudy.report.figures.curves import (
    SLIDES_DASHES,
    SLIDES_LINE,
    slides_handles,
)
from tlstudy.report.figures.points import Tables
from tlstudy.report.names import stage_label

KINDS = ("convolution", "inner-linear-weight", "linear-weight", "linear-bias")
MOST_LABELS = 12  # of stages on an axis
DECADES = 3  # of the colour scale, down from the largest value of all maps
DISPLACEMENT, ANGLE = "displacement_from_previous", "angle_from_previous"
UNITS = {DISPLACEMENT: "relative change in one epoch", ANGLE: "angle in one epoch (degrees)"}


def layer_map(tables: Tables, arm: str, column: str) -> pd.DataFrame:
    """Mean of a column over an arm's finished runs, or over all runs if none finished.

    As far as all of the finished ones go: early stopping ends them at different epochs.

    Returns:
        Layers by epochs, NaN where no run has a value.
    """
    rows = _averaged(tables, arm).groupby(["layer_index", "layer", "epoch"])[column].mean()
    return rows.unstack("epoch").droplevel("layer_index")


def _averaged(tables: Tables, arm: str) -> pd.DataFrame:
    layers, runs = tables["layers"], tables["runs"]
    rows = layers[(layers["arm"] == arm) & layers["kind"].isin(KINDS)]
    status = runs[(runs["arm"] == arm) & (runs["status"] == "finished")]
    finished = rows[rows["seed"].isin(status["seed"])]
    ends = finished.groupby("seed")["epoch"].max()
    return finished[finished["epoch"] <= ends.min()] if len(finished) else rows


def slides_map(column: str) -> pd.DataFrame:
    table = published.layer_displacement() if column == DISPLACEMENT else published.layer_angle()
    grid = table.pivot(index="layer_index", columns="epoch", values=column)
    return grid.set_axis(published.layer_names())


def shared_norm(maps: list[pd.DataFrame]) -> LogNorm:
    """One logarithmic colour scale for all maps."""
    values = np.concatenate([item.to_numpy().ravel() for item in maps])
    values = values[np.isfinite(values) & (values > 0)]
    top = values.max(initial=0) or 1.0
    return LogNorm(max(values.min(initial=top), top / 10**DECADES, top * 1e-9) * 0.999, top)


def stage_axis(ax: Axes, layers: pd.Index) -> None:
    """Ticks between the network's stages, their names in the middle of each."""
    stages = [_stage_of(layer) for layer in layers]
    starts = [i for i in range(len(stages)) if i == 0 or stages[i] != stages[i - 1]]
    ends = [*starts[1:], len(stages)]
    ax.set_xticks([start - 0.5 for start in starts[1:]], minor=False, labels=[])
    centres = [(start + end - 1) / 2 for start, end in zip(starts, ends, strict=True)]
    every = -(-len(starts) // MOST_LABELS)
    names = [stages[start] if place % every == 0 else "" for place, start in enumerate(starts)]
    ax.set_xticks(centres, minor=True, labels=names)
    ax.tick_params(axis="x", which="minor", length=0)
    ax.set(xlim=(-0.5, len(layers) - 0.5), xlabel="layer, by stage (c: first convolution)")
    meanings.remember_names(ax, list(layers))


def _stage_of(layer: str) -> str:
    """c for the first convolution, a stage's number or name, or fc."""
    name = stage_label(layer)
    return "c" if name == "conv1" else name


def _heatmap(ax: Axes, item: pd.DataFrame, norm: LogNorm) -> None:
    """Epoch downwards, layers from left to right; values of 0 stay empty."""
    ax.grid(visible=False)
    colours = matplotlib.colormaps["viridis"].with_extremes(bad=(0, 0, 0, 0))
    shown = item.where(item > 0).to_numpy(dtype=float).T
    extent = (-0.5, len(item) - 0.5, item.columns[-1] + 0.5, item.columns[0] - 0.5)
    ax.imshow(shown, norm=norm, cmap=colours, aspect="auto", extent=extent)
    stage_axis(ax, item.index)
    style.whole_ticks(ax.yaxis)
    ax.set_ylabel("epoch")
    if not np.isfinite(shown).any():
        style.say(ax, "exactly 0 in every layer and epoch: nothing was trained", 30)


def profile(item: pd.DataFrame) -> np.ndarray:
    """(layers,) means over the epochs from the second, the first that the slides have."""
    later = item.loc[:, item.columns >= published.FIRST_CHANGE]
    chosen = (item if later.empty else later).to_numpy(dtype=float)
    return np.array(
        [row[np.isfinite(row)].mean() if np.isfinite(row).any() else np.nan for row in chosen]
    )


def of_displacement(column: str, displacement: np.ndarray) -> np.ndarray:
    """Values of a column for relative displacements, taken at right angles to the weights."""
    return np.degrees(np.arctan(displacement)) if column == ANGLE else displacement


def layerwise_figure(study: Study, tables: Tables, size: int, column: str) -> Figure:
    """Maps of the slides and of every arm on one colour scale; profiles of each group below."""
    maps = {arm: layer_map(tables, arm, column) for arm in study.arms}
    handles = [
        *style.arm_handles(study),
        *slides_handles(study, ["pretrained"]),
        style.entry("predicted (Adam)", linestyle=":"),
    ]
    with_slides = group_of_slides(study) is not None
    of_maps = 0.6 + 2.1 * style.panel_rows(with_slides + len(maps))
    of_profiles = style.legend_height(handles) + 2.6 * style.panel_rows(len(groups_of(study)))
    text = f"{note(study, size, intervals=False)} {_means_note(study, tables)}"
    figure = style.new_figure(of_maps + of_profiles, note=text)
    upper, lower = style.transparent_parts(figure, [of_maps, of_profiles])
    slides = slides_map(column)
    titled = {"slides, pretrained": slides} if with_slides else {}
    titled |= {label_of(study, arm): found for arm, found in maps.items()}
    _draw_maps(upper, list(titled), list(titled.values()), UNITS[column])
    _draw_profiles(lower, study, tables, column, slides, maps)
    style.legend_above(lower, handles)
    return figure


def _means_note(study: Study, tables: Tables) -> str:
    counts = {_averaged(tables, arm)["seed"].nunique() for arm in study.arms} - {0}
    if counts <= {1}:
        return "Profiles are means over epochs from the second."
    counted = " or ".join(map(str, sorted(counts)))
    finished = set(tables["runs"].query("status == 'finished'")["arm"])
    shown = {arm for arm in study.arms if len(_averaged(tables, arm))}
    runs = "finished runs" if shown <= finished else "runs, finished ones where an arm has any"
    early = any(arm.early_stopping for arm in study.arms.values())
    far = ", as far as all of an arm go" * early
    return (
        f"Maps and profiles are means over {counted} {runs}{far}, without intervals; profiles "
        "are means over the epochs from the second as well."
    )


def _draw_maps(part: SubFigure, titles: list[str], maps: list[pd.DataFrame], unit: str) -> None:
    panels, norm = style.panel_grid(part, len(maps)), shared_norm(maps)
    for ax, title, item in zip(panels, titles, maps, strict=True):
        style.dress(ax, title)
        if item.empty:
            style.words_only(ax, "no epoch of this arm was finished")
        else:
            _heatmap(ax, item, norm)
    label = f"{unit}; the same scale for all maps"
    place = {"ax": part.axes, "location": "top", "aspect": 50, "fraction": 0.05}
    if images := [image for ax in panels for image in ax.images]:
        part.colorbar(images[0], label=label, **place)


def _draw_profiles(
    part: SubFigure,
    study: Study,
    tables: Tables,
    column: str,
    slides: pd.DataFrame,
    maps: dict[str, pd.DataFrame],
) -> None:
    """Means over epochs, and those if Adam moved every weight by the learning rate each step."""
    groups, entries = groups_of(study), style.arm_entries(study)
    panels = style.panel_grid(part, len(groups), sharey=True)
    for ax, (group, arms) in zip(panels, groups.items(), strict=True):
        ax.set_yscale("log", nonpositive="mask")
        shown = [arm for arm in arms if not maps[arm].empty]
        layers = {tuple(maps[arm].index) for arm in shown}
        same_layers = any(maps[arm].index.equals(slides.index) for arm in arms)
        if group == group_of_slides(study) and same_layers and len(layers) == 1:
            ax.plot(profile(slides), linestyle=SLIDES_DASHES["pretrained"], **SLIDES_LINE)
        for arm in shown:
            steps = profile(layer_map(tables, arm, "predicted_displacement"))
            adam, look = of_displacement(column, steps), style.arm_styles(study)[arm]
            dotted = {**look, "linestyle": ":", "linewidth": 1.1}
            # Layers of different networks have nothing in common but how deep they are.
            places = np.arange(len(steps)) if len(layers) == 1 else np.linspace(0, 1, len(steps))
            with meanings.named(ax, entries[arm]):
                for values, line in ((profile(maps[arm]), look), (adam, dotted)):
                    if (values > 0).any():
                        ax.plot(places, values, **line)
        if len(layers) == 1:
            stage_axis(ax, maps[shown[0]].index)
        else:
            ax.set_xlabel("layer, from the first (0) to the last (1) of each network")
        style.dress(ax, style.group_title(study, group, "mean over epochs"))
    style.label_left(panels, UNITS[column])
