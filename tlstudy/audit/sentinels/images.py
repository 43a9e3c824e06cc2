"""Sentinels of the inputs and of the training images."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from tlstudy.audit.sentinels.evidence import Evidence
from tlstudy.audit.sentinels.sentinel import sentinel
from tlstudy.config.fields import IMAGENET_MEAN, IMAGENET_STD

SAME = 1e-3  # of inputs from 0 to 1: means and deviations are given with three digits


@sentinel(
    "warning",
    "F8",
    needs=("training", "record"),
    why="The pretrained layers see other inputs than they were trained on, so the run says "
    "less about them than it could.",
    advice="Normalise the inputs with the mean and deviation that belong to the weights.",
)
def inputs_not_normalised(evidence: Evidence) -> Iterator[str]:
    """Inputs are normalised otherwise than those that the pretrained weights were trained on."""
    weights = evidence.record.get("weights")
    if evidence.training.initialisation == "random" or not weights:
        return
    wanted = weights["mean"], weights["std"]
    known = {"none": ((0.0,) * 3, (1.0,) * 3), "imagenet": (IMAGENET_MEAN, IMAGENET_STD)}
    applied = known.get(evidence.training.normalisation, wanted)
    if not np.allclose(applied, wanted, rtol=0, atol=SAME):
        mean, deviation = (_words(values) for values in applied)
        yield (
            f"the inputs are normalised with mean {mean} and deviation {deviation}; the weights "
            f"were trained with mean {_words(wanted[0])} and deviation {_words(wanted[1])}"
        )


def _words(channels: tuple) -> str:
    return ", ".join(f"{value:g}" for value in channels)


@sentinel(
    "warning",
    "F15",
    needs=("subset",),
    why="There are fewer training images than reported.",
    advice="Draw without replacement.",
)
def repeated_training_images(evidence: Evidence) -> Iterator[str]:
    """An image was drawn more than once."""
    if duplicates := evidence.subset["duplicates"]:
        count = len(evidence.subset["indices"])
        yield f"{duplicates} of the {count} training images repeat another of them"


@sentinel(
    "note",
    "F15",
    needs=("subset",),
    why="With few images the draw alone makes some classes harder than others and adds to "
    "the spread between seeds.",
    advice="Draw the same number of each class, unless the imbalance is to be studied.",
)
def uneven_classes(evidence: Evidence) -> Iterator[str]:
    """Classes differ by more than one image, so they were not drawn evenly."""
    counts = evidence.subset["counts"]
    if max(counts) - min(counts) > 1:
        every = " ".join(map(str, counts))
        yield f"classes have {min(counts)} to {max(counts)} training images: {every}"


@sentinel(
    "warning",
    needs=("subset",),
    why="Differences between these runs contain the difference between their images, and "
    "are not paired.",
    advice="Give runs that are compared the same training images, seed by seed.",
)
def other_training_images(evidences: list[Evidence]) -> Iterator[str]:
    """Runs that are compared were trained on other images."""
    # An image that is drawn twice counts twice.
    (first, images), *others = ((e.arm, Counter(e.subset["indices"])) for e in evidences)
    seen = [
        f"{(images - other).total()} in {name}, which has {(other - images).total()} others"
        for name, other in others
        if other != images
    ]
    if seen:
        yield f"of the {images.total()} training images of {first} are missing: {', '.join(seen)}"


@sentinel(
    "warning",
    "F12",
    needs=("metrics",),
    why="How one network's layers change says nothing about its start, unless the other network "
    "is measured too.",
    advice="Measure the layers of all runs that are compared.",
)
def layers_of_some_runs_only(evidences: list[Evidence]) -> Iterator[str]:
    """Changes of the layers are known of some of the runs that are compared."""
    known = [evidence.arm for evidence in evidences if evidence.layers is not None]
    unknown = [evidence.arm for evidence in evidences if evidence.layers is None]
    if known and unknown:
        yield f"the layers' changes are known of {', '.join(known)}, not of {', '.join(unknown)}"
