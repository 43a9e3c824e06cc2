"""Measurement `invariance`: what transforms of images do to a network's features and answers."""

import logging
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tlstudy.config.fields import Selection
from tlstudy.config.measurements import Measurement, few_enough_test_images
from tlstudy.measures.passes import cost_of_pass

if TYPE_CHECKING:
    from tlstudy.config.settings import Study
    from tlstudy.config.study import Run
    from tlstudy.networks.fine_tuned import FineTuned

log = logging.getLogger(__name__)
VERSIONS = 13  # an image as it is, and each of `transforms.WAYS`, a module that imports PyTorch
UPRIGHT = "none"  # stands for a group where images are as they are
COLUMNS = {
    "point": ("string", "start: before training; end: after it"),
    "group": ("string", "transforms: a group by name; none: images as they are"),
    "measure": (
        "string",
        "sensitivity: mean distance of a stage's features between two transforms of an image, "
        "over that between two images (Speicher et al. 2024); accuracy: share of answers that are "
        "right; divergence: mean Kullback-Leibler divergence of the answer on a transformed image "
        "from that on the image, nats (Zhou et al. 2022)",
    ),
    "stage": ("string", "of a sensitivity: a stage by the network's own name; else empty"),
    "class": ("string", "of accuracy and divergence: the images' class; else empty"),
    "value": ("float64", "the measure's value"),
    "test_images": ("int64", "number of test images of all classes"),
    "right": (
        "binary",
        "of accuracy: a bit for each transform, and within it for each test image of the class, in "
        "order, the highest of a byte first: 1 if the answer is right; else empty",
    ),
}


class Invariance(Selection):
    """What transforms of the images do to a network's features and answers."""

    test_images: Annotated[int, Field(strict=True, ge=10)] = Field(
        500, description="Test images, each transformed in every way."
    )


def measure(fine_tuned: "FineTuned", settings: Invariance) -> Iterator[dict]:
    """Sensitivities before and after training, answers after it; no rows if it diverged."""
    from tlstudy.measures.sensitivity import answer_rows, sensitivity_rows

    if not fine_tuned.finished:
        return
    images = fine_tuned.images.with_first_tests(settings.test_images)
    count = {"test_images": len(images.test_labels)}
    for point in ("start", "end"):
        network = fine_tuned.network_at(point)
        for row in sensitivity_rows(network, fine_tuned.training, images):
            yield {"point": point, **row, **count, "right": None}
        log.info("sensitivity at the %s", point)
    for row in answer_rows(network, fine_tuned.training, images, fine_tuned.evaluation.precision):
        yield {"point": point, **row, **count}


def passes(study: "Study", run: "Run") -> float:
    """Every transform of every image: twice for features, once for answers."""
    looks = 2 + cost_of_pass(study.evaluation.precision)
    images = min(study.invariance.test_images, run.settings.target.data.test)
    return looks * (VERSIONS * images + run.subset_size)


MEASUREMENT = Measurement(
    name="invariance",
    title="Invariance",
    help="Measure what transforms of the images do to a run's features and answers.",
    settings=Invariance,
    measure=measure,
    columns=COLUMNS,
    passes=passes,
    memory_mb=6000,
    check=partial(few_enough_test_images, name="invariance"),
)
