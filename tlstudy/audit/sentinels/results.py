"""Sentinels of losses, accuracies and reported values."""

from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from functools import cache

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from tlstudy.audit.sentinels.evidence import Evidence, TooLittleError, accuracy_needs
from tlstudy.audit.sentinels.sentinel import percent, sentinel
from tlstudy.config.settings import STATISTICS

LEAST_FALL = 0.01  # of the first train loss
EPOCHS_OF_A_FALL = 3
# Softmax outputs in a cross-entropy: how near the bounds a loss counts as at them.
AT_FLOOR = 0.005  # nats
ON_LINE = 0.02  # nats
EPOCHS_OF_A_FLOOR = 5
LEAST_ACCURACY = 0.3  # below, the loss of a network that guesses may lie on the line by chance
RIGHT = 0.98
CONFIDENCE = 0.95


@sentinel(
    "error",
    needs=("metrics.train_loss or metrics.gradient_norm or record.status",),
    why="Nothing that was measured afterwards, and no mean with it, means anything.",
    advice="Lower the learning rate, clip the gradients or use a wider number format; "
    "report the run as diverged instead of leaving it out.",
)
def diverged(evidence: Evidence) -> Iterator[str]:
    """The loss or the gradient stopped being finite, or the record says so."""
    metrics = evidence.metrics
    known = metrics is not None and not metrics.empty
    last = metrics["epoch"].iloc[-1] if known else (evidence.record or {}).get("epochs", "unknown")
    if (evidence.record or {}).get("status") == "diverged":
        yield f"the loss was not finite in epoch {last}, and the run ended there"
        return
    for column in ("train_loss", "gradient_norm"):
        if evidence.has(f"metrics.{column}"):
            infinite = np.isinf(metrics[column].to_numpy(float))
            if infinite.any():
                yield f"{column} is infinite in epoch {metrics['epoch'].iloc[infinite.argmax()]}"
                return
    if metrics is not None and "train_loss" in metrics:
        if metrics["train_loss"].isna().all():
            raise TooLittleError("an epoch with a train_loss")
        if pd.isna(metrics["train_loss"].iloc[-1]):
            yield f"train_loss has no value in the last epoch, {last}, and had before"


@sentinel(
    "warning",
    "F1",
    needs=("metrics.train_loss",),
    why="A network that did not learn its own training images tells nothing about the data "
    "or about where it started.",
    advice="Check that the optimiser holds the network's parameters, that gradients reach "
    "them and that the learning rate is large enough.",
)
def train_loss_did_not_fall(evidence: Evidence) -> Iterator[str]:
    """The mean train loss of the last quarter is less than 1 % below the first epoch's.

    A mean, as the loss of random batches varies from epoch to epoch in an untrained network too.
    """
    losses = evidence.series("train_loss", at_least=EPOCHS_OF_A_FALL).to_list()
    after = (evidence.record or {}).get("checkpoint_train_loss")
    first, late = losses[0], losses[-max(1, len(losses) // 4) :]
    end = float(np.mean(late + ([after] if after is not None else [])))
    if first - end < LEAST_FALL * abs(first):
        yield f"the train loss is {first:.6g} in the first epoch and {end:.6g} at the end"


@sentinel(
    "error",
    "F7",
    needs=("training or metrics.train_loss", "classes"),
    why="The loss is confined to one nat, its gradients vanish where the network is surely "
    "wrong, and it compares with no loss of logits.",
    advice="Leave the softmax out of the network: the cross-entropy of PyTorch takes logits.",
)
def loss_of_softmax_outputs(evidence: Evidence) -> Iterator[str]:
    """Cross-entropy of softmax outputs: by the settings, or by the bounds of the loss.

    Outputs from 0 to 1 confine the loss to [floor, floor + 1], floor = ln(1 + (K - 1) / e),
    which is 1.4612 for ten classes. From the series alone it is found if every train loss is
    within these bounds and the last fifth of the epochs (five at least) stays at one of them:

    - at the floor, within 0.005 nats, and every training image is right, where that is known;
    - at floor + 1 - accuracy, within 0.02 nats, the loss of outputs that are all 0 or 1, with an
      accuracy of at least 0.3.

    A loss of logits may pass through either, but it does not stay there.
    """
    floor = softmax_floor(evidence.classes)
    if evidence.training is not None and evidence.training.head == "softmax":
        yield (
            "the settings put softmax before the cross-entropy, which confines the loss to "
            f"{floor:.4f} to {floor + 1:.4f} nats"
        )
        return
    if not evidence.has("metrics.train_loss"):
        return  # settings that say logits
    losses = evidence.series("train_loss", at_least=EPOCHS_OF_A_FLOOR)
    if not losses.between(floor - 1e-4, floor + 1 + 1e-4).all():
        return
    late = losses.iloc[-max(EPOCHS_OF_A_FLOOR, len(losses) // 5) :]
    accuracy = evidence.train_accuracy()
    if accuracy is not None:
        accuracy = accuracy.reindex(late.index)
    since = f"in the last {len(late)} epochs the train loss is {late.min():.5f} to {late.max():.5f}"
    if (late <= floor + AT_FLOOR).all() and (accuracy is None or (accuracy > RIGHT).all()):
        yield f"{since} nats: it rests on {floor:.5f}, the least that softmax outputs can have"
    elif (
        accuracy is not None
        and (accuracy >= LEAST_ACCURACY).all()
        and ((late - (floor + 1 - accuracy)).abs() <= ON_LINE).all()
    ):
        yield (
            f"{since} nats at an accuracy of {accuracy.min():.2f} to {accuracy.max():.2f}: "
            f"{floor + 1:.4f} less the accuracy, as of softmax outputs that are all 0 or 1"
        )


def softmax_floor(classes: int) -> float:
    """Least cross-entropy of softmax outputs in nats: one output 1, the others 0."""
    return float(np.log1p((classes - 1) / np.e))


@sentinel(
    "warning",
    "F1",
    needs=(
        f"record.final or {accuracy_needs(*STATISTICS)}",
        "record.final_test_images or metrics.test_images",
        "classes",
    ),
    why="A comparison with a network that guesses measures no more than that the other one "
    "does not.",
    advice="Look at the train loss: if it fell, recompute the BatchNorm statistics before "
    "evaluating; if not, the network was not trained. With few test images, take more.",
)
def test_accuracy_of_guessing(evidence: Evidence) -> Iterator[str]:
    """The 95 % Clopper-Pearson interval of the test accuracy at the end reaches down to 1 / K.

    A network that guesses is found with a probability of 97.5 % at least. A better one is found
    where the test images are too few to tell: of 0.2 with fewer than 60 or so.
    """
    accuracy, images = _last_accuracy(evidence)
    chance = 1 / evidence.classes
    low = _lowest_accuracy(round(accuracy * images), images)
    if low <= chance:
        yield (
            f"the test accuracy at the end is {percent(accuracy)} of {images} images, whose 95 % "
            f"interval starts at {percent(low)}; guessing gives {percent(chance)}"
        )


@cache
def _lowest_accuracy(right: int, images: int) -> float:
    """Of the runs of a study many have as many images right."""
    return float(binomtest(right, images).proportion_ci(CONFIDENCE).low)


def _last_accuracy(evidence: Evidence) -> tuple[float, int]:
    """The last accuracy with the reported statistics; with the better ones if it is unknown which.

    A network that guesses does so with either.
    """
    if evidence.batchnorm:
        return evidence.last_test_accuracy(evidence.batchnorm)
    found = []
    for statistics in STATISTICS:
        with suppress(TooLittleError):
            found.append(evidence.last_test_accuracy(statistics))
    if not found:
        raise TooLittleError("a test accuracy and its test images")
    return max(found)


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
