"""Titles, captions and labels of the figures."""

from pathlib import PurePath

from tlstudy.config.catalogue import (
    BY_ARM,
    CONTRADICTIONS,
    FOR_ALL_SIZES,
    LABORATORY,
    OTHER_RUNGS,
    PENALTY,
    base_name,
    part_of_study,
)
from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.config.groups import groups_of, other_groups, rung_groups
from tlstudy.config.settings import Study
from tlstudy.report.figures.texts import TEXTS, FigureText

PUBLISHED_GROUP = "published"
TRAINING_IMAGES = "training-images"
WITHOUT_RUNS = (CONTRADICTIONS, PENALTY)


def text_of(name: str) -> FigureText:
    """Title and reading of a figure of any kind."""
    return TEXTS[base_name(name)]


def title_of(study: Study, name: str) -> str:
    """Title of a figure; one that shows the other rungs names them."""
    others = ", ".join(group.replace("-", " ") for group in other_groups(study))
    return text_of(name).title + (f": {others}" if name.endswith(OTHER_RUNGS) else "")


def report_labels(path: PurePath) -> dict[str, str]:
    """Labels of a figure's file in Snakemake's report."""
    of_study = path.stem in FOR_ALL_SIZES
    if path.stem in (PENALTY, *LABORATORY):
        return {"Figure": text_of(path.stem).title, "Training images": "none"}
    others = ", other rungs" if path.stem.endswith(OTHER_RUNGS) else ""
    return {
        "Figure": text_of(path.stem).title + others,
        "Training images": "all" if of_study else path.parent.name.removeprefix("n~"),
    }


def note(
    study: Study,
    subset_size: int | None = None,
    seeds: list[int] | None = None,
    intervals: bool = True,
) -> str:
    """Small line under a figure: how many images and seeds, and what the marks stand for."""
    seeds = study.seed if seeds is None else seeds
    sizes = study.subset_size if subset_size is None else [subset_size]
    images = f"n = {', '.join(f'{size:,}' for size in sizes)} training images"
    there = ", as far as their runs are there" if study.incomplete else ""
    return f"{images}; {_seeds_text(seeds, intervals)}{there}."


def seeds_note(study: Study) -> str:
    """Small line under a figure of made data: how many seeds, and what the bars stand for."""
    return f"{_seeds_text(study.seed, True)}.".capitalize()


def _seeds_text(seeds: list[int], intervals: bool) -> str:
    if len(seeds) == 1:
        return f"one seed ({seeds[0]})" + ", no interval" * intervals
    first, last = min(seeds), max(seeds)
    together = last - first + 1 == len(seeds)
    listed = f"{first} to {last}" if together else ", ".join(map(str, seeds))
    if not intervals:
        return f"{len(seeds)} seeds ({listed})"
    if len(seeds) < MINIMUM_SEEDS:
        return f"{len(seeds)} seeds ({listed}), too few for an interval"
    return f"{len(seeds)} seeds ({listed}), bootstrap intervals of the mean"


def caption(study: Study, name: str, subset_size: int | None = None) -> str:
    """What to see in a figure, and what is behind it."""
    text = text_of(name).what_to_see
    if name in WITHOUT_RUNS:
        return text
    if name in LABORATORY:
        return f"{text} {seeds_note(study)}"
    intervals = not name.startswith(("landscape-", "layerwise-"))
    shown = note(study, subset_size, _seeds_shown(study, base_name(name)), intervals)
    return f"{text} {shown}{rungs_text(study, name)}"


def rungs_text(study: Study, name: str) -> str:
    """Which rungs of the ladder a figure by arm shows; empty for all others."""
    if base_name(name) not in BY_ARM or not other_groups(study):
        return ""
    shown = [
        group for group in groups_of(part_of_study(study, name)) if group in rung_groups(study)
    ]
    where = "" if name.endswith(OTHER_RUNGS) else "; the others have a figure of their own"
    return f" Rungs shown: {', '.join(shown)}{where}."


def _seeds_shown(study: Study, name: str) -> list[int]:
    if name.startswith("landscape-") and study.landscape.seeds:
        return [min(study.landscape.seeds)]
    selection = {"encoder": study.encoder, "curvature": study.curvature, "reuse": study.reuse}
    chosen = selection[name].seeds if name in selection else None
    shown = [seed for seed in study.seed if chosen is None or seed in chosen]
    return shown or list(study.seed)
