"""Names, titles and captions of the figures, and the files they are written to.

Light on purpose: the workflow's rules read it without importing matplotlib.
"""

from collections.abc import Callable
from pathlib import PurePath, PurePosixPath

from tlstudy.figures.texts import (
    ACCURACY_BY_SIZE,
    CONTRADICTIONS,
    FIGURES,
    FOR_ALL_SIZES,
    LABORATORY,
    PENALTY,
    FigureText,
)
from tlstudy.settings import MINIMUM_SEEDS, Arm, Study

SUFFIXES = (".svg", ".png")
PUBLISHED_GROUP = "published"
TRAINING_IMAGES = "training-images"
OTHER_RUNGS = "-other-rungs"  # end of the name of a figure that shows what another leaves out
# Figures of what came out, which Snakemake's report puts before those of how it did.
RESULTS = ("ladder", "ladder-loss", "claims", "results", *FOR_ALL_SIZES)
WITHOUT_RUNS = (CONTRADICTIONS, PENALTY)
# Beginnings of the names of claims that put Proposition 3 to the slides' network: reuse, rescaling.
ON_PROPOSITION = ("C6", "C7")
# Figures with a panel or a line for each arm: with a ladder they show two of its rungs.
BY_ARM = (
    "loss-new",
    "loss-pretrained",
    "balanced-accuracy",
    "gradient-norm",
    "magnitude-change",
    "angle-change",
    "layerwise-magnitude",
    "layerwise-angle",
)


def label_of(study: Study, arm: str) -> str:
    """The arm's name in figures and report."""
    return study.arms[arm].label or arm


def is_new(study: Study, arm: str) -> bool:
    return study.arms[arm].initialisation == "random"


def arms_of_kind(study: Study, new: bool) -> list[str]:
    """Arms that start from random weights, or those that do not, in the study's order."""
    return [arm for arm in study.arms if is_new(study, arm) == new]


def groups_of(study: Study) -> dict[str, list[str]]:
    """Groups in the study's order, each with its arms."""
    groups: dict[str, list[str]] = {}
    for name, arm in study.arms.items():
        groups.setdefault(arm.group, []).append(name)
    return groups


def rung_groups(study: Study) -> list[str]:
    """Groups of the ladder's rungs, in its order."""
    return [rung.group for rung in study.ladder]


def other_groups(study: Study) -> list[str]:
    """Rungs that figures by arm leave to a second figure: all but the first and the last one.

    The last one here is that before learning rates were chosen, where there is one: it differs
    from the first in what was mended and in nothing else.
    """
    rungs = rung_groups(study)
    untuned = [group for group in rungs if not _tuned(study, group)]
    return [group for group in rungs if group not in (rungs[0], (untuned or rungs)[-1])]


def _tuned(study: Study, group: str) -> bool:
    return any(study.arms[arm].tune_learning_rate for arm in groups_of(study)[group])


def without_other_rungs(study: Study) -> Study:
    """The study with the arms that are looked at one by one; all of them without a ladder."""
    return _chosen(study, lambda arm: arm.group not in other_groups(study))


def part_of_study(study: Study, name: str) -> Study:
    """The study with the arms only that a figure shows."""
    if base_name(name) not in BY_ARM:
        return study
    if name.endswith(OTHER_RUNGS):
        return _chosen(study, lambda arm: arm.group in other_groups(study))
    return without_other_rungs(study)


def _chosen(study: Study, chosen: Callable[[Arm], bool]) -> Study:
    arms = {name: arm for name, arm in study.arms.items() if chosen(arm)}
    return study.model_copy(update={"arms": arms})


def base_name(name: str) -> str:
    """The figure's name without the mark of one that shows the other rungs."""
    return name.removesuffix(OTHER_RUNGS)


def figure_names(study: Study) -> list[str]:
    """Figures that the study has for each of its subset sizes, in the report's order."""
    if not study.arms:
        return []
    needed = {
        "ladder": study.ladder,
        "ladder-loss": study.ladder,
        "claims": [claim for claim in study.claims.values() if not claim.open],
        "loss-new": arms_of_kind(study, new=True),
        "loss-pretrained": arms_of_kind(study, new=False),
        "encoder": study.encoder.seeds,
        "landscape-trajectory": study.landscape.seeds,
        "landscape-random": study.landscape.seeds,
        "curvature": study.curvature.seeds,
        "reuse": study.reuse.seeds,
    }
    present = [name for name in FIGURES if needed.get(name, True)]
    return [figure for name in present for figure in (name, *_second_figure(study, name))]


def _second_figure(study: Study, name: str) -> list[str]:
    """A figure's counterpart with the other rungs, where it has one and they have such arms."""
    others = other_groups(study) if name in BY_ARM else []
    kinds = {"loss-new": {True}, "loss-pretrained": {False}}.get(name, {True, False})
    arms = [arm for arm in study.arms if study.arms[arm].group in others]
    return [f"{name}{OTHER_RUNGS}"] if any(is_new(study, arm) in kinds for arm in arms) else []


def states_proposition(study: Study) -> bool:
    """Whether a study shows Proposition 3: it has a laboratory, or tests a claim on it."""
    tested = [name for name, claim in study.claims.items() if not claim.open]
    return bool(study.laboratory.experiments) or any(map(is_on_proposition, tested))


def is_on_proposition(claim: str) -> bool:
    """Whether a claim of the ledger, by its name, puts Proposition 3 to the slides' network."""
    return claim.startswith(ON_PROPOSITION)


def study_figure_names(study: Study) -> list[str]:
    """Figures that are not of one subset size."""
    needed = {
        ACCURACY_BY_SIZE: len(study.subset_size) > 1,
        CONTRADICTIONS: study.ladder or study.claims,
        PENALTY: states_proposition(study),
        **{
            name: any(one in study.laboratory.experiments for one in experiments)
            for name, experiments in LABORATORY.items()
        },
    }
    return [name for name in FOR_ALL_SIZES if needed[name]]


def laboratory_figures(study: Study) -> list[str]:
    """Figures of what the laboratory measured."""
    return [name for name in study_figure_names(study) if name in LABORATORY]


def text_of(name: str) -> FigureText:
    """Title and reading of a figure of any kind."""
    return {**FIGURES, **FOR_ALL_SIZES}[base_name(name)]


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


def size_folder(subset_size: int) -> str:
    return f"n~{subset_size}"


def figure_files(study: Study) -> list[str]:
    """All files of `draw_all`, relative to its folder, with forward slashes."""
    stems = [
        PurePosixPath(size_folder(size), name)
        for size in study.subset_size
        for name in figure_names(study)
    ]
    stems += [PurePosixPath(name) for name in study_figure_names(study)]
    return [f"{stem}{suffix}" for stem in stems for suffix in SUFFIXES]


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
