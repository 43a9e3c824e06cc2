"""Sentinels of test accuracies that are those of guessing, or of something else than the loss."""

from collections.abc import Iterator
from contextlib import suppress
from functools import cache

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from tlstudy.audit.sentinels.evidence import (
    ACCURACIES,
    ACCURACY_OF_TEST,
    ACCURACY_OF_TRAIN,
    LOSS_OF_TEST,
    Evidence,
    TooLittleError,
    accuracy_needs,
)
from tlstudy.audit.sentinels.limits import CONFIDENCE, MOSTLY_RIGHT
from tlstudy.audit.sentinels.sentinel import sentinel
from tlstudy.audit.sentinels.trends import FIFTH, end_of, in_both
from tlstudy.config.settings import STATISTICS
from tlstudy.watching.finding import percent

HALF_WAY = 0.5  # from guessing to all right: a train accuracy above shows that training works
# Without a number of classes: a tenth of the train accuracy is no more than guessing gives wherever
# that is of use.
TENTH = 0.1
# Of ln K: a train loss below has learnt something.
LEARNT = 0.75
SHARE_BELOW = 5  # a fifth of the epochs, two at least, with less right than guessing gives
# The same value to six digits, in every epoch. Where less than a tenth is wrong it takes twice the
# epochs: a few hard images of a small test set stay wrong in a sound network too.
SAME = 1e-6
EPOCHS_OF_THE_SAME = 5
LEAST_CHANGE = 0.01  # of the train loss: a network at rest gives the same answers
# Accuracies that are all so small are of no classification: a metric of classes at a regression.
NO_CLASSES = 0.02
MANY_EXAMPLES = 1000
# Of the loss's bound: weighted means of loss and accuracy may differ by so much.
MARGIN = 1.25
LEAST_EXCESS = 0.05
ORDER = (
    "Check in this order: that test inputs are prepared as the training inputs are; that the split "
    "has all classes on both sides (shuffle before you split); that the labels belong to the "
    "inputs; that BatchNorm's running statistics have settled, or recompute them."
)


@sentinel(
    "warning",
    "F1",
    needs=(
        "classes",
        f"record.final or {accuracy_needs(*STATISTICS)}",
        "record.final_test_images or metrics.test_images",
    ),
    why="A comparison with a network that guesses shows only that the other network does not "
    "guess.",
    advice="Look at the train loss. If it did not fall, the network was not trained. If it did: "
    f"{ORDER[0].lower()}{ORDER[1:]} With few test images, take more.",
)
def test_accuracy_of_guessing(evidence: Evidence) -> Iterator[str]:
    """The 95 % Clopper-Pearson interval of the test accuracy at the end reaches down to 1 / K.

    A network that guesses is found with a probability of 97.5 % at least. A better one is found
    where the test images are too few to tell: of 0.2 with fewer than 60 or so. Where the balanced
    accuracy is known its interval counts too: a network that always answers the largest class is
    often right where classes are unequal. It is that of so many answers in equal classes.
    Accuracies that are all below 2 %, in training too, are those of a regression, and are left
    alone.
    """
    if _no_classification(evidence):
        raise TooLittleError("an accuracy of classes: it is near 0 in every epoch")
    found = {"test": _last_accuracy(evidence, ACCURACIES)}
    with suppress(TooLittleError):
        found["balanced test"] = _last_accuracy(evidence, ("balanced_accuracy",))
    chance = 1 / evidence.classes
    for name, (accuracy, images) in found.items():
        low = _lowest_accuracy(round(accuracy * images), images)
        if low <= chance:
            yield (
                f"the {name} accuracy at the end is {percent(accuracy)} of {images} images, whose "
                f"95 % interval starts at {percent(low)}; guessing gives {percent(chance)}"
            )
            return


@cache
def _lowest_accuracy(right: int, images: int) -> float:
    """Of the runs of a study many have as many images right."""
    return float(binomtest(right, images).proportion_ci(CONFIDENCE).low)


def _last_accuracy(evidence: Evidence, kinds: tuple[str, ...]) -> tuple[float, int]:
    """The last accuracy with the reported statistics; with the better ones if it is unknown which.

    A network that guesses does so with either.
    """
    if evidence.batchnorm:
        return evidence.last_test_accuracy(evidence.batchnorm, kinds)
    found = []
    for statistics in STATISTICS:
        with suppress(TooLittleError):
            found.append(evidence.last_test_accuracy(statistics, kinds))
    if not found:
        raise TooLittleError("a test accuracy and its test images")
    return max(found)


def _no_classification(evidence: Evidence) -> bool:
    """Whether train and test accuracies are all near 0: of a regression, not of classes."""
    if not (evidence.has(ACCURACY_OF_TRAIN) and evidence.has(ACCURACY_OF_TEST)):
        return False
    train, test = evidence.train_accuracy(), evidence.test_values("accuracy")
    return max(train.max(), test.max()) < NO_CLASSES


def _has_many_examples(evidence: Evidence) -> bool:
    few = evidence.subset_size is not None and evidence.subset_size < MANY_EXAMPLES
    return evidence.has("metrics.train_loss") and not few


@sentinel(
    "warning",
    needs=(ACCURACY_OF_TRAIN, ACCURACY_OF_TEST),
    why="The network knows its training examples and nothing of the test examples, as if they were "
    "unrelated data.",
    advice=f"{ORDER} An accuracy far below guessing suggests that the test set has other classes.",
)
def test_guesses_though_training_does_not(evidence: Evidence) -> Iterator[str]:
    """Test values are no better than guessing beside a train accuracy that is.

    The train accuracy at the end is half way from guessing to all right, or more, and

    - the test accuracy at the end is at most 1 / K and the error of its images (of 100 if
      unknown), or a tenth of the train accuracy; or
    - it is below 1 / K by more than that error in a fifth of the epochs, two at least, in which the
      train accuracy is so high; or
    - the test loss was never below ln K, in the first fifth of the epochs neither, though the
      train loss ends below three quarters of it. A network that memorises is better than guessing
      first, unless it has few examples: of 50 digits it can learn to answer half of the test
      images, and be so sure of its mistakes that its loss stays above. So this is not for runs that
      are known to have fewer than a thousand.

    Without a number of classes only the tenth counts. Balanced accuracies count where both are
    known: of unequal classes the largest is often right by guessing.
    """
    trained, tested = evidence.train_accuracy(), evidence.test_values("accuracy")
    if evidence.has("metrics.train_balanced_accuracy"):
        with suppress(TooLittleError):
            trained, tested = (
                evidence.series("train_balanced_accuracy"),
                evidence.test_values("balanced_accuracy"),
            )
    train, test = end_of(trained), end_of(tested)
    chance = 1 / evidence.classes if evidence.classes else 0.0
    half_way = chance + HALF_WAY * (1 - chance)
    if train < half_way:
        return
    told = f"the test accuracy at the end is {percent(test)}, the train accuracy {percent(train)}"
    error = evidence.error_of_test(chance) if chance else 0.0
    if test <= max(chance + error, TENTH * train):
        yield told + (f"; guessing gives {percent(chance)}" if chance else "")
        return
    if not chance:
        return
    below = tested[(tested < chance - error) & (trained.reindex(tested.index) >= half_way)]
    if len(below) >= max(2, len(tested) / SHARE_BELOW):
        yield (
            f"{told}; in {len(below)} epochs it is {percent(below.min())} to "
            f"{percent(below.max())}, less than guessing gives, {percent(chance)}"
        )
    elif _has_many_examples(evidence) and evidence.has(LOSS_OF_TEST):
        losses, guess = evidence.test_values("loss"), float(np.log(evidence.classes))
        from_the_start = losses.index[0] <= max(1, evidence.metrics["epoch"].max() // FIFTH)
        learnt = end_of(evidence.series("train_loss")) < LEARNT * guess
        if from_the_start and learnt and losses.min() >= guess:
            yield (
                f"{told}, and the test loss was never below {losses.min():.4g} nats; guessing "
                f"gives {guess:.4g}"
            )


@sentinel(
    "warning",
    needs=(ACCURACY_OF_TEST, f"metrics.train_loss or {ACCURACY_OF_TRAIN}"),
    why="A network that learns changes some of its answers: this one gives one answer to all "
    "images, or its accuracy is not what it seems.",
    advice="Count the predictions of each class. Look for a learning rate that is too high, for "
    "units that are all dead or saturated, for labels or outputs of the wrong shape, and for "
    "classes of very unequal size.",
)
def test_accuracy_constant(evidence: Evidence) -> Iterator[str]:
    """The test accuracy is the same to six digits in all epochs, the first apart, and not 1.

    In five epochs at least, in ten where less than a tenth is wrong; and training is not over: the
    train loss varies by 1 % at least, or the train accuracy varies or is below 90 %.
    """
    late = constant_accuracy(evidence)
    if late is not None:
        level = 100 * float(late.median())
        yield (
            f"the test accuracy is {level:.4f} % in each of {len(late)} epochs, "
            f"{late.index[0]} to {late.index[-1]}"
        )


def constant_accuracy(evidence: Evidence) -> pd.Series | None:
    """The epochs of a test accuracy that never changes though training is not over, if so.

    Raises:
        TooLittleError: fewer epochs have a value.
    """
    accuracy = evidence.test_values("accuracy", EPOCHS_OF_THE_SAME)
    late = accuracy if np.ptp(accuracy.to_numpy()[:-1]) <= SAME else accuracy.iloc[1:]
    level = float(np.median(late.to_numpy()))
    enough = EPOCHS_OF_THE_SAME * (2 if level > MOSTLY_RIGHT else 1)
    if len(late) < enough or np.ptp(late.to_numpy()) > SAME or level > 1 - SAME or level < SAME:
        return None
    return late if _training_is_not_over(evidence) else None


def _training_is_not_over(evidence: Evidence) -> bool:
    if evidence.has("metrics.train_loss"):
        losses = evidence.series("train_loss")
        if np.ptp(losses) > LEAST_CHANGE * abs(losses.iloc[0]):
            return True
    accuracy = evidence.train_accuracy()
    return accuracy is not None and (np.ptp(accuracy) > SAME or accuracy.iloc[-1] < MOSTLY_RIGHT)


@sentinel(
    "note",
    needs=(ACCURACY_OF_TRAIN, ACCURACY_OF_TEST),
    why="Dropout, augmentation and means over the epoch make train values worse than the network "
    "is. Where none of them is in use, test examples may be among the training examples.",
    advice="Evaluate the training examples as the test examples are evaluated; if the difference "
    "stays, look for examples that are in both sets, or nearly so.",
)
def test_better_than_training(evidence: Evidence) -> Iterator[str]:
    """The test accuracy at the end is above the train accuracy by more than its error.

    That of its images in 99 of 100 cases; of 100 images where their number is unknown.
    """
    train, test = end_of(evidence.train_accuracy()), end_of(evidence.test_values("accuracy"))
    error = evidence.error_of_test(train)
    if test - train > error:
        yield (
            f"the test accuracy at the end is {percent(test)}, the train accuracy "
            f"{percent(train)}; so many images explain {100 * error:.1f} points"
        )


@sentinel(
    "note",
    needs=(f"metrics.train_loss or {LOSS_OF_TEST}", f"{ACCURACY_OF_TRAIN} or {ACCURACY_OF_TEST}"),
    why="Loss and accuracy are not of the same outputs and labels, or the loss is no cross-entropy "
    "of one class an example, or it is divided by too much.",
    advice="Compute both from the same outputs and labels in one place, as means over examples.",
)
def accuracy_contradicts_loss(evidence: Evidence) -> Iterator[str]:
    """More answers are wrong than the cross-entropy allows, or none of its fall reached them.

    A wrong answer has a probability of one half at most, so it costs ln 2 nats at least, and the
    share of wrong ones is at most loss / ln 2. That is exact for plain cross-entropy in nats. The
    other way round, a train loss that falls to half while the train accuracy gains nothing is of
    something else. Accuracies below 2 % are left alone: they are of a regression.
    """
    for name in ("train", "test"):
        with suppress(TooLittleError):
            loss, accuracy = _plain(evidence, name)
            losses, right = in_both(loss, accuracy)
            late = slice(-max(1, len(losses) // FIFTH), None)
            if not len(losses) or accuracy.max() < NO_CLASSES:
                continue
            at_end = losses[late].mean()
            wrong, allowed = 1 - right[late].mean(), at_end / np.log(2)
            if wrong > max(MARGIN * allowed, allowed + LEAST_EXCESS):
                yield (
                    f"{percent(wrong)} of the {name} answers at the end are wrong, and a {name} "
                    f"loss of {at_end:.4g} nats allows {percent(max(allowed, 0))}"
                )
                return
    if evidence.has("metrics.train_loss") and evidence.has(ACCURACY_OF_TRAIN):
        loss, accuracy = evidence.series("train_loss"), evidence.train_accuracy()
        first, last = accuracy.iloc[0], end_of(accuracy)
        if (
            len(accuracy) >= EPOCHS_OF_THE_SAME
            and end_of(loss) < loss.iloc[0] / 2
            and NO_CLASSES < last <= first
            and first < MOSTLY_RIGHT
        ):
            yield (
                f"the train loss falls from {loss.iloc[0]:.4g} to {end_of(loss):.4g} while the "
                f"train accuracy goes from {percent(first)} to {percent(last)}"
            )


def _plain(evidence: Evidence, name: str) -> tuple[pd.Series, pd.Series]:
    """Loss and plain accuracy: balanced accuracy has no such bound."""
    if name == "train":
        if not evidence.has("metrics.train_accuracy") or not evidence.has("metrics.train_loss"):
            raise TooLittleError("a train loss and a train accuracy")
        return evidence.series("train_loss"), evidence.series("train_accuracy")
    for statistics in STATISTICS:
        columns = [f"test_{kind}_{statistics}" for kind in ("loss", "accuracy")]
        if all(evidence.has(f"metrics.{column}") for column in columns):
            loss, accuracy = (evidence.series(column) for column in columns)
            return loss, accuracy
    raise TooLittleError("a test loss and a test accuracy")
