"""Sentinel of a softmax before the cross-entropy, which takes one itself (F7)."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from tlstudy.audit.sentinels.evidence import LOSS_OF_TEST, Evidence, TooLittleError
from tlstudy.audit.sentinels.limits import MOST_CLASSES, NEARLY_ALL_RIGHT, STEADY
from tlstudy.audit.sentinels.sentinel import sentinel
from tlstudy.audit.sentinels.trends import FIFTH, chance_of_rise
from tlstudy.config.settings import STATISTICS

AT_FLOOR = 0.005  # nats above the floor, and the errors that are left
RIGHT = 0.98
AT_FLOOR_UNSEEN = 0.01  # nats, where no accuracy is known
EPOCHS_OF_A_FLOOR = 5
# A single loss at an accuracy of 1: a loss of logits is nearly 0 there, and one in a thousand or so
# of those between 0 and 1 nat would be so near to the floor.
AT_FLOOR_ONCE = 0.0005
ROUNDING = 1e-3  # nats, below the floor: losses are printed and summed with few digits
# The line floor + 1 - accuracy. Outputs that are all 0 or 1 lie on it; means over an epoch of
# unequal batches may lie below by this much.
BELOW_LINE = 0.02  # nats
# Outputs that are not quite 0 and 1 lie above the line. Those of a network that is as sure as it
# is right give the true class a probability that is lower than the accuracy a by a (1 - a) at most,
# and the loss falls by no more than a nat for each of it. That is 0.16 at an accuracy of 0.8, and
# 0.05 at 0.95; networks that are not yet so sure need more. Logits that are as sure as they are
# right must be lower by 0.2 nats. Those with a label smoothing of 0.1 are far below the line then:
# two classes at an accuracy of 0.97 have 0.06 nats less. With fewer than four classes the two are
# near to each other, and with noisy labels they meet (two classes: up to an accuracy of 0.86): only
# a run that is on the line for half of its epochs counts, and what is nearer to it.
MANY_CLASSES = 4
ABOVE_LINE = {True: 0.2, False: 0.05}  # nats: many classes, few
ABOVE_IF_RIGHT = 0.1  # at 95 % right and more, where accuracies differ too little to correlate
APART = 0.2  # nats, from the loss of logits that are as sure as they are right
TELLING = 0.05  # nats, the same for the epochs of the correlation
SHARE = {  # the last fifth of the epochs with many classes, the last half with few
    True: 5,
    False: 2,
}
RESTS = 0.02  # nats, between the two halves of these epochs
DIFFERENT = 0.05  # how far accuracies must differ: a stuck run is one point, and that is chance
FOLLOWS = -0.8  # correlation of loss and accuracy
POINTS = 5  # fewer correlate by chance
# Where the number of classes is unknown, the points themselves must be a line: loss + accuracy then
# varies by less than a fifth of what the accuracy does (a slope of -0.8 to -1.2; that of logits is
# -1 at a single accuracy, 1 / (1 + (K - 1) / e), and there the two losses are equal). Accuracies
# must differ by two points, and the line must be that of a whole number of classes.
DIFFERENT_UNKNOWN = 0.02
STRAIGHT = 0.2
WHOLE = 0.03  # nats from the line of a whole number, as of outputs that are nearly 0 or 1
# Or the loss has come to rest at the floor of a whole number of classes: its least is AT_FLOOR_ONCE
# from it. Floors of up to twenty classes are 0.046 nats or more apart, so one in fifty losses that
# rest anywhere is so near to one of them, by chance.
TOLD_BY_FLOOR = 20


@sentinel(
    "error",
    "F7",
    needs=(f"training or metrics.train_loss or {LOSS_OF_TEST}",),
    why="The loss is confined to one nat, its gradients vanish where the network is surely "
    "wrong, and it compares with no loss of logits.",
    advice="Leave the softmax out of the network: the cross-entropy of PyTorch takes logits. If "
    "only the test loss is so, evaluate with the logits too.",
)
def loss_of_softmax_outputs(evidence: Evidence) -> Iterator[str]:
    """Cross-entropy of softmax outputs: by the settings, or by the bounds of train or test loss.

    Outputs from 0 to 1 confine the loss to [floor, floor + 1], floor = ln(1 + (K - 1) / e),
    which is 1.4612 for ten classes. From a series alone it is found if every loss is within these
    bounds and the last fifth of the epochs (five at least) stays at one of them:

    - at the floor, with 98 % of the examples right, where that is known, and within 0.005 nats of
      floor + 1 - accuracy; without accuracies within 0.01 nats; a single epoch in which all are
      right will do within 0.0005 nats;
    - on the line floor + 1 - accuracy, the loss of outputs that are all 0 or 1, and at rest beside
      it: up to 0.2 nats above it with four classes or more; with fewer classes for half of the
      epochs, and up to 0.05 nats; and where logits that are as sure as they are right would be
      lower by 0.2. Loss and accuracy must correlate by -0.8 or more over epochs whose accuracies
      differ by 5 points at least; or the accuracy stays above 95 %, as that of no stuck run, and
      the loss within 0.1 nats.

    Where the number of classes is unknown it is derived from the points: loss + accuracy is
    c = ln(K - 1 + e) on the line, so K = 1 + e^c - e. Or the loss rests within 0.0005 nats of the
    floor of twenty classes or less. Where neither is so nothing is assumed, and the series is not
    judged.

    A loss of logits may pass through either, but it does not stay there. Label smoothing has a
    floor of its own, which is lower for all but a smoothing of a third and more.
    """
    if evidence.training is not None and evidence.training.head == "softmax":
        floor = softmax_floor(evidence.classes or evidence.training.target.outputs)
        yield (
            "the settings put softmax before the cross-entropy, which confines the loss to "
            f"{floor:.4f} to {floor + 1:.4f} nats"
        )
        return
    looked, lacking = evidence.training is not None, ""
    for name, loss, accuracy in _series(evidence):
        try:
            classes = evidence.classes or _classes_of(loss, accuracy)
            told = _told(loss, accuracy, classes)
        except TooLittleError as error:
            lacking = str(error)
            continue
        looked = True
        if told:
            derived = "" if evidence.classes else f"; that tells {classes} classes"
            yield f"the {name} loss {told}{derived}"
            return
    if not looked:
        raise TooLittleError(lacking)


def _series(evidence: Evidence) -> Iterator[tuple[str, pd.Series, pd.Series | None]]:
    """Name, losses and accuracies by epoch: of the training, then of the test."""
    if evidence.has("metrics.train_loss"):
        yield "train", evidence.series("train_loss"), evidence.train_accuracy()
    for statistics in STATISTICS:
        if evidence.has(f"metrics.test_loss_{statistics}"):
            column = f"test_accuracy_{statistics}"
            accuracy = evidence.series(column) if evidence.has(f"metrics.{column}") else None
            yield "test", evidence.series(f"test_loss_{statistics}"), accuracy
            return


def _classes_of(loss: pd.Series, accuracy: pd.Series | None) -> int:
    """Number of classes of the line on which the last half of the epochs lie, or of the floor.

    The floor tells it where the loss has come to rest there: it does not fall any more, and nearly
    all answers are right where that is known.

    Raises:
        TooLittleError: they lie on none.
    """
    # In arrays, as there may be thousands of runs.
    losses, right = loss.to_numpy(float), np.ones(len(loss))
    if accuracy is not None:
        right = accuracy.reindex(loss.index).to_numpy(float)
        losses, right = losses[~np.isnan(right)], right[~np.isnan(right)]
    losses, right = (part[-max(POINTS, len(losses) // 2) :] for part in (losses, right))
    sums = losses + right
    if len(sums) >= POINTS and np.ptp(right) >= DIFFERENT_UNKNOWN:
        line = float(sums.mean())
        classes = _whole_number(line - 1)
        straight = sums.std(ddof=1) <= STRAIGHT * right.std(ddof=1)
        if straight and abs(line - 1 - softmax_floor(classes)) <= WHOLE:
            return classes
    elif len(sums):
        least = float(sums.min()) - 1
        classes = _whole_number(least)
        touches = abs(least - softmax_floor(classes)) <= AT_FLOOR_ONCE
        touches &= classes <= TOLD_BY_FLOOR
        if touches and right.min() > RIGHT and chance_of_rise(pd.Series(-losses)) >= STEADY:
            return classes
    raise TooLittleError("the number of classes (--classes)")


def _whole_number(floor: float) -> int:
    """The number of classes, two at least, with the nearest floor."""
    return max(2, round(min(1 + np.e * np.expm1(min(floor, 20.0)), MOST_CLASSES)))


def _told(loss: pd.Series, accuracy: pd.Series | None, classes: int) -> str:
    """What shows softmax outputs in a series; empty if nothing does.

    Raises:
        TooLittleError: there are fewer than five epochs, and no single one will do.
    """
    floor = softmax_floor(classes)
    losses = loss.to_numpy(float)
    if losses.min() < floor - ROUNDING or losses.max() > floor + 1 + ROUNDING:
        return ""
    if accuracy is not None:
        accuracy = accuracy.reindex(loss.index)
        perfect = loss[accuracy == 1]
        if len(perfect) and ((perfect - floor).abs() <= AT_FLOOR_ONCE).all():
            return (
                f"is {perfect.iloc[-1]:.5f} nats where all answers are right: {floor:.5f} is the "
                "least that softmax outputs can have"
            )
    if len(loss) < EPOCHS_OF_A_FLOOR:
        raise TooLittleError(f"{EPOCHS_OF_A_FLOOR} epochs with a loss")
    late = loss.iloc[-max(EPOCHS_OF_A_FLOOR, len(loss) // FIFTH) :]
    told = f"is {late.min():.5f} to {late.max():.5f} nats in the last {len(late)} epochs"
    if accuracy is None:
        at_rest = (late <= floor + AT_FLOOR_UNSEEN).all()
        return f"{told}: it rests on {floor:.5f}, the least of softmax outputs" if at_rest else ""
    right = accuracy.reindex(late.index)
    if (right > RIGHT).all() and ((late - (floor + 1 - right)).abs() <= AT_FLOOR).all():
        return f"{told}: it rests on {floor:.5f}, the least that softmax outputs can have"
    if _on_the_line(loss, accuracy, classes):
        return (
            f"{told} at an accuracy of {right.min():.2f} to {right.max():.2f}, and follows "
            f"{floor + 1:.4f} less the accuracy, as of softmax outputs that are nearly 0 or 1"
        )
    return ""


def _on_the_line(loss: pd.Series, accuracy: pd.Series, classes: int) -> bool:
    """Whether the loss rests on the line, where logits would have a lower one."""
    many = classes >= MANY_CLASSES
    above = loss - (softmax_floor(classes) + 1 - accuracy)
    telling = loss - loss_of_calibrated(accuracy, classes) >= APART
    late = loss.iloc[-max(EPOCHS_OF_A_FLOOR, len(loss) // SHARE[many]) :]
    half = len(late) // 2
    # Beside the line: the loss of softmax outputs may still fall along it.
    rests = abs(above[late.index[:half]].mean() - above[late.index[-half:]].mean()) <= RESTS
    near = above[late.index].between(-BELOW_LINE, ABOVE_LINE[many]).all()
    if not (rests and near and telling[late.index].all()):
        return False
    if (accuracy[late.index] >= NEARLY_ALL_RIGHT).all():
        return bool((above[late.index] <= ABOVE_IF_RIGHT).all())
    higher = loss - loss_of_calibrated(accuracy, classes) >= TELLING
    loss, accuracy = loss[higher], accuracy[higher]
    if len(loss) < POINTS or np.ptp(accuracy) < DIFFERENT or np.ptp(loss) == 0:
        return False
    return float(np.corrcoef(loss, accuracy)[0, 1]) <= FOLLOWS


def softmax_floor(classes: int) -> float:
    """Least cross-entropy of softmax outputs in nats: one output 1, the others 0."""
    return float(np.log1p((classes - 1) / np.e))


def loss_of_calibrated(accuracy: pd.Series | float, classes: int) -> pd.Series | float:
    """Cross-entropy in nats of a network that is as sure as it is right, in every answer.

    It gives its answer the probability a, the accuracy, and the other classes the rest evenly:
    -a ln a - (1 - a) ln((1 - a) / (K - 1)).
    """
    right = np.clip(accuracy, 1e-9, 1 - 1e-9)
    wrong = 1 - right
    return -right * np.log(right) - wrong * np.log(wrong / max(classes - 1, 1))
