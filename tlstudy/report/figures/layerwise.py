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
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tlstudy.config.groups import groups_of, label_of
from tlstudy.config.settings import Study
from tlstudy.data import published
from tlstudy.report.figures import style
from tlstudy.report.figures.captions import note
from tlstudy.report.figures.curves import overlaid_groups, slides_handles

KINDS = ("convolution", "linear-weight", "linear-bias")
DECADES = 3  # of the colour scale, down from the largest value of all maps


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


def restrict(layers: pd.DataFrame) -> pd.DataFrame:
    """Rows of the layers that the slides show."""
    return layers[layers["kind"].isin(KINDS)]


def layer_map(layers: pd.DataFrame, runs: pd.DataFrame, arm: str, column: str) -> LayerMap:
    """Mean over an arm's finished runs of a column of the layers' table."""
    rows = restrict(layers[layers["arm"] == arm])
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


def stage_of(layer: str) -> str:
    """'conv1', a stage's number, or 'fc'."""
    stage = re.match(r"layer(\d)", layer)
    return stage[1] if stage else layer.split(".")[0]


def stage_axis(ax: Axes, layers: list[str]) -> Axes:
    """Ticks between the network's stages, their names in the middle of each."""
    stages = [stage_of(layer) for layer in layers]
    starts = [i for i in range(len(stages)) if i == 0 or stages[i] != stages[i - 1]]
    ends = [*starts[1:], len(stages)]
    ax.set_xticks([start - 0.5 for start in starts[1:]], minor=False, labels=[])
    centres = [(start + end - 1) / 2 for start, end in zip(starts, ends, strict=True)]
    ax.set_xticks(centres, minor=True, labels=[_short(stages[start]) for start in starts])
    ax.tick_params(axis="x", which="minor", length=0)
    ax.set_xlim(-0.5, len(layers) - 0.5)
    ax.set_xlabel("layer, by stage (c: first convolution)")
    return ax


def _short(stage: str) -> str:
    return "c" if stage == "conv1" else stage


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


@dataclass(frozen=True)
class Quantity:
    """What a layerwise figure shows.

    Attributes:
        column: of the layers' table.
        unit: label of the values.
        slides: the slides' table.
    """

    column: str
    unit: str
    slides: pd.DataFrame

    def predicted(self, displacement: np.ndarray) -> np.ndarray:
        """Values that belong to a predicted displacement; its step is taken at right angles."""
        if self.column.startswith("angle"):
            return np.degrees(np.arctan(displacement))
        return displacement


def magnitude_figure(study: Study, layers: pd.DataFrame, runs: pd.DataFrame, size: int) -> Figure:
    quantity = Quantity(
        "displacement_from_previous",
        "relative change in one epoch",
        published.layer_displacement(),
    )
    return layerwise_figure(study, layers, runs, size, quantity)


def angle_figure(study: Study, layers: pd.DataFrame, runs: pd.DataFrame, size: int) -> Figure:
    quantity = Quantity(
        "angle_from_previous", "angle in one epoch (degrees)", published.layer_angle()
    )
    return layerwise_figure(study, layers, runs, size, quantity)


def layerwise_figure(
    study: Study, layers: pd.DataFrame, runs: pd.DataFrame, size: int, quantity: Quantity
) -> Figure:
    """Maps of the slides and of every arm on one colour scale; profiles of each group below."""
    maps = {arm: layer_map(layers, runs, arm, quantity.column) for arm in study.arms}
    slides = slides_map(quantity.slides, quantity.column)
    map_rows = style.panel_rows(1 + len(maps))
    profile_rows = style.panel_rows(len(groups_of(study)))
    heights = [
        0.6 + 2.1 * map_rows,
        style.legend_height(_profile_handles(study)) + 2.6 * profile_rows,
    ]
    text = f"{note(study, size, intervals=False)} {_seed_note(maps)}"
    figure = style.new_figure(sum(heights), note=text)
    upper, lower = figure.subfigures(2, 1, height_ratios=heights)
    for part in (upper, lower):
        part.patch.set_alpha(0)
    _draw_maps(upper, study, slides, maps, quantity)
    _draw_profiles(lower, study, layers, runs, slides, maps, quantity)
    return figure


def _seed_note(maps: dict[str, LayerMap]) -> str:
    counts = sorted({item.seeds for item in maps.values() if item.seeds})
    if counts in ([], [1]):
        return "Profiles are means over epochs from the second."
    counted = " or ".join(map(str, counts))
    return (
        f"Maps and profiles are means over {counted} finished runs, without intervals; profiles "
        "are means over the epochs from the second as well."
    )


def _draw_maps(
    part: Figure, study: Study, slides: LayerMap, maps: dict[str, LayerMap], quantity: Quantity
) -> None:
    rows = style.panel_rows(1 + len(maps))
    panels = part.subplots(rows, style.COLUMNS, squeeze=False).ravel()
    norm = shared_norm([slides, *maps.values()])
    heatmap(panels[0], slides, norm, "slides, pretrained")
    for ax, (arm, item) in zip(panels[1:], maps.items(), strict=False):
        heatmap(ax, item, norm, label_of(study, arm))
    for ax in panels[1 + len(maps) :]:
        ax.set_axis_off()
    bar = part.colorbar(
        panels[0].images[0],
        ax=list(panels),
        location="top",
        aspect=50,
        fraction=0.05,
        label=f"{quantity.unit}; the same scale for all maps",
    )
    style.log_ticks(bar.ax.xaxis)


def _draw_profiles(
    part: Figure,
    study: Study,
    layers: pd.DataFrame,
    runs: pd.DataFrame,
    slides: LayerMap,
    maps: dict[str, LayerMap],
    quantity: Quantity,
) -> None:
    groups = groups_of(study)
    rows = style.panel_rows(len(groups))
    columns = min(len(groups), style.COLUMNS)
    panels = part.subplots(rows, columns, sharey=True, squeeze=False)
    for ax, (group, arms) in zip(panels.ravel(), groups.items(), strict=False):
        ax.set_yscale("log", nonpositive="mask")
        if group in overlaid_groups(study) and _same_layers(slides, [maps[arm] for arm in arms]):
            positions = range(len(slides.layers))
            ax.plot(
                positions, profile(slides), color=style.SLIDES, linestyle=(0, (6, 2)), linewidth=2.2
            )
        for arm in arms:
            predicted = layer_map(layers, runs, arm, "predicted_displacement")
            _draw_profile(ax, study, arm, maps[arm], predicted, quantity)
        style.panel_title(ax, f"{group}: mean over epochs")
    for ax in panels[:, 0]:
        ax.set_ylabel(quantity.unit)
        style.log_ticks(ax.yaxis)
    for ax in panels.ravel()[len(groups) :]:
        ax.set_axis_off()
    style.legend_above(part, _profile_handles(study))


def _profile_handles(study: Study) -> list[Line2D]:
    dotted = Line2D([], [], color=style.MUTED, linestyle=":", label="predicted (Adam)")
    return [
        *style.arm_handles(study, list(study.arms)),
        *slides_handles(study, ["pretrained"]),
        dotted,
    ]


def _same_layers(slides: LayerMap, maps: list[LayerMap]) -> bool:
    return any(item.layers == slides.layers for item in maps)


def _draw_profile(
    ax: Axes, study: Study, arm: str, item: LayerMap, predicted: LayerMap, quantity: Quantity
) -> None:
    if not item.values.size:
        return
    look = style.arm_styles(study)[arm]
    for values, line in (
        (profile(item), look),
        (quantity.predicted(profile(predicted)), {**look, "linestyle": ":", "linewidth": 1.1}),
    ):
        if (values > 0).any():
            ax.plot(range(len(values)), values, **line)
    stage_axis(ax, item.layers)
