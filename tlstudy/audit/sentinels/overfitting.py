"""Sentinels of test curves that turn: overfitting, a lost peak, an end that came too soon."""

from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pandas as pd

from tlstudy.audit.sentinels.evidence import (
    ACCURACY_OF_TEST,
    LOSS_OF_TEST,
    Evidence,
    TooLittleError,
)
from tlstudy.audit.sentinels.guessing import constant_accuracy
from tlstudy.audit.sentinels.limits import STEADY
from tlstudy.audit.sentinels.sentinel import sentinel
from tlstudy.audit.sentinels.trends import FIFTH, Decline, chance_of_rise, decline, end_of, noise
from tlstudy.watching.finding import percent

# Prechelt (1998, Early stopping - but when?) stops at a test loss 1 to 5 % above its least. Twice
# the largest of these is no matter of taste any more.
RISE = 0.1  # of the least test loss
# A loss that is never near 0, as of a next word or a click, may lose all that it had learnt without
# rising by a tenth: half of the fall counts too, if it is more than Prechelt's smallest rise twice.
LOST = 0.5  # of the fall from the first to the least test loss
LEAST_LOST = 0.02  # of the least test loss
# Nor is a tenth of a least loss near 0 anything beside what was learnt before.
LEAST_OF_FALL = 0.02
# Chance that noise about a level rises so steadily from its least value on. One curve in a hundred
# may pass. Few epochs can be no surer than one in six (four values that all rise, somewhere in
# five), so there the rise must be four times as large. Eight values of noise are 2.8 deviations
# apart on average, and four in one of twenty draws: the noise would have to be above a tenth of the
# level, which is an `oscillation`, to make such a rise.
UNLIKELY = 0.01
UNLIKELY_IF_LARGE = 1 / 6
LARGE = 4
# Accuracy: five points lost are more than seeds differ by (3.9 points of the published study), and
# more than anybody would give for an epoch less.
FELL = 0.05
EPOCHS = 4  # fewer test values have no course
LEAST_WHOLE_FALL = 0.01  # of the first loss, as for `train-loss-did-not-fall`
STILL = 0.05  # of the whole improvement, in the last fifth of the epochs: what is still to come
FAR = 2 / 3  # of the epochs


@sentinel(
    "warning",
    needs=("metrics.train_loss", LOSS_OF_TEST),
    why="From there on the network learns its training examples by heart, and grows surer of its "
    "mistakes: its last epoch is not its best.",
    advice="Stop earlier by a validation set, take more or augmented data, or regularise more; "
    "report which epoch's weights are used.",
)
def overfitting(evidence: Evidence) -> Iterator[str]:
    """The test loss rises from its least to the end, while the train loss falls.

    It rises by a tenth of its least, or by half of what it had fallen (2 % of its least, and more
    than noise does in one of a hundred curves); by 2 % of that fall in any case; and so steadily
    that one in a hundred curves of noise does, or one in six if it rises by four times as much.
    That is the chance of the whole procedure, in which the least is chosen. The end is the median
    of the last fifth, the least a mean of three epochs where there are ten. The least may be the
    first epoch. A loss that goes to 0 or below, as a density's does, has no scale but its fall: it
    rises by half of that, or, if it never fell, by half of what the train loss falls from there on.
    It says nothing where `test-accuracy-constant` does: such a test tells nothing of overfitting.
    """
    test = evidence.test_values("loss", EPOCHS)
    train = evidence.series("train_loss", EPOCHS)
    found = decline(test)
    fall = max(float(test.iloc[0]) - found.best, 0.0)
    before, after = _at(train, found.epoch), end_of(train)
    least = float(test.loc[found.epoch])
    if least > 0:
        enough = RISE * found.best
        if fall > 0:
            # What noise alone loses again was never learnt.
            unsure = np.nan_to_num(found.spread * noise(test))
            enough = min(enough, max(LOST * fall, LEAST_LOST * found.best, unsure))
    else:
        enough = LOST * (fall or before - after)
    enough = max(enough, LEAST_OF_FALL * fall)
    steady = _is_steady(found, max(enough, RISE * found.best))
    with suppress(TooLittleError):
        if evidence.has(ACCURACY_OF_TEST) and constant_accuracy(evidence) is not None:
            return
    if after < before and found.rise > enough and steady:
        more = f", {percent(found.end / least - 1, 0)} more," if least > 0 else ","
        yield (
            f"the test loss is least in epoch {found.epoch}, {least:.4g}, and {found.end:.4g} "
            f"at the end{more} while the train loss falls from {before:.4g} to {after:.4g} "
            f"(ends: the last fifth){_of_accuracy(evidence, found.epoch)}"
        )


def _of_accuracy(evidence: Evidence, epoch: int) -> str:
    """What the test accuracy does after an epoch, if it rises by more than noise."""
    if not evidence.has(ACCURACY_OF_TEST):
        return ""
    accuracy = evidence.test_values("accuracy", 1)
    then, now = _at(accuracy, epoch), end_of(accuracy)
    if now - then <= evidence.deviation_of_test(now):
        return ""
    rises = f"the test accuracy rises from {percent(then)} to {percent(now)}"
    return f"; {rises}, so the answers get surer, not worse: choose the epoch by what you report"


def _is_steady(found: Decline, enough: float) -> bool:
    """Whether a rise is steadier than noise, or nearly so and much larger than it must be."""
    large = found.rise > LARGE * enough
    return found.chance < UNLIKELY or (large and found.of_either < UNLIKELY_IF_LARGE)


def _at(values: pd.Series, epoch: int) -> float:
    """The value of an epoch, or of the last one before it that has one, or the first."""
    before = values.loc[:epoch]
    return float(before.iloc[-1] if len(before) else values.iloc[0])


@sentinel(
    "warning",
    needs=(ACCURACY_OF_TEST,),
    why="The network knew more than what is left at the end.",
    advice="Look where the learning rate is too high for the end of the training, or where the "
    "test loss rises; keep the weights of the best epoch of a validation set.",
)
def test_accuracy_fell(evidence: Evidence) -> Iterator[str]:
    """The test accuracy ends five points or more below its best, and steadily so.

    Least, end and steadiness as for overfitting; the fall must also be larger than noise makes it
    in one of a hundred curves, the best of many epochs being chosen: the noise of the test images
    (of 100 where their number is unknown), or of the curve if it is larger.
    """
    accuracy = evidence.test_values("accuracy", EPOCHS)
    found = decline(1 - accuracy)
    enough = max(FELL, _noise(evidence, accuracy, found))
    if found.rise > enough and _is_steady(found, FELL):
        yield (
            f"the test accuracy is best in epoch {found.epoch}, "
            f"{percent(accuracy.loc[found.epoch])}, and {percent(1 - found.end)} at the end"
        )


def _noise(evidence: Evidence, accuracy: pd.Series, found: Decline) -> float:
    """How far noise ends below its best, in 99 of 100 curves."""
    return found.spread * evidence.deviation_of_test(1 - found.end, accuracy)


@sentinel(
    "note",
    needs=(f"{LOSS_OF_TEST} or metrics.train_loss",),
    why="At the end of such a training, a comparison shows how fast networks learn, not how far.",
    advice="Train longer, or compare at the same budget and say so.",
)
def still_improving(evidence: Evidence) -> Iterator[str]:
    """The loss falls to the end: 5 % of its whole fall in the last fifth of the epochs.

    Of the test loss, else of the train loss; it falls steadily over the last half. A loss that
    never fell by 1 % does not improve: `train-loss-did-not-fall` speaks of such a train loss.
    """
    name = "test" if evidence.has(LOSS_OF_TEST) else "train"
    values = (
        evidence.test_values("loss", EPOCHS)
        if name == "test"
        else evidence.series("train_loss", EPOCHS)
    )
    last = max(1, len(values) // FIFTH)
    before, fall = float(values.iloc[-2 * last : -last].mean()), values.iloc[0] - values.min()
    if fall < LEAST_WHOLE_FALL * abs(values.iloc[0]):
        return
    late = values.iloc[len(values) // 2 :]
    if before - end_of(values) > STILL * fall > 0 and chance_of_rise(-late) < STEADY:
        yield (
            f"the {name} loss falls from {before:.4g} to {end_of(values):.4g} in the last {last} "
            f"of {len(values)} epochs, {percent((before - end_of(values)) / fall, 0)} of its whole "
            "fall"
        )


@sentinel(
    "note",
    needs=(f"{LOSS_OF_TEST} or {ACCURACY_OF_TEST}",),
    why="The network of the last epoch is then not the best one of this training.",
    advice="Choose the epoch on a validation set, not on the test set; report which it was.",
)
def best_epoch_far_from_the_last(evidence: Evidence) -> Iterator[str]:
    """The best test value is in the first two thirds of the epochs, and the end is worse.

    By accuracy, and by more than two points and more than noise, as for `test-accuracy-fell`; else
    by loss, and by more than 2 % of its fall.
    """
    if evidence.has(ACCURACY_OF_TEST):
        values, name = 1 - evidence.test_values("accuracy", EPOCHS), "accuracy"
        found = decline(values)
        worse = found.rise > max(LEAST_LOST, _noise(evidence, 1 - values, found))
    else:
        values, name = evidence.test_values("loss", EPOCHS), "loss"
        found = decline(values)
        worse = found.rise > LEAST_OF_FALL * (values.iloc[0] - found.best) > 0
    place = values.index.get_loc(found.epoch) + 1
    if worse and place <= FAR * len(values):
        yield (
            f"the best test {name} is that of epoch {found.epoch}, the last is {values.index[-1]}"
        )
