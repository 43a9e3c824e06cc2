"""Sentinels of losses by their level: of guessing, flat, or higher than the accuracy explains."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from tlstudy.audit.sentinels.evidence import (
    ACCURACY_OF_TEST,
    ACCURACY_OF_TRAIN,
    LOSS_OF_TEST,
    Evidence,
)
from tlstudy.audit.sentinels.limits import (
    DEVIATIONS,
    FEW_IMAGES,
    MOSTLY_RIGHT,
    NEARLY_ALL_RIGHT,
    STEADY,
)
from tlstudy.audit.sentinels.sentinel import percent, sentinel
from tlstudy.audit.sentinels.softmax import loss_of_calibrated
from tlstudy.audit.sentinels.trends import chance_of_rise, end_of, noise, starts_late

EPOCHS = 3
# Two hundredths below ln K: a network that knows no more than how often each of ten classes occurs
# among 200 examples is 0.02 nats below, (K - 1) / 2N; one that knows more is far below.
AT_GUESSING = 0.02
HIGHEST = 1.1  # times ln K, where no accuracy tells that the loss is of classes
FLAT = 0.01  # of the second epoch's loss
EPOCHS_FLAT = 5
# Of the first epoch's loss: a network that learns nearly all in the first epoch rests too.
STILL_HIGH = 0.5
GAINED = 0.01  # of accuracy since the second epoch
# At 95 % right and more. A label smoothing of 0.1 adds less than this to the loss of logits that
# are as sure as they are right: 0.29 ln K for two classes, 0.22 for ten, 0.15 for a thousand.
HIGH = 0.3  # of ln K
# Jumps: a tenth of the level and of the whole fall from epoch to epoch. Two runs that end an epoch
# apart then differ by that.
JUMPS = 0.1
EPOCHS_OF_JUMPS = 8


@sentinel(
    "warning",
    "F1",
    needs=("classes", "metrics.train_loss"),
    why="The network answers as if it saw no input: nothing was learnt from the examples.",
    advice="Check that the optimiser holds the network's parameters, that gradients reach the "
    "first layers (sigmoids and missing normalisation let them vanish), that labels belong to the "
    "inputs, and that the learning rate is neither too low nor too high.",
)
def loss_of_guessing(evidence: Evidence) -> Iterator[str]:
    """The train loss was never more than 2 % below ln K, and ends near it.

    The train accuracy, where it is known, must be that of guessing too, within the error of 100
    examples; else the loss at the end must be at most a tenth above ln K.
    """
    losses, guess = evidence.series("train_loss", EPOCHS), float(np.log(evidence.classes))
    if losses.min() < (1 - AT_GUESSING) * guess:
        return
    accuracy, chance = evidence.train_accuracy(), 1 / evidence.classes
    if accuracy is None:
        if end_of(losses) > HIGHEST * guess:
            return
    elif end_of(accuracy) > chance + DEVIATIONS * np.sqrt(chance * (1 - chance) / FEW_IMAGES):
        return
    yield (
        f"the train loss is {end_of(losses):.4g} nats at the end and was never below "
        f"{losses.min():.4g}; guessing one of {evidence.classes} classes gives {guess:.4g}"
    )


@sentinel(
    "note",
    needs=("metrics.train_loss",),
    why="Nothing is learnt any more from the second epoch on. So rests a network that gives one "
    "answer to all examples, and one whose learning rate is far too high or too low.",
    advice="Look at the answers, at the learning rate by epoch, and at the gradient norm.",
)
def flat_since_the_second_epoch(evidence: Evidence) -> Iterator[str]:
    """The train loss falls from the first epoch to the second, and then no more: less than 1 %.

    In five epochs at least, from the start of a training on, at more than half of the first loss,
    and with a train accuracy under 90 % that gains less than a point. A fall that is steady
    (Mann-Kendall, 5 %) is none of it.
    """
    losses = evidence.series("train_loss", EPOCHS_FLAT + 1)
    since = losses.iloc[1:]
    level = abs(float(since.iloc[0]))
    fell = losses.iloc[0] - end_of(losses) > FLAT * abs(losses.iloc[0])  # else it never fell
    if starts_late(losses) or not fell or abs(since.iloc[-1] - since.iloc[0]) > FLAT * level:
        return
    if np.ptp(since) > 2 * FLAT * level or since.median() < STILL_HIGH * losses.iloc[0]:
        return
    accuracy = evidence.train_accuracy()
    if accuracy is not None and (
        end_of(accuracy) > MOSTLY_RIGHT or end_of(accuracy) - accuracy.iloc[:2].iloc[-1] > GAINED
    ):
        return
    if chance_of_rise(-since) >= STEADY:
        yield (
            f"the train loss is {losses.iloc[0]:.4g} in epoch {losses.index[0]} and "
            f"{since.min():.4g} to {since.max():.4g} in the {len(since)} epochs after it"
        )


@sentinel(
    "note",
    needs=("classes", "metrics.train_loss", ACCURACY_OF_TRAIN),
    why="The logged loss has something else in it, such as a penalty on the weights, or it is a "
    "sum: it compares with no plain cross-entropy.",
    advice="Log the cross-entropy apart from what is added to it. Label smoothing and mixed "
    "examples raise it too.",
)
def loss_too_high_for_its_accuracy(evidence: Evidence) -> Iterator[str]:
    """The train loss at the end is above ln K at an accuracy half way from guessing to all right.

    Or, with 95 % right, above the loss of logits that are as sure as they are right by 0.3 ln K.
    """
    loss, accuracy = end_of(evidence.series("train_loss")), end_of(evidence.train_accuracy())
    guess = float(np.log(evidence.classes))
    half_way = (1 + 1 / evidence.classes) / 2
    excess = loss - float(loss_of_calibrated(pd.Series([accuracy]), evidence.classes).iloc[0])
    learnt = excess > HIGH * guess and accuracy >= NEARLY_ALL_RIGHT
    if (loss > guess and accuracy >= half_way) or learnt:
        yield (
            f"the train loss at the end is {loss:.4g} nats with {percent(accuracy)} of the answers "
            f"right; guessing gives {guess:.4g}"
        )


@sentinel(
    "note",
    needs=(
        f"metrics.train_loss or {LOSS_OF_TEST}",
        f"{ACCURACY_OF_TRAIN} or {ACCURACY_OF_TEST} or {LOSS_OF_TEST}",
    ),
    why="A run that ends an epoch earlier or later would be another one.",
    advice="Lower the learning rate or let it fall towards the end; take larger batches, and more "
    "test examples; report a mean over the last epochs.",
)
def oscillation(evidence: Evidence) -> Iterator[str]:
    """A loss jumps from epoch to epoch by a tenth of its level and of its whole fall.

    By its deviation about its trend in the last half of the epochs, eight at least.
    """
    for name in ("train", "test"):
        if name == "train":
            known = evidence.has("metrics.train_loss")
            losses = evidence.series("train_loss") if known else None
        else:
            losses = evidence.test_values("loss") if evidence.has(LOSS_OF_TEST) else None
        if losses is None or len(losses) < EPOCHS_OF_JUMPS:
            continue
        late = losses.iloc[len(losses) // 2 :]
        jumps, fall = noise(late), losses.iloc[0] - losses.min()
        if jumps > JUMPS * max(abs(late.median()), fall):
            yield (
                f"the {name} loss varies by {jumps:.3g} from epoch to epoch about "
                f"{late.median():.4g}"
            )
