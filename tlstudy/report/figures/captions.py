"""Titles, captions, labels and small print of the figures."""

from collections.abc import Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING

from tlstudy.config.catalogue import (
    BY_ARM,
    FOR_ALL_SIZES,
    LABORATORY,
    OTHER_RUNGS,
    PENALTY,
    TITLES,
    base_name,
    part_of_study,
)
from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.config.groups import groups_of, label_of, other_groups, rung_groups
from tlstudy.config.settings import Study
from tlstudy.report.figures.texts import explanation
from tlstudy.report.format import join
from tlstudy.report.format import seeds as listed

if TYPE_CHECKING:
    import pandas as pd

PUBLISHED_GROUP = "published"


def title_of(study: Study, name: str) -> str:
    """Title of a figure; one that shows the other rungs names them."""
    others = ", ".join(group.replace("-", " ") for group in other_groups(study))
    return TITLES[base_name(name)] + (f": {others}" if name.endswith(OTHER_RUNGS) else "")


def caption(study: Study, name: str) -> str:
    """How to read a figure of the study, and which rungs of the ladder it shows.

    Seeds and numbers of images stand in the figure itself, see `note`.
    """
    words = explained(study, name)
    if base_name(name) not in BY_ARM or not other_groups(study):
        return words
    groups = groups_of(part_of_study(study, name))
    shown = [group for group in groups if group in rung_groups(study)]
    where = "" if name.endswith(OTHER_RUNGS) else "; the others have a figure of their own"
    return f"{words} Rungs shown: {', '.join(shown)}{where}."


def explained(study: Study, name: str) -> str:
    """How to read a figure of the study, with what only some studies have."""
    return " ".join([explanation(name), *_where_there(study, base_name(name))])


def _where_there(study: Study, name: str) -> Iterator[str]:
    from tlstudy.report.figures.guessing import softmax_bounds

    arms = study.arms.values()
    softmax = {arm.target.outputs for arm in arms if arm.head == "softmax"}
    bounds = (f"{low:.3f} and {high:.3f}" for low, high in map(softmax_bounds, sorted(softmax)))
    untrained = any(arm.optimiser_holds != "network" for arm in arms)
    if name == "results" and any(arm.reported_epoch == "best-on-test" for arm in arms):
        yield "Some arms report the best epoch on the test images, which is no fair estimate."
    if name == "results" and softmax:
        yield (
            f"Losses on softmax outputs always lie between two bounds ({join(bounds, 'or')}), and "
            "do not compare with losses on logits."
        )
    if name in ("loss-new", "loss-pretrained") and softmax:
        yield "On softmax outputs the loss cannot leave the band between the two grey lines."
    if name == "loss-new" and untrained:
        yield "A network stays at it if its optimiser holds the weights of another one."
    if name == "gradient-norm" and untrained:
        yield "Gradients that are never cleared add up: the norm grows in proportion to the epoch."
    raw = (claim.quantity for claim in study.claims.values())
    if name == "claims" and any(quantity.startswith("log2_hessian") for quantity in raw):
        yield "Claims on the largest raw Hessian eigenvalue do not say which network is smoother."


def report_labels(path: PurePath) -> dict[str, str]:
    """Labels of a figure's file in Snakemake's report."""
    name, images = path.stem, path.parent.name.removeprefix("n~")
    if name in FOR_ALL_SIZES:
        images = "none" if name in (PENALTY, *LABORATORY) else "all"
    others = ", other rungs" * name.endswith(OTHER_RUNGS)
    return {"Figure": TITLES[base_name(name)] + others, "Training images": images}


def note(
    study: Study, size: int | None = None, seeds: list[int] | None = None, intervals: bool = True
) -> str:
    """Small line under a figure: how many images and seeds, and what the marks stand for."""
    seeds = study.seed if seeds is None else seeds
    sizes = study.subset_size if size is None else [size]
    images = f"n = {', '.join(f'{size:,}' for size in sizes)} training images"
    there = ", as far as their runs are there" if study.incomplete else ""
    return f"{images}; {_seeds_text(seeds, intervals)}{there}."


def measured_note(
    study: Study, table: "pd.DataFrame", size: int, labels: bool = True
) -> tuple[list[str], str]:
    """The arms of a table in which only some seeds were measured, and the line under its figure.

    Args:
        labels: whether the line starts with the arms' labels.
    """
    arms = [arm for arm in study.arms if arm in set(table["arm"])]
    text = note(study, size, sorted(set(study.seed) & set(table["seed"])) or None)
    named = f"{'; '.join(label_of(study, arm) for arm in arms)}. " if arms and labels else ""
    return arms, named + text


def seeds_note(study: Study) -> str:
    """Small line under a figure of made data: how many seeds, and what the bars stand for."""
    there = ", as far as their runs are there" * study.incomplete
    return f"{_seeds_text(study.seed, True)}{there}.".capitalize()


def _seeds_text(seeds: list[int], intervals: bool) -> str:
    if len(seeds) == 1:
        return f"one seed ({seeds[0]})" + ", no interval" * intervals
    few = len(seeds) < MINIMUM_SEEDS
    what = ", too few for an interval" if few else ", 95 % intervals of the mean"
    return f"{len(seeds)} seeds ({listed(seeds)})" + what * intervals
