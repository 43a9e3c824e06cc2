"""Sentinels of losses by their level: of guessing, flat, or higher than the accuracy explains."""

from collections.abc import Iterator

import numpy as np

from tlstudy.audit.sentinels.evidence import (
    ACCURACY_OF_TEST,
    ACCURACY_OF_TRAIN,
    LOSS_OF_TEST,
    Evidence,
    TooLittleError,
)
from tlstudy.audit.sentinels.limits import (
    DEVIATIONS,
    FEW_IMAGES,
    MOST_CLASSES,
    MOSTLY_RIGHT,
    NEARLY_ALL_RIGHT,
    STEADY,
)
from tlstudy.audit.sentinels.sentinel import sentinel
from tlstudy.audit.sentinels.softmax import loss_of_calibrated
from tlstudy.audit.sentinels.trends import chance_of_rise, end_of, noise, starts_late
from tlstudy.watching.finding import percent

EPOCHS = 3
# Two hundredths below ln K: a network that knows no more than how often each of ten classes occurs
# among 200 examples is 0.02 nats below, (K - 1) / 2N; one that knows more is far below.
AT_GUESSING = 0.02
HIGHEST = 1.1  # times ln K, where no accuracy tells that the loss is of classes
HIGHEST_IF_GUESSING = (
    2.0  # times ln K; random outputs of a deviation of 2 cost that for ten classes
)
FLAT = 0.01  # of the second epoch's loss
EPOCHS_FLAT = 5
# Of the first epoch's loss: a network that learns nearly all in the first epoch rests too.
STILL_HIGH = 0.5
GAINED = 0.01  # of accuracy since the second epoch
# At 95 % right and more. A label smoothing of 0.1 adds less than this to the loss of logits that
# are as sure as they are right: 0.29 ln K for two classes, 0.22 for ten, 0.15 for a thousand.
HIGH = 0.3  # of ln K
# Jumps: a tenth of the level and of the whole fall from epoch to epoch. Two runs that end an epoch
# apart then differ by that. Half of it is as bad where it is more than all that was learnt.
JUMPS = 0.1
JUMPS_OF_NO_FALL = 0.05
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

    The loss at the end must be at most a tenth above ln K; up to twice ln K will do where the train
    accuracy is known and that of guessing, within the error of 100 examples. A loss that is larger
    is not that of a network without an answer, but of one that is sure of wrong ones: it diverged,
    or never was in the unit that it seems.
    """
    losses, guess = evidence.series("train_loss", EPOCHS), float(np.log(evidence.classes))
    if losses.min() < (1 - AT_GUESSING) * guess:
        return
    accuracy, chance = evidence.train_accuracy(), 1 / evidence.classes
    if end_of(losses) > (HIGHEST if accuracy is None else HIGHEST_IF_GUESSING) * guess:
        return
    if accuracy is not None and end_of(accuracy) > chance + DEVIATIONS * np.sqrt(
        chance * (1 - chance) / FEW_IMAGES
    ):
        return
    yield (
        f"the train loss is {end_of(losses):.4g} nats at the end and was never below "
        f"{losses.min():.4g}; guessing one of {evidence.classes} classes gives {guess:.4g}"
    )


@sentinel(
    "note",
    needs=("metrics.train_loss",),
    why="The network learns nothing more from the second epoch on. That happens if it gives one "
    "answer to all examples, or if its learning rate is far too high or too low.",
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
    needs=("metrics.train_loss", ACCURACY_OF_TRAIN),
    why="The logged loss has something else in it, such as a penalty on the weights, or it is a "
    "sum: it compares with no plain cross-entropy.",
    advice="Log the cross-entropy apart from what is added to it. Label smoothing and mixed "
    "examples raise it too.",
)
def loss_too_high_for_its_accuracy(evidence: Evidence) -> Iterator[str]:
    """The train loss at the end is above ln K at an accuracy half way from guessing to all right.

    Or above the loss of logits that are as sure as they are right by 0.3 ln K: with 95 % right, or,
    half way and more, if the test loss is too. A network that is not yet sure, or that has learnt
    by heart, has only one of them so high. Without a number of classes ln 250,000 is taken, 12.4
    nats, and an accuracy of 75 %, which is half way for any number.
    """
    loss, accuracy = end_of(evidence.series("train_loss")), end_of(evidence.train_accuracy())
    classes = evidence.classes or MOST_CLASSES
    guess = float(np.log(classes))
    half_way = (1 + 1 / (evidence.classes or 2)) / 2
    if accuracy < half_way:
        if not evidence.classes:
            raise TooLittleError("the number of classes (--classes)")
        return
    high = _excess(loss, accuracy, classes) > HIGH * guess
    if high and accuracy < NEARLY_ALL_RIGHT:
        high = evidence.has(LOSS_OF_TEST) and evidence.has(ACCURACY_OF_TEST)
        if high:
            tested = [end_of(evidence.test_values(name)) for name in ("loss", "accuracy")]
            high = _excess(*tested, classes) > HIGH * guess
    if loss > guess or high:
        known = f"guessing gives {guess:.4g}" if evidence.classes else "no guessing costs so much"
        yield (
            f"the train loss at the end is {loss:.4g} nats with {percent(accuracy)} of the answers "
            f"right; {known}"
        )
    elif not evidence.classes:
        raise TooLittleError("the number of classes (--classes)")


def _excess(loss: float, accuracy: float, classes: int) -> float:
    """Nats above the loss of logits that are as sure as they are right."""
    return loss - float(loss_of_calibrated(accuracy, classes))


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

    Or by a twentieth of its level and more than it has fallen. By its deviation about its trend in
    the last half of the epochs, eight at least.
    """
    looked = False
    for name in ("train", "test"):
        if name == "train":
            known = evidence.has("metrics.train_loss")
            losses = evidence.series("train_loss") if known else None
        else:
            losses = evidence.test_values("loss") if evidence.has(LOSS_OF_TEST) else None
        if losses is None or len(losses) < EPOCHS_OF_JUMPS:
            continue
        looked = True
        numbers, late = losses.to_numpy(), losses.iloc[len(losses) // 2 :]
        jumps, fall = noise(late), numbers[0] - numbers.min()
        middle = float(np.median(late.to_numpy()))
        level = abs(middle)
        learnt_less = jumps > max(JUMPS_OF_NO_FALL * level, numbers[0] - middle)
        if jumps > JUMPS * max(level, fall) or learnt_less:
            yield (f"the {name} loss varies by {jumps:.3g} from epoch to epoch about {middle:.4g}")
    if not looked:
        raise TooLittleError(f"{EPOCHS_OF_JUMPS} epochs with a loss")
