"""Sentinels of test values that show BatchNorm's running statistics (F9)."""

from collections.abc import Iterator

import numpy as np

from tlstudy.audit.sentinels.evidence import ACCURACIES, Evidence, TooLittleError, accuracy_needs
from tlstudy.audit.sentinels.sentinel import percent, sentinel

SIGNIFICANT = 2.58  # standard deviations: 1 in 100 of equal accuracies, both sides together
STILL = 0.02  # of the whole fall of the train loss: what is left of it when training is over
EPOCHS_AFTER = 5


def noise(first: float, second: float, images: int) -> float:
    """Standard deviation of the difference of two accuracies on n images.

    sqrt((p (1 - p) + q (1 - q)) / n), as if each had its own images. Both are of the same images,
    which they tend to get right together, so the real deviation is smaller: a conservative bound.
    At an accuracy of 0 or 1 it would be 0; p and q are kept half an image away from there.
    """
    shares = np.clip([first, second], 0.5 / images, 1 - 0.5 / images)
    return float(np.sqrt((shares * (1 - shares)).sum() / images))


@sentinel(
    "warning",
    "F9",
    needs=(
        f"record.final or {accuracy_needs('running')}",
        f"record.final or {accuracy_needs('recalibrated')}",
        "record.final_test_images or metrics.test_images",
    ),
    why="After few steps the running statistics are not yet those of the network, and the "
    "test values show how far they have come.",
    advice="Recompute the statistics on the training images before evaluating, and report "
    "those values.",
)
def batchnorm_lags(evidence: Evidence) -> Iterator[str]:
    """Running and recomputed statistics give test accuracies apart by more than the noise.

    No finding against a run that reports the recomputed ones.
    """
    if evidence.batchnorm == "recalibrated":
        return
    running, images = evidence.last_test_accuracy("running")
    recalibrated, other = evidence.last_test_accuracy("recalibrated")
    bound = SIGNIFICANT * noise(running, recalibrated, min(images, other))
    if abs(recalibrated - running) > bound:
        yield (
            f"the test accuracy at the end is {percent(running)} with the running statistics and "
            f"{percent(recalibrated)} with recomputed ones, on {images} images, where sampling "
            f"explains {100 * bound:.1f} points"
        )


@sentinel(
    "warning",
    "F9",
    needs=("metrics.train_loss", accuracy_needs("running"), "metrics.test_images"),
    why="What still changes cannot be what the loss teaches the network; most often it is "
    "BatchNorm's running statistics catching up.",
    advice="Recompute the BatchNorm statistics on the training images before evaluating, "
    "and see whether the test curve still changes.",
)
def test_changes_after_training(evidence: Evidence) -> Iterator[str]:
    """The test accuracy goes on changing when the train loss has nothing left to fall.

    Training is over after the epoch from which the train loss stays within 2 % of its whole fall
    of its end, if two thirds of the epochs are not over by then and five are left. Only with
    running statistics: recomputed ones do not lag.
    """
    if evidence.batchnorm == "recalibrated":
        return
    over = _end_of_training(evidence)
    kind = next(kind for kind in ACCURACIES if evidence.has(f"metrics.test_{kind}_running"))
    accuracy = evidence.series(f"test_{kind}_running").loc[over:]
    if len(accuracy) <= EPOCHS_AFTER:
        raise TooLittleError(f"test values of {EPOCHS_AFTER} epochs after the train loss settled")
    images = int(evidence.series("test_images").min())
    first, last = accuracy.iloc[0], accuracy.iloc[-1]
    bound = SIGNIFICANT * noise(first, last, images)
    if abs(last - first) > bound:
        yield (
            f"from epoch {over} the train loss has less than {percent(STILL, 0)} of its fall left, "
            f"and yet the test accuracy goes from {percent(first)} to {percent(last)}, where "
            f"sampling explains {100 * bound:.1f} points"
        )


def _end_of_training(evidence: Evidence) -> int:
    losses = evidence.series("train_loss", at_least=2 * EPOCHS_AFTER)
    fall = losses.iloc[0] - losses.iloc[-1]
    unsettled = losses.index[(losses - losses.iloc[-1]).abs() > STILL * fall]
    after = losses.index[losses.index > unsettled.max()] if len(unsettled) else losses.index
    if fall <= 0 or len(after) <= max(EPOCHS_AFTER, len(losses) // 3):
        raise TooLittleError("a train loss that settled before two thirds of the epochs")
    return int(after[0])
