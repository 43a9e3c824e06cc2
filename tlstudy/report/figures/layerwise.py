"""Figures of the change layer by layer: heatmaps on one scale, and profiles beside Adam's.

Layers are those of the slides: convolutions that are not on a downsample path, then the last
layer's weight and bias; 51 in ResNet-50.
"""

import re
from dataclasses import dataclass

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure, SubFigure

from tlstudy.config.groups import groups_of, label_of
from tlstudy.config.settings import Study
from tlstudy.data import published
from tlstudy.report.figures import style
from tlstudy.report.figures.captions import note
from tlstudy.report.figures.curves import (
    SLIDES_DASHES,
    SLIDES_LINE,
    overlaid_groups,
    slides_handles,
)
from tlstudy.report.figures.series import Tables

KINDS = ("convolution", "linear-weight", "linear-bias")
DECADES = 3  # of the colour scale, down from the largest value of all maps
DISPLACEMENT, ANGLE = "displacement_from_previous", "angle_from_previous"
UNITS = {DISPLACEMENT: "relative change in one epoch", ANGLE: "angle in one epoch (degrees)"}


@dataclass(frozen=True)
class LayerMap:
    """Change of each layer in each epoch, mean over seeds.

    Attributes:
        values: (layers, epochs), NaN where no run has a value.
        epochs: (epochs,)
        layers: names of the layers, from the input to the output.
        seeds: number of runs in the mean: those that finished, if any did.
    """

    values: np.ndarray
    epochs: np.ndarray
    layers: list[str]
    seeds: int


def layer_map(tables: Tables, arm: str, column: str) -> LayerMap:
    """Mean over an arm's finished runs of a column of the layers' table."""
    layers, runs = tables["layers"], tables["runs"]
    rows = layers[(layers["arm"] == arm) & layers["kind"].isin(KINDS)]
    status = runs[(runs["arm"] == arm) & (runs["status"] == "finished")]
    finished = rows[rows["seed"].isin(status["seed"])]
    rows = finished if len(finished) else rows
    table = rows.pivot_table(
        index="layer_index", columns="epoch", values=column, aggfunc="mean", dropna=False
    )
    names = rows.drop_duplicates("layer_index").set_index("layer_index")["layer"]
    return LayerMap(
        table.to_numpy(dtype=float),
        table.columns.to_numpy(),
        names.reindex(table.index).tolist(),
        rows["seed"].nunique(),
    )


def slides_map(table: pd.DataFrame, column: str) -> LayerMap:
    grid = table.pivot(index="layer_index", columns="epoch", values=column)
    return LayerMap(grid.to_numpy(), grid.columns.to_numpy(), published.layer_names(), 1)


def shared_norm(maps: list[LayerMap]) -> LogNorm:
    """One logarithmic colour scale for all maps."""
    values = np.concatenate([item.values.ravel() for item in maps])
    values = values[np.isfinite(values) & (values > 0)]
    top = values.max(initial=0) or 1.0
    return LogNorm(max(values.min(initial=top), top / 10**DECADES, top * 1e-9) * 0.999, top)


def stage_axis(ax: Axes, layers: list[str]) -> Axes:
    """Ticks between the network's stages, their names in the middle of each."""
    stages = [_stage_of(layer) for layer in layers]
    starts = [i for i in range(len(stages)) if i == 0 or stages[i] != stages[i - 1]]
    ends = [*starts[1:], len(stages)]
    ax.set_xticks([start - 0.5 for start in starts[1:]], minor=False, labels=[])
    centres = [(start + end - 1) / 2 for start, end in zip(starts, ends, strict=True)]
    ax.set_xticks(centres, minor=True, labels=[stages[start] for start in starts])
    ax.tick_params(axis="x", which="minor", length=0)
    ax.set_xlim(-0.5, len(layers) - 0.5)
    ax.set_xlabel("layer, by stage (c: first convolution)")
    return ax


def _stage_of(layer: str) -> str:
    """c for the first convolution, a stage's number, or fc."""
    stage = re.match(r"layer(\d)", layer)
    name = stage[1] if stage else layer.split(".")[0]
    return "c" if name == "conv1" else name


def heatmap(ax: Axes, item: LayerMap, norm: LogNorm, title: str) -> Axes:
    """Epoch downwards, layers from left to right; values of 0 stay empty."""
    style.panel_title(ax, title)
    if not item.values.size:
        return style.words_only(ax, "no run of this arm")
    ax.grid(visible=False)
    colours = matplotlib.colormaps["viridis"].with_extremes(bad=(0, 0, 0, 0))
    shown = np.where(item.values > 0, item.values, np.nan).T
    extent = (-0.5, len(item.layers) - 0.5, item.epochs[-1] + 0.5, item.epochs[0] - 0.5)
    ax.imshow(shown, norm=norm, cmap=colours, aspect="auto", extent=extent)
    stage_axis(ax, item.layers)
    ax.yaxis.get_major_locator().set_params(integer=True)
    ax.set_ylabel("epoch")
    if not np.isfinite(shown).any():
        style.say(ax, "exactly 0 in every layer and epoch: nothing was trained", 30)
    return ax


def profile(item: LayerMap) -> np.ndarray:
    """(layers,) means over the epochs from the second, the first that the slides have."""
    later = item.values[:, item.epochs >= published.FIRST_CHANGE]
    chosen = later if later.size else item.values
    return np.array(
        [row[np.isfinite(row)].mean() if np.isfinite(row).any() else np.nan for row in chosen]
    )


def predicted(tables: Tables, arm: str, column: str) -> np.ndarray:
    """(layers,) profile of a column if Adam moved every weight by the learning rate each step."""
    return of_displacement(column, profile(layer_map(tables, arm, "predicted_displacement")))


def of_displacement(column: str, displacement: np.ndarray) -> np.ndarray:
    """Values of a column for relative displacements, taken at right angles to the weights."""
    return np.degrees(np.arctan(displacement)) if column == ANGLE else displacement


def magnitude_figure(study: Study, tables: Tables, size: int) -> Figure:
    slides = slides_map(published.layer_displacement(), DISPLACEMENT)
    return _layerwise_figure(study, tables, size, DISPLACEMENT, slides)


def angle_figure(study: Study, tables: Tables, size: int) -> Figure:
    slides = slides_map(published.layer_angle(), ANGLE)
    return _layerwise_figure(study, tables, size, ANGLE, slides)


def _layerwise_figure(
    study: Study, tables: Tables, size: int, column: str, slides: LayerMap
) -> Figure:
    """Maps of the slides and of every arm on one colour scale; profiles of each group below."""
    maps = {arm: layer_map(tables, arm, column) for arm in study.arms}
    handles = [
        *style.arm_handles(study),
        *slides_handles(study, ["pretrained"]),
        style.entry("predicted (Adam)", linestyle=":"),
    ]
    of_maps = 0.6 + 2.1 * style.panel_rows(1 + len(maps))
    of_profiles = style.legend_height(handles) + 2.6 * style.panel_rows(len(groups_of(study)))
    text = f"{note(study, size, intervals=False)} {_means_note(maps)}"
    figure = style.new_figure(of_maps + of_profiles, note=text)
    upper, lower = style.transparent_parts(figure, [of_maps, of_profiles])
    named = {"slides, pretrained": slides, **{label_of(study, arm): maps[arm] for arm in maps}}
    _draw_maps(upper, list(named.items()), UNITS[column])
    _draw_profiles(lower, study, tables, column, slides, maps)
    style.legend_above(lower, handles)
    return figure


def _means_note(maps: dict[str, LayerMap]) -> str:
    counts = sorted({item.seeds for item in maps.values() if item.seeds})
    if counts in ([], [1]):
        return "Profiles are means over epochs from the second."
    counted = " or ".join(map(str, counts))
    return (
        f"Maps and profiles are means over {counted} finished runs, without intervals; profiles "
        "are means over the epochs from the second as well."
    )


def _draw_maps(part: SubFigure, maps: list[tuple[str, LayerMap]], unit: str) -> None:
    panels, _ = style.panel_grid(part, len(maps))
    norm = shared_norm([item for _, item in maps])
    for ax, (title, item) in zip(panels, maps, strict=True):
        heatmap(ax, item, norm, title)
    label = f"{unit}; the same scale for all maps"
    place = {"ax": part.axes, "location": "top", "aspect": 50, "fraction": 0.05}
    bar = part.colorbar(panels[0].images[0], label=label, **place)
    style.log_ticks(bar.ax.xaxis)


def _draw_profiles(
    part: SubFigure,
    study: Study,
    tables: Tables,
    column: str,
    slides: LayerMap,
    maps: dict[str, LayerMap],
) -> None:
    groups = groups_of(study)
    panels, left = style.panel_grid(part, len(groups), sharey=True)
    for ax, (group, arms) in zip(panels, groups.items(), strict=True):
        ax.set_yscale("log", nonpositive="mask")
        same_layers = any(maps[arm].layers == slides.layers for arm in arms)
        if group in overlaid_groups(study) and same_layers:
            ax.plot(profile(slides), linestyle=SLIDES_DASHES["pretrained"], **SLIDES_LINE)
        for arm in arms:
            if not maps[arm].values.size:
                continue
            look = style.arm_styles(study)[arm]
            dotted = {**look, "linestyle": ":", "linewidth": 1.1}
            for values, line in (
                (profile(maps[arm]), look),
                (predicted(tables, arm, column), dotted),
            ):
                if (values > 0).any():
                    ax.plot(values, **line)
            stage_axis(ax, maps[arm].layers)
        style.panel_title(ax, f"{group}: mean over epochs")
    for ax in left:
        ax.set_ylabel(UNITS[column])
        style.log_ticks(ax.yaxis)
