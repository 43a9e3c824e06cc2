"""Measurement `baselines`: what is learnt from the same images without a network."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tlstudy.config.fields import Selection
from tlstudy.config.measurements import Measurement

if TYPE_CHECKING:
    from tlstudy.config.settings import Study
    from tlstudy.config.study import Run
    from tlstudy.networks.fine_tuned import FineTuned

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
    """Next to nothing beside a network's passes."""
    return 0.0


MEASUREMENT = Measurement(
    name="baselines",
    title="Baselines without a network",
    help="Learn from a run's training images without a network.",
    settings=Baselines,
    measure=measure,
    columns=COLUMNS,
    passes=passes,
    memory_mb=2000,
)
