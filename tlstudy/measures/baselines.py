"""Measurement `baselines`: what is learnt from the same images without a network."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tlstudy.config.architectures import network_facts
from tlstudy.config.fields import Selection
from tlstudy.config.measurements import Measurement

if TYPE_CHECKING:
    from tlstudy.config.settings import Study
    from tlstudy.config.study import Run
    from tlstudy.networks.fine_tuned import FineTuned

# What the slowest methods take, at most: pixels of an image, times that a support vector machine
# compares each image with each other one, and steps of logistic regression.
FEATURES, ROUNDS, STEPS = 3 * 28**2, 5, 10_000
COLUMNS = {
    "method": (
        "string",
        "nearest: the label of the nearest training image; logistic: logistic regression; svm: "
        "support vector machine with a Gaussian kernel; each on pixels, with scikit-learn's "
        "defaults",
    ),
    "test_accuracy": ("float64", "share of test images that are right, 0 to 1"),
    "test_balanced_accuracy": ("float64", "mean recall on test images, 0 to 1"),
    "test_images": ("int64", "number of test images"),
}


class Baselines(Selection):
    """What is learnt from a run's training images without a network, on its test images."""


def measure(fine_tuned: "FineTuned", settings: Baselines) -> Iterator[dict]:
    """A row for each method; they do not depend on how the run was trained."""
    from tlstudy.measures.pixels import baseline_rows

    yield from baseline_rows(fine_tuned.images)


def passes(study: "Study", run: "Run") -> float:
    """Next to nothing beside a network's passes, unless there are many thousand images."""
    images, settings = run.subset_size, run.settings
    pairs = images * (ROUNDS * images + study.evaluation.final_images)
    steps = STEPS * images * settings.target.outputs
    facts = network_facts(settings.architecture, settings.image_size)
    return FEATURES * (pairs + steps) / (1e9 * facts.multiply_adds)


MEASUREMENT = Measurement(
    name="baselines",
    title="Baselines without a network",
    help="Learn from a run's training images without a network.",
    settings=Baselines,
    measure=measure,
    columns=COLUMNS,
    passes=passes,
    memory_mb=2000,
    on_one_core=True,
)
