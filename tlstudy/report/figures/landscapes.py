"""Figures of loss landscapes: surfaces and maps of a group's arms on shared scales.

A landscape is a mapping with `arm`, `group`, `label`, `subset_size`, `seed`,
`checkpoint_train_loss` and `planes`; a plane has `status` (drawn or none), `reason`,
`axis` (points,) and `loss` (points, points) with rows along the second direction, None where
the loss was not finite. The trajectory's plane has `path` (epochs + 1, 2), `off_plane`,
`explained_variance` and `random_walk_null` as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator
from mpl_toolkits.mplot3d import Axes3D
from scipy.interpolate import RegularGridInterpolator

from tlstudy.config.groups import groups_of, label_of, rung_groups
from tlstudy.config.settings import Study
from tlstudy.config.sweeps import written_name
from tlstudy.report.figures import guessing, meanings, style
from tlstudy.report.figures.captions import note

COLOURS = "viridis"
HIGHEST = 3  # times the loss of guessing: what is above is cut flat
SMALLEST_RANGE = 1e-6  # nats; a flatter landscape is drawn flat, not its rounding
OUTLINE = [patheffects.withStroke(linewidth=2.8, foreground="black")]  # seen on every colour
PATH = {"color": "white", "linewidth": 1.3, "path_effects": OUTLINE}
EPOCH = {"markeredgecolor": "black", "markeredgewidth": 0.6, "markersize": 3}
END = {"markeredgecolor": "black", "markeredgewidth": 1, "markersize": 6, "clip_on": False}


@dataclass(frozen=True)
class Plane:
    """A plane of one arm.

    Attributes:
        axis: (points,) coordinates along both directions.
        loss: (points, points) nats, rows along the second direction, NaN where not finite.
        path: (epochs + 1, 2) coordinates of the run, or None.
        text: explained variance beside a random walk's, and distance from the plane.
    """

    axis: np.ndarray
    loss: np.ndarray
    path: np.ndarray | None
    text: str


def figure(study: Study, tables: Mapping, size: int, which: str) -> Figure:
    """Landscapes of the lowest seed that has any at this subset size, group by group.

    Args:
        tables: the landscapes under that name.
        which: trajectory or random.
    """
    here = [item for item in tables["landscapes"] if item["subset_size"] == size]
    seeds = sorted({item["seed"] for item in here})[:1]
    chosen = {item["arm"]: item for item in here if item["seed"] in seeds}
    groups = selected_groups(study)
    heights = [0.4 + 5.6 * style.panel_rows(len(arms)) for arms in groups.values()]
    whole = style.new_figure(sum(heights), note=note(study, size, seeds or study.seed, False))
    parts = style.transparent_parts(whole, heights)
    for part, (group, arms) in zip(parts, groups.items(), strict=True):
        planes = {
            label_of(study, arm): plane_of(chosen[arm], which)
            if arm in chosen
            else f"This arm has no landscape{f' of seed {seeds[0]}' if seeds else ''}."
            for arm in arms
        }
        guessed = max(guessing.levels(study, "loss", arms))
        _draw_group(part, group, planes, guessed)
    return whole


def selected_groups(study: Study) -> dict[str, list[str]]:
    """Groups with the arms that are to have landscapes; rungs in the ladder's order first."""
    names, groups = set(study.landscape.arms), groups_of(study)
    order = [*dict.fromkeys([*rung_groups(study), *groups])]
    chosen = {
        group: [arm for arm in groups[group] if not names or {arm, written_name(arm)} & names]
        for group in order
    }
    return {group: arms for group, arms in chosen.items() if arms}


def plane_of(landscape: dict, which: str) -> Plane | str:
    """The plane, or why there is none."""
    plane = landscape["planes"].get(which)
    if plane is None:
        return "This plane was not computed."
    if plane["status"] != "drawn":
        return f"No plane: {plane['reason']}"
    path = np.array(plane["path"], dtype=float) if plane.get("path") else None
    axis, loss = (np.array(plane[name], dtype=float) for name in ("axis", "loss"))
    return Plane(axis, loss, path, _path_text(plane) if which == "trajectory" else "")


def _path_text(plane: dict) -> str:
    """Shares of variance beside a random walk's, distance from the plane, points off the grid."""
    pairs = zip(plane["explained_variance"][:2], plane["random_walk_null"], strict=False)
    lines = [
        "path's variance (random walk)",
        *(
            f"axis {axis}: {100 * share:.0f} % ({100 * null:.0f} %)"
            for axis, (share, null) in enumerate(pairs, start=1)
        ),
        f"path {max(plane.get('off_plane') or [0.0]):.3g} off the plane at most",
    ]
    outside, points = points_outside(plane)
    if outside:
        lines.append(f"{outside} of {points} points lie outside")
    return "\n".join(lines)


def points_outside(plane: dict) -> tuple[int, int]:
    """How many points of a path lie outside of its plane's grid, and how many it has."""
    path, side = plane.get("path") or [], max(plane["axis"])
    return sum(max(map(abs, point)) > side for point in path), len(path)


def shared_limits(planes: list[Plane], guessed: float) -> tuple[float, float]:
    """Vertical and colour limits of a group, nats.

    Args:
        guessed: loss of a network that guesses.
    """
    values = np.concatenate([plane.loss[np.isfinite(plane.loss)] for plane in planes] or [[]])
    if not values.size:
        return 0.0, 1.0
    low = float(values.min())
    high = min(float(values.max()), max(HIGHEST * guessed, low + 1))
    return low, max(high, low + SMALLEST_RANGE)


def _draw_group(
    part: SubFigure, group: str, planes: dict[str, Plane | str], guessed: float
) -> None:
    """A surface and a map for each arm, by its label; where there is no plane, words."""
    drawn = [plane for plane in planes.values() if isinstance(plane, Plane)]
    limits = shared_limits(drawn, guessed)
    rows = style.panel_rows(len(planes))
    grid = part.add_gridspec(2 * rows, style.COLUMNS, height_ratios=[1.25, 1] * rows)
    axes = []
    for position, (label, plane) in enumerate(planes.items()):
        row, column = 2 * (position // style.COLUMNS), position % style.COLUMNS
        if isinstance(plane, str):
            axes.append(style.words_only(part.add_subplot(grid[row, column]), plane, 38))
            style.dress(axes[-1], label)
            continue
        upper = part.add_subplot(grid[row, column], projection="3d", computed_zorder=False)
        surface(upper, plane, limits)
        style.dress(upper, label)
        lower = loss_map(part.add_subplot(grid[row + 1, column]), plane, limits)
        lower.set_title(plane.text, loc="left", fontweight="normal")
        meanings.remember_title(lower, label)
        axes += [upper, lower]
    text = f"group {group}"
    if drawn:
        colours = ScalarMappable(Normalize(*limits), COLOURS)
        label = "training loss (nats), one scale for the group"
        part.colorbar(colours, ax=axes, fraction=0.04, aspect=40, label=label)
        text += ": same grid, radius, vertical scale and colours" + cut_text(drawn, limits)
    part.suptitle(text, x=0.01, ha="left")


def cut_text(planes: list[Plane], limits: tuple[float, float]) -> str:
    """Words on losses that the vertical scale cannot show, or nothing."""
    values = np.concatenate([plane.loss.ravel() for plane in planes])
    finite = values[np.isfinite(values)]
    text = ""
    if finite.max(initial=-np.inf) > limits[1]:
        text = f"\ncut flat at {limits[1]:.2f}; the largest loss is {finite.max():.3g}"
    return text if len(finite) == len(values) else f"{text}\nempty: the loss was not finite"


def surface(ax: Axes3D, plane: Plane, limits: tuple[float, float]) -> None:
    """The loss as a surface; losses above the limits are cut flat. Rasterised inside an SVG."""
    x, y = np.meshgrid(plane.axis, plane.axis)
    height = np.minimum(plane.loss, limits[1])
    scale = {"cmap": COLOURS, "vmin": limits[0], "vmax": limits[1]}
    fine = {"rstride": 1, "cstride": 1, "linewidth": 0, "antialiased": True}
    ax.plot_surface(x, y, height, rasterized=True, zorder=1, **scale, **fine)
    if plane.path is not None:
        ax.plot(*plane.path.T, path_heights(plane, height), zorder=5, **PATH)
    ax.set_zlim(*limits)
    ax.view_init(elev=32, azim=-58)
    ax.set_box_aspect((1, 1, 0.7), zoom=1.1)
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_major_locator(MaxNLocator(3))
        axis.set_pane_color((0, 0, 0, 0))
        axis._axinfo["grid"].update(color=style.MUTED, linewidth=0.4)
    ax.tick_params(pad=0)


def path_heights(plane: Plane, height: np.ndarray) -> np.ndarray:
    """(epochs + 1,) height of the surface under the path; NaN outside of the grid."""
    interpolate = RegularGridInterpolator(
        (plane.axis, plane.axis), height, bounds_error=False, fill_value=np.nan
    )
    return interpolate(plane.path[:, ::-1])


def loss_map(ax: Axes, plane: Plane, limits: tuple[float, float]) -> Axes:
    """The same loss from above, with the run's path."""
    ax.grid(visible=False)
    half_cell = (plane.axis[1] - plane.axis[0]) / 2
    side = (plane.axis[0] - half_cell, plane.axis[-1] + half_cell)
    place = {"origin": "lower", "extent": (*side, *side), "aspect": "equal"}
    ax.imshow(plane.loss, cmap=COLOURS, norm=Normalize(*limits), **place)
    joined = {**END, "label": meanings.JOINED}
    if plane.path is not None:
        ax.plot(*plane.path.T, label=meanings.JOINED, **PATH)
        ax.plot(*plane.path.T, "o", label="path", markerfacecolor="white", **EPOCH)
        if np.abs(plane.path[0]).max() <= side[1]:
            ax.plot(*plane.path[0], "o", markerfacecolor="white", **joined)
    ax.plot(0, 0, "o", markerfacecolor="black", **joined)
    ax.set(xlim=side, ylim=side, xlabel="along direction 1", ylabel="along direction 2")
    return ax
