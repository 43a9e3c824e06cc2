"""Sentinels of the train loss's fall and of reported values."""

from collections.abc import Iterator
from decimal import Decimal

import numpy as np
import pandas as pd

from tlstudy.audit.sentinels.evidence import (
    ACCURACY_OF_TEST,
    ACCURACY_OF_TRAIN,
    LOSS_OF_TEST,
    Evidence,
    TooLittleError,
)
from tlstudy.audit.sentinels.limits import LEAST_FALL, MOSTLY_RIGHT, STEADY
from tlstudy.audit.sentinels.sentinel import sentinel
from tlstudy.audit.sentinels.trends import chance_of_rise, noise, starts_late
from tlstudy.watching.finding import percent

EPOCHS_OF_A_FALL = 3
# Half of ln 2: no classification that knows nothing yet starts below. What does is tuned on, a
# regression, or the error of an agent's own forecast, which starts near 0 and grows with what the
# agent finds.
LOW_START = 0.35  # nats
# The loss of an agent wanders by more than this from row to row; that of a network which learns
# nothing is the mean of a whole epoch at the same weights.
WANDERS = 0.1  # of its level
RISES = 2.0  # times the first loss: whatever it had learnt, it is losing
RESUMED = 0.5  # is enough of a training whose first epochs are not in the table


@sentinel(
    "warning",
    "F1",
    needs=("metrics.train_loss",),
    why="A network that did not learn its own training images tells nothing about the data "
    "or about where it started.",
    advice="Check that the optimiser holds the network's parameters, that gradients reach "
    "them, and that the learning rate is neither too low nor too high.",
)
def train_loss_did_not_fall(evidence: Evidence) -> Iterator[str]:
    """The mean train loss of the last quarter is less than 1 % below the first epoch's.

    A mean, as the loss of random batches varies from epoch to epoch in an untrained network too. A
    loss that falls by less but steadily (Mann-Kendall, 5 %) does fall: some tasks have no more to
    give. Networks that have learnt before are left alone if the loss does not double: an accuracy
    above 90 %, or a table whose first epochs are missing, unless it has accuracies below 50 %. So
    is a loss that need not be one of a fixed task: that starts below 0.35 nats, goes below 0, or
    wanders by a tenth from row to row, and has no accuracy and no test loss beside it.
    """
    losses = evidence.series("train_loss", at_least=EPOCHS_OF_A_FALL)
    after = (evidence.record or {}).get("checkpoint_train_loss")
    values = losses.to_list()
    first, late = values[0], values[-max(1, len(values) // 4) :]
    end = float(np.mean(late + ([after] if after is not None else [])))
    if first - end >= LEAST_FALL * abs(first) or chance_of_rise(-losses) < STEADY:
        return
    if evidence.record is None:
        _check_that_it_should_fall(evidence, losses)
    yield f"the train loss is {first:.6g} in the first epoch and {end:.6g} at the end"


def _check_that_it_should_fall(evidence: Evidence, losses: pd.Series) -> None:
    """Of a table that is all there is.

    Raises:
        TooLittleError: the loss need not fall for the run to be sound.
    """
    accuracies = [evidence.train_accuracy()] if evidence.has(ACCURACY_OF_TRAIN) else []
    if evidence.has(ACCURACY_OF_TEST):
        accuracies.append(evidence.test_values("accuracy"))
    resumed = starts_late(losses)
    learnt = any(each.median() > (RESUMED if resumed else MOSTLY_RIGHT) for each in accuracies)
    rises = losses.iloc[-1] > RISES * abs(losses.iloc[0])
    if (learnt and not rises) or (resumed and not accuracies):
        raise TooLittleError("the epochs before this training was taken up again")
    alone = not accuracies and not evidence.has(LOSS_OF_TEST)
    wanders = noise(losses) > WANDERS * abs(losses.median())
    if alone and (losses.iloc[0] < LOW_START or losses.min() < 0 or wanders):
        raise TooLittleError("an accuracy or a test loss beside a train loss that need not fall")


@sentinel(
    "warning",
    "F13",
    needs=("reported_epoch or reported",),
    why="The best of many looks at the test images is better than the network, the more so "
    "the more the curve varies.",
    advice="Report the last epoch, or choose the epoch on images that are held out for it.",
)
def best_epoch_on_test(evidence: Evidence) -> Iterator[str]:
    """The reported epoch was chosen on test images: by its rule, or by the reported values."""
    if evidence.reported_epoch == "best-on-test":
        told = "the reported values are the best over the epochs on test images"
        column = f"test_balanced_accuracy_{evidence.batchnorm or 'running'}"
        if evidence.has(f"metrics.{column}"):
            values = evidence.series(column)
            best, last = percent(values.max()), percent(values.iloc[-1])
            told += f": balanced accuracy {best}, in the last epoch {last}"
        yield told
    elif evidence.reported:
        for name, text, values, best in _printed(evidence):
            if _printed_as(text, best) and not _printed_as(text, values.iloc[-1]):
                yield (
                    f"the reported {name} of {text} is the best of {len(values)} epochs, the "
                    f"last one has {values.iloc[-1]:.6g}"
                )


@sentinel(
    "warning",
    "F14",
    needs=("reported",),
    why="The value is of another run than the curves: the spread between runs is at least "
    "the difference.",
    advice="Report values and curves of the same runs, several seeds of them.",
)
def reported_value_not_in_curves(evidence: Evidence) -> Iterator[str]:
    """A reported value is neither the last nor the best of the series that it is said to be of."""
    for name, text, values, best in _printed(evidence):
        if not _printed_as(text, best) and not _printed_as(text, values.iloc[-1]):
            yield (
                f"the reported {name} is {text}, the best of the series {best:.6g} and its "
                f"last {values.iloc[-1]:.6g}"
            )


def _printed(evidence: Evidence) -> list[tuple[str, str, pd.Series, float]]:
    """Name, printed text, series and best value of each reported value that has a series."""
    rows = []
    for name, text in evidence.reported.items():
        column = f"test_{name}_{evidence.batchnorm or 'running'}"
        if evidence.has(f"metrics.{column}"):
            values = evidence.series(column)
            best = values.min() if name == "loss" else values.max()
            rows.append((name.replace("_", " "), text, values, best))
    if not rows:
        raise TooLittleError("the test series behind the reported values")
    return rows


def _printed_as(text: str, value: float) -> bool:
    """Whether a value may be printed as the text, with its number of digits."""
    step = 10.0 ** Decimal(text).as_tuple().exponent
    return abs(float(text) - value) <= 0.51 * step  # half a unit, and the digitising
