"""Sentinels of the inputs and of the training images."""

from collections import Counter

import numpy as np

from tlstudy.audit.sentinels.evidence import Evidence
from tlstudy.audit.sentinels.sentinel import sentinel

# Those of `networks.inputs`, which would bring torch: two seconds and most of the memory that the
# tables of a study take. A test holds them to be the same.
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SAME = 1e-3  # of inputs from 0 to 1: means and deviations are given with three digits


@sentinel(
    "warning",
    "F8",
    needs=("training", "record"),
    why="The pretrained layers see other inputs than they were trained on, so the run says "
    "less about them than it could.",
    advice="Normalise the inputs with the mean and deviation that belong to the weights.",
)
def inputs_not_normalised(evidence: Evidence) -> str | None:
    """Inputs are normalised otherwise than those that the pretrained weights were trained on."""
    weights = (evidence.record or {}).get("weights")
    if evidence.training.initialisation == "random" or not weights:
        return None
    applied = _applied(evidence.training.normalisation, weights)
    wanted = weights["mean"], weights["std"]
    if all(np.allclose(a, b, rtol=0, atol=SAME) for a, b in zip(applied, wanted, strict=True)):
        return None
    return (
        f"the inputs are normalised with mean {_triple(applied[0])} and deviation "
        f"{_triple(applied[1])}; the weights were trained with mean {_triple(wanted[0])} and "
        f"deviation {_triple(wanted[1])}"
    )


def _applied(normalisation: str, weights: dict) -> tuple:
    """Means and deviations that an arm's `normalisation` stands for; see `networks.inputs`."""
    known = {"none": ((0.0,) * 3, (1.0,) * 3), "imagenet": (IMAGENET_MEAN, IMAGENET_STD)}
    return known.get(normalisation, (weights["mean"], weights["std"]))


def _triple(values: tuple) -> str:
    return ", ".join(f"{value:g}" for value in values)


@sentinel(
    "warning",
    "F15",
    needs=("subset",),
    why="There are fewer training images than reported.",
    advice="Draw without replacement.",
)
def repeated_training_images(evidence: Evidence) -> str | None:
    """An image was drawn more than once."""
    duplicates = evidence.subset["duplicates"]
    if not duplicates:
        return None
    count = len(evidence.subset["indices"])
    return f"{duplicates} of the {count} training images repeat another of them"


@sentinel(
    "note",
    "F15",
    needs=("subset",),
    why="With few images the draw alone makes some classes harder than others and adds to "
    "the spread between seeds.",
    advice="Draw the same number of each class, unless the imbalance is to be studied.",
)
def uneven_classes(evidence: Evidence) -> str | None:
    """Classes differ by more than one image, so they were not drawn evenly."""
    counts = evidence.subset["counts"]
    if max(counts) - min(counts) <= 1:
        return None
    return f"classes have {min(counts)} to {max(counts)} training images: {_list(counts)}"


def _list(counts: list[int]) -> str:
    return " ".join(map(str, counts))


@sentinel(
    "warning",
    needs=("subset",),
    why="Differences between these runs contain the difference between their images, and "
    "are not paired.",
    advice="Give runs that are compared the same training images, seed by seed.",
)
def other_training_images(evidences: list[Evidence]) -> str | None:
    """Runs that are compared were trained on other images."""
    first = evidences[0]
    images = Counter(first.subset["indices"])  # an image that is drawn twice counts twice
    others = {e.arm: Counter(e.subset["indices"]) for e in evidences[1:]}
    seen = [
        f"{(images - other).total()} in {name}, which has {(other - images).total()} others"
        for name, other in others.items()
        if other != images
    ]
    if not seen:
        return None
    return f"of the {images.total()} training images of {first.arm} are missing: {', '.join(seen)}"


@sentinel(
    "warning",
    "F12",
    needs=("metrics",),
    why="What the layers of one network do says nothing of its start without the same "
    "measure of the other.",
    advice="Measure the layers of all runs that are compared.",
)
def layers_of_some_runs_only(evidences: list[Evidence]) -> str | None:
    """Changes of the layers are known of some of the runs that are compared."""
    known = [evidence.arm for evidence in evidences if evidence.layers is not None]
    unknown = [evidence.arm for evidence in evidences if evidence.layers is None]
    if not known or not unknown:
        return None
    return f"the layers' changes are known of {', '.join(known)}, not of {', '.join(unknown)}"
