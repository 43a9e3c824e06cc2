"""Names, titles and captions of the figures, and the files they are written to.

Light on purpose: the workflow's rules read it without importing matplotlib.
"""

from dataclasses import dataclass
from pathlib import PurePosixPath

from tlstudy.settings import MINIMUM_SEEDS, Study

SUFFIXES = (".svg", ".png")
PUBLISHED_GROUP = "published"
TRAINING_IMAGES = "training-images"
ACCURACY_BY_SIZE = "accuracy-by-size"


@dataclass(frozen=True)
class FigureText:
    """Title of a figure and sentences on how to read it; what it shows is the data's to say."""

    title: str
    what_to_see: str


FIGURES: dict[str, FigureText] = {
    "results": FigureText(
        "Reported results",
        "Each point is one seed. The grey crosses are the slides' table, the dotted lines what "
        "guessing gives: 10 % and ln 10. Losses of arms whose head is a softmax lie between 1.461 "
        "and 2.461 whatever the network does, and do not compare with those of logits.",
    ),
    "loss-new": FigureText(
        "Loss of the new networks",
        "Training loss before each epoch's update, test loss after it. A network that learns has a "
        "falling training loss; the slides' new network stays at ln 10, the loss of guessing.",
    ),
    "loss-pretrained": FigureText(
        "Loss of the pretrained networks",
        "Training loss before each epoch's update, test loss after it. Where the head is a softmax "
        "the loss cannot leave the band between the two grey lines.",
    ),
    "balanced-accuracy": FigureText(
        "Balanced accuracy",
        "The same weights evaluated twice: left with BatchNorm's running statistics, right with "
        "statistics recomputed on the training images. The difference between left and right is "
        "not learning.",
    ),
    "gradient-norm": FigureText(
        "Gradient norm",
        "Norm of the gradient of all weights at each epoch's last step. The slides' new network "
        "never had its gradients cleared: there the norm grows in proportion to the epoch.",
    ),
    "magnitude-change": FigureText(
        "Magnitude change of all weights",
        "Left: how far the weights moved in one epoch, relative to their norm, as in the slides. "
        "Right: how far they are from where they started, which the slides do not show.",
    ),
    "angle-change": FigureText(
        "Angle change of all weights",
        "Left: angle between the weights before and after an epoch, as in the slides, whose values "
        "jump and touch zero because they come from a float32 arccos. Right: angle to the start.",
    ),
    "layerwise-magnitude": FigureText(
        "Magnitude change by layer",
        "All maps share one colour scale. Below, each layer's mean over the epochs from the second "
        "on (solid) beside what it would be if Adam moved every weight by the learning rate at "
        "each step (dotted): where the two have the same shape, the map shows the optimiser and "
        "not what the layers learnt.",
    ),
    "layerwise-angle": FigureText(
        "Angle change by layer",
        "All maps share one colour scale. Below, each layer's mean over the epochs from the second "
        "on (solid) beside the angle of a step at right angles to the weights with the length that "
        "Adam's learning rate predicts (dotted).",
    ),
    "landscape-trajectory": FigureText(
        "Loss landscape in the plane of the run's own path",
        "Training loss around the final weights. Arms of a group share the grid, the radius, the "
        "vertical scale and the colours. The line is the run's path, from the open to the filled "
        "circle; the shares of variance stand beside those of a random walk, which has such a "
        "plane too.",
    ),
    "landscape-random": FigureText(
        "Loss landscape in a random plane",
        "Training loss around the final weights along filter-normalised random directions (Li et "
        "al. 2018). Arms of a group share the grid, the radius, the vertical scale and the "
        "colours.",
    ),
}
FOR_ALL_SIZES: dict[str, FigureText] = {
    ACCURACY_BY_SIZE: FigureText(
        "Balanced accuracy against the number of training images",
        "Each point is one seed. Where there are enough seeds the line is their mean and the bar "
        "its interval.",
    )
}


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


def figure_names(study: Study) -> list[str]:
    """Figures that the study has for each of its subset sizes, in the report's order."""
    left_out = set()
    if not arms_of_kind(study, new=True):
        left_out.add("loss-new")
    if not arms_of_kind(study, new=False):
        left_out.add("loss-pretrained")
    if not study.landscape.seeds:
        left_out |= {"landscape-trajectory", "landscape-random"}
    return [name for name in FIGURES if name not in left_out]


def size_folder(subset_size: int) -> str:
    return f"n~{subset_size}"


def figure_files(study: Study) -> list[str]:
    """All files of `draw_all`, relative to its folder, with forward slashes."""
    stems = [
        PurePosixPath(size_folder(size), name)
        for size in study.subset_size
        for name in figure_names(study)
    ]
    if len(study.subset_size) > 1:
        stems += [PurePosixPath(name) for name in FOR_ALL_SIZES]
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
    return f"{images}; {_seeds_text(seeds, intervals)}."


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
    return f"{len(seeds)} seeds ({listed}), 95 % bootstrap intervals of the mean"


def caption(study: Study, name: str, subset_size: int | None = None) -> str:
    """What to see in a figure, and what is behind it."""
    text = {**FIGURES, **FOR_ALL_SIZES}[name].what_to_see
    intervals = not name.startswith(("landscape-", "layerwise-"))
    return f"{text} {note(study, subset_size, _seeds_shown(study, name), intervals)}"


def _seeds_shown(study: Study, name: str) -> list[int]:
    if name.startswith("landscape-") and study.landscape.seeds:
        return [min(study.landscape.seeds)]
    return list(study.seed)
