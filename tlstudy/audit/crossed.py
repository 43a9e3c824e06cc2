"""Means over seeds and test images: two-way random effects in closed form.

All seeds of a study are tested on the same images, so neither more images nor more seeds alone make
a mean certain. Seeds and images are crossed: the variance of the mean has a part of each (Owen &
Eckles 2012, arXiv:1106.2125; Sellam et al. 2022, arXiv:2106.16163).
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds and images: its standard error and the t distribution's degrees of freedom.

    Attributes:
        images: how many.
    """

    mean: float
    standard_error: float
    df: float
    images: int


def freedom_of_images(classes: np.ndarray) -> float:
    """Degrees of freedom of a mean over classes, as if images varied alike in all of them.

    By Satterthwaite: images less classes where these are equally large, about those of the smallest
    class where it is much smaller than the others; 0 where a class has one image.

    Args:
        classes: (images,) each image's class.
    """
    counts = np.unique(classes, return_counts=True)[1].astype(float)
    if counts.min() < 2:
        return 0.0
    return float((1 / counts).sum() ** 2 / (1 / (counts**2 * (counts - 1))).sum())


def crossed_mean(values: np.ndarray, classes: np.ndarray) -> Estimate:
    """The mean of values by seed and image, with what the choice of both adds to its error.

    With mean squares MS_S of seeds, MS_X of images and MS_E of the rest, the variance of the mean
    is (MS_S + MS_X - MS_E) / (seeds images), at least MS_S / (seeds images); degrees of freedom by
    Satterthwaite, at least those of the seeds.

    It is the mean over classes, as a balanced accuracy is, and images vary within
    their class: that some classes are harder than others is no error of the mean. A class of few
    images decides how well the variance of images is known, as if they varied alike in all classes.

    Args:
        values: (seeds, images) such as 1 where a run is right, or a difference of two such.
        classes: (images,) each image's class, two of each or more; all the same if images are
            all alike.
    """
    seeds, images = values.shape
    _, place, counts = np.unique(classes, return_inverse=True, return_counts=True)
    weights = 1 / (len(counts) * counts[place])
    mean = float((values @ weights).mean())
    of_classes = np.bincount(place, values.mean(axis=0)) / counts
    # Scaled so that plain means over images are the weighted ones, each class about its own mean.
    values = mean + images * weights * (values - of_classes[place])
    of_seeds, of_images = values.mean(axis=1), values.mean(axis=0)
    # What a seed is better at in one class is a part of its mean already, and no rest.
    by_class = np.stack([np.bincount(place, row) for row in values]) / counts
    rest = values - by_class[:, place] - of_images + mean
    # Its class's mean takes more of an image's square where the class is small.
    left = (1 - 1 / counts[place]) * images
    squares = np.array(
        [
            images * np.square(of_seeds - mean).sum() / (seeds - 1),
            seeds * (np.square(of_images - mean) / left).sum(),
            (np.square(rest) / left).sum() / (seeds - 1),
        ]
    )
    seed_square, image_square, rest_square = squares
    free = freedom_of_images(classes)
    freedom = np.array([seeds - 1, free, (seeds - 1) * free])
    both = seed_square + image_square - rest_square
    if both <= seed_square:
        return Estimate(mean, float(np.sqrt(seed_square / values.size)), float(seeds - 1), images)
    df = max(seeds - 1, both**2 / (squares**2 / freedom).sum())
    return Estimate(mean, float(np.sqrt(both / values.size)), float(df), images)
