"""Figures of invariance: accuracy on turned images by what was shown, and sensitivity by stage."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tlstudy.audit.quantities import values_of
from tlstudy.audit.transfer_index import TransferIndex, transfer_index
from tlstudy.config.exposures import EXPOSURES, exposed_arms, exposure_of
from tlstudy.config.groups import is_new, label_of
from tlstudy.config.quantity_table import TRANSFORM_GROUPS
from tlstudy.config.settings import Study
from tlstudy.report.figures import guessing, meanings, points, style
from tlstudy.report.figures.captions import measured_note
from tlstudy.report.names import stage_label

PANELS = {  # title, and what training showed, from left to right
    "unseen": (
        "Do turns of other classes help?",
        ("no turns", "turns of\nother classes", "turns of\nall classes"),
    ),
    "seen": (
        "Do turns of the same classes help?",
        ("no turns", "turns of\nthese classes", "turns of\nall classes"),
    ),
}
SIDE = 0.07  # between the marks of networks at the same place
SHOWN_BY_IMAGENET = ("horizontal-flip", "shift", "scale", "brightness")
# The turns by 180 and 270 degrees are among those by right angles.
GROUPS = {
    name: words for name, words in TRANSFORM_GROUPS.items() if "half-and-three-quarter" not in name
}
TIMES = {"start": "--", "end": "-"}
BEYOND = 2  # relative sensitivity from which on a panel has a scale of its own
MARGIN = 1.08  # of a panel above its highest line


def transfer_figure(study: Study, tables: points.Tables, size: int) -> Figure:
    """Two panels, a half of the classes each; which classes were shown turned runs across."""
    arms, text = measured_note(study, tables["invariance"], size, labels=False)
    networks = [found for found in exposed_arms(study) if set(found.values()) & set(arms)]
    if not networks:
        return style.words_figure("no run's answers on turned images were measured", text)
    every = [arm for found in networks for arm in found.values()]
    entries = points.arm_entries(study, [found["none"] for found in networks])
    seeds = tables["invariance"]["seed"].nunique()
    handles = [
        *entries.values(),
        *points.handles(set(), seeds, slides=False),
        guessing.entry(study, "balanced_accuracy", every),
    ]
    figure = style.new_figure(3.3, handles, text)
    panels = figure.subplots(1, len(PANELS), sharey=True)
    for ax, (which, (title, shown)) in zip(panels, PANELS.items(), strict=True):
        values = values_of(tables, f"accuracy_turned.{which}")
        for place, found in enumerate(networks):
            side, entry = SIDE * (2 * place - (len(networks) - 1)), entries[found["none"]]
            with meanings.named(ax, entry.get_label()):
                _draw_network(ax, entry.get_color(), values, found, side)
        guessing.draw(ax, study, "balanced_accuracy", every)
        style.dress(ax, title, ylim=(0, 100), xlabel="shown in training")
        style.named_columns(ax, list(shown))
    style.label_left(panels, "accuracy on turned images (%)")
    return figure


def _draw_network(
    ax: Axes, colour: str, values: pd.Series, arms: dict[str, str], side: float
) -> None:
    """A network's values by exposure, their means joined."""
    means = []
    for place, exposure in enumerate(EXPOSURES):
        found = 100 * of_arm(values, arms[exposure])
        points.draw_values(ax, place + side, found, colour)
        finite = found[np.isfinite(found)]
        means.append(finite.mean() if len(finite) else np.nan)
    ax.plot(
        np.arange(len(means)) + side,
        means,
        color=colour,
        linewidth=1.6,
        zorder=2,
        label=meanings.JOINED,
    )


def of_arm(values: pd.Series, arm: str) -> pd.Series:
    """An arm's values of one subset size by seed."""
    found = values[values.index.get_level_values("arm") == arm]
    return found.droplevel(["arm", "subset_size"]).sort_index()


def index_of(values: pd.Series, arms: dict[str, str]) -> TransferIndex:
    """The transfer index of a network.

    Args:
        values: accuracies on turned images of the classes outside the half, of one subset size.
        arms: by exposure.
    """
    by_seed = pd.DataFrame({exposure: of_arm(values, arms[exposure]) for exposure in EXPOSURES})
    return transfer_index(*by_seed.to_numpy(dtype=float).T)


def stages_figure(study: Study, tables: points.Tables, size: int) -> Figure:
    """A panel for each group of changes: a new network and a pretrained one, before and after."""
    table = tables["invariance"]
    rows = table[table["measure"] == "sensitivity"]
    arms, text = measured_note(study, rows, size, labels=False)
    arms = plain_pair(study, arms)
    if not arms:
        return style.words_figure("no network without augmentation was measured by stage", text)
    handles = [
        style.entry(f"{style.KINDS[is_new(study, arm)]}, {when}", style.colour_of(study, arm), line)
        for arm in arms
        for when, line in (("before training", "--"), ("after", "-"))
    ]
    handles.append(style.reference_entry("as different as another image"))
    text = f"{'; '.join(label_of(study, arm) for arm in arms)}. {text}"
    figure = style.new_figure(2.0 * style.panel_rows(len(GROUPS)), handles, text)
    panels = style.panel_grid(figure, len(GROUPS), sharex=True)
    for ax, (group, words) in zip(panels, GROUPS.items(), strict=True):
        for arm in arms:
            for point, line in TIMES.items():
                chosen = rows[(rows["arm"] == arm) & (rows["group"] == group)]
                frame = by_stage(chosen[chosen["point"] == point])
                points.draw_band(ax, frame, style.colour_of(study, arm), line, first=0)
        style.reference_line(ax, 1)
        known = "in" if group in SHOWN_BY_IMAGENET else "not in"
        style.dress(ax, f"{words[:1].upper()}{words[1:]} ({known} ImageNet)", 50)
        stages = rows.loc[rows["arm"] == arms[0], "stage"].unique()
        style.named_columns(ax, [stage_label(stage) for stage in stages])
    # Black and white exchanged can be as different as ten other images: such a panel has its own
    # scale, or the others would be flat.
    tops = [ax.dataLim.y1 for ax in panels]
    common = max((top for top in tops if top <= BEYOND), default=1)
    for ax, top in zip(panels, tops, strict=True):
        ax.set_ylim(0, MARGIN * (common if top <= BEYOND else top))
    for ax in panels[-2:]:
        ax.tick_params(axis="x", labelbottom=True)
        ax.set_xlabel("stage of the network")
    style.label_left(panels, "relative sensitivity")
    return figure


def plain_pair(study: Study, arms: list[str]) -> list[str]:
    """The first arms whose training images are not changed: a new network and a pretrained one.

    The second has the network of the first, so that they share their stages.
    """
    found: dict[bool, str] = {}
    for arm in arms:
        alike = not found or _network(study, arm) == _network(study, next(iter(found.values())))
        if exposure_of(study.arms[arm]) == "none" and alike:
            found.setdefault(is_new(study, arm), arm)
    return list(found.values())


def _network(study: Study, arm: str) -> str:
    return study.arms[arm].architecture


def by_stage(rows: pd.DataFrame) -> pd.DataFrame:
    """Seeds x stages, in the network's order."""
    return rows.pivot(index="seed", columns="stage", values="value")[rows["stage"].unique()]
