"""Sentinels of test values that show BatchNorm's running statistics (F9)."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from tlstudy.audit.sentinels.evidence import (
    ACCURACIES,
    ACCURACY_OF_TRAIN,
    Evidence,
    TooLittleError,
    accuracy_needs,
)
from tlstudy.audit.sentinels.limits import DEVIATIONS, NEARLY_ALL_RIGHT, STEADY
from tlstudy.audit.sentinels.sentinel import sentinel
from tlstudy.audit.sentinels.trends import chance_of_rise
from tlstudy.watching.finding import percent

STILL = 0.02  # of the whole fall of the train loss: what is left of it when training is over
EPOCHS_AFTER = 5
# Less is worth no alarm, however many images tell it from noise. Two points between the two
# statistics of one network are what papers report as a gain. A network whose loss has settled may
# still change by some points, as seeds do (3.9 of the published study); twice five are no rest.
LEAST_LAG = 0.02
LEAST_CHANGE = 0.05
# Where nearly all train answers are right: what the test gains afterwards, ten points or more, is
# not learnt from them.
LEAST_GAIN = 0.1
# The train answers lead, and the test follows: a gap of overfitting widens, one of a lag closes.
KNOWN = 0.5  # of the train answers are right from the middle on
THIRD = 3  # first and last third of the epochs are compared: a single epoch is mostly noise


def deviation_of_difference(first: float, second: float, images: int) -> float:
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

    And by two points at least. No finding against a run that reports the recomputed ones.
    """
    if evidence.batchnorm == "recalibrated":
        return
    running, images = evidence.last_test_accuracy("running")
    recalibrated, other = evidence.last_test_accuracy("recalibrated")
    bound = DEVIATIONS * deviation_of_difference(running, recalibrated, min(images, other))
    if abs(recalibrated - running) > max(bound, LEAST_LAG):
        yield (
            f"the test accuracy at the end is {percent(running)} with the running statistics and "
            f"{percent(recalibrated)} with recomputed ones, on {images} images, where sampling "
            f"explains {100 * bound:.1f} points"
        )


@sentinel(
    "warning",
    "F9",
    needs=(f"metrics.train_loss or {ACCURACY_OF_TRAIN}", accuracy_needs("running")),
    why="What still changes cannot be what the loss teaches the network; most often it is "
    "BatchNorm's running statistics catching up.",
    advice="Recompute the BatchNorm statistics on the training images before evaluating, "
    "and see whether the test curve still changes.",
)
def test_changes_after_training(evidence: Evidence) -> Iterator[str]:
    """The test accuracy goes on changing when training has nothing left to teach.

    Training is over after the epoch from which the train loss stays within 2 % of its whole fall
    of its end, if two thirds of the epochs are not over by then and five are left; the accuracy
    then changes by five points or more. Or it is over where 95 % of the train answers are right
    and stay so; the test accuracy then gains ten points or more. Both from the mean of the first
    third of these epochs to that of the last. Or the gap between train and test accuracy is closing
    as the test accuracy rises steadily, where half of the train answers are right: by five points
    between such means, since that is so or since the middle of the epochs. Overfitting
    widens it. All by more than the noise of such means in 99 of 100 cases: that of the test images
    (of 100 where their number is unknown), or of the curve if it is larger. Only with running
    statistics: recomputed ones do not lag.
    """
    if evidence.batchnorm == "recalibrated":
        return
    kind = next(kind for kind in ACCURACIES if evidence.has(f"metrics.test_{kind}_running"))
    accuracy = evidence.series(f"test_{kind}_running")
    lacking = []
    for end, told, least, epochs in (
        (
            _end_of_fall,
            f"the train loss has less than {percent(STILL, 0)} of its fall left",
            LEAST_CHANGE,
            EPOCHS_AFTER,
        ),
        (
            _end_of_errors,
            f"{percent(NEARLY_ALL_RIGHT, 0)} of the train answers are right",
            LEAST_GAIN,
            2,
        ),
    ):
        try:
            over = end(evidence)
        except TooLittleError as error:
            lacking.append(str(error))
            continue
        after = accuracy.loc[over:]
        if len(after) <= epochs:
            lacking.append(f"test values of {epochs} epochs after training settled")
            continue
        first, last, bound = _change(evidence, after)
        change = abs(last - first) if end is _end_of_fall else last - first
        if change > max(bound, least):
            yield (
                f"from epoch {over} {told}, and yet the test accuracy goes from "
                f"{percent(first)} to {percent(last)} (means of {_third(after)} epochs), where "
                f"noise explains {100 * bound:.1f} points"
            )
            return
    trained = evidence.train_accuracy()
    if trained is not None and len(trained.index.intersection(accuracy.index)) >= 2 * EPOCHS_AFTER:
        yield from _closing(evidence, trained, accuracy)
    elif len(lacking) == 2:
        raise TooLittleError(lacking[0])


def _third(values: pd.Series) -> int:
    """Epochs of a third, but two where there are four or five."""
    return max(len(values) // THIRD, min(2, len(values) // 2))


def _change(evidence: Evidence, values: pd.Series) -> tuple[float, float, float]:
    """Means of the first and of the last third, and how far apart noise puts them."""
    count = _third(values)
    first, last = float(values.iloc[:count].mean()), float(values.iloc[-count:].mean())
    deviations = [evidence.deviation_of_test(share, values) for share in (first, last)]
    return first, last, float(DEVIATIONS * np.hypot(*deviations) / np.sqrt(count))


def _closing(evidence: Evidence, trained: pd.Series, tested: pd.Series) -> Iterator[str]:
    """What tells that the test accuracy still follows the train accuracy."""
    gap = (trained - tested).dropna()
    unknown = trained.index[trained < KNOWN]
    known = gap.loc[gap.index > unknown.max()] if len(unknown) else gap
    middle = gap.iloc[len(gap) // 2 :]
    for part in (known, middle):
        if len(part) < EPOCHS_AFTER or len(part) > len(known):
            continue
        count = _third(part)
        first, last = float(part.iloc[:count].mean()), float(part.iloc[-count:].mean())
        late = tested.loc[part.index[0] :]
        deviation = evidence.deviation_of_test(float(late.mean()), tested)
        enough = max(LEAST_CHANGE, DEVIATIONS * deviation * np.sqrt(2 / count))
        if min(first, first - last) > enough and chance_of_rise(late) < STEADY:
            yield (
                f"from epoch {part.index[0]} to the end the test accuracy follows the train "
                f"accuracy: the gap closes from {percent(first)} to {percent(last)} (means of "
                f"{count} epochs)"
            )
            return


def _end_of_errors(evidence: Evidence) -> int:
    """First epoch from which on 95 % of the train answers are right."""
    accuracy = evidence.train_accuracy()
    if accuracy is None or accuracy.iloc[-1] < NEARLY_ALL_RIGHT:
        raise TooLittleError("a train accuracy that settled above 95 %")
    wrong = accuracy.index[accuracy < NEARLY_ALL_RIGHT]
    after = accuracy.index[accuracy.index > wrong.max()] if len(wrong) else accuracy.index
    return int(after[0])


def _end_of_fall(evidence: Evidence) -> int:
    if not evidence.has("metrics.train_loss"):
        raise TooLittleError("a train loss that settled before two thirds of the epochs")
    losses = evidence.series("train_loss", at_least=2 * EPOCHS_AFTER)
    fall = losses.iloc[0] - losses.iloc[-1]
    unsettled = losses.index[(losses - losses.iloc[-1]).abs() > STILL * fall]
    after = losses.index[losses.index > unsettled.max()] if len(unsettled) else losses.index
    if fall <= 0 or len(after) <= max(EPOCHS_AFTER, len(losses) // 3):
        raise TooLittleError("a train loss that settled before two thirds of the epochs")
    return int(after[0])
