"""The number of classes, where the losses tell."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from tlstudy.audit.sentinels.limits import DEVIATIONS, FEW_IMAGES

# Before it has learned anything, a network that guesses has the loss ln K. A loss that has begun to
# fall passes many ln K, so one value alone does not tell: its accuracy must be that of guessing.
# Nor do two values, which are near each other in any smooth curve. Without an accuracy the first
# loss must be so near to ln K that one in twenty would be by chance (of twenty classes one in ten,
# of more nearly any), and stay there for an epoch. ln 2 = 0.69 is a loss like any other, so two
# classes are never told so.
NEAR = 0.01  # of ln K
NEARER = 0.005  # the second loss, where no accuracy is known
NEAREST = 0.001  # the first one
FEWEST, MOST = 3, 20  # classes, where no accuracy is known
LIKE_GUESSING = (0.75, 1.25)  # times 1 / K
PAIRS = (("train_loss", "train_accuracy"), ("test_loss_running", "test_accuracy_running"))


def classes_told(runs: Iterable[pd.DataFrame]) -> tuple[int, str] | None:
    """The number of classes and the reason, or None if no run tells, or two tell another one."""
    told = {}
    for metrics in runs:
        for loss, accuracy in PAIRS:
            found = _told(metrics, loss, accuracy)
            if found:
                told.setdefault(*found)
    return next(iter(told.items())) if len(told) == 1 else None


def _told(metrics: pd.DataFrame, loss: str, accuracy: str) -> tuple[int, str] | None:
    if loss not in metrics:
        return None
    values = metrics[loss].to_numpy(float)
    if not len(values) or not 0.5 < values[0] < 10:
        return None
    classes = round(float(np.exp(values[0])))
    named = [name for name in metrics.columns.tolist() if "accuracy" in name]
    known = {}  # values by column, those that are there
    for name in named:
        shares = metrics[name].to_numpy(float)
        if not np.isnan(shares).all():
            known[name] = shares
    if any(_contradicts(shares[~np.isnan(shares)][0], classes) for shares in known.values()):
        return None
    name = "train" if loss.startswith("train") else "test"
    told = f"the first {name} loss is {values[0]:.5g}, near ln {classes}"
    if accuracy in known and np.isfinite(known[accuracy][0]):
        share = known[accuracy][0]
        low, high = (bound / classes for bound in LIKE_GUESSING)
        near = low <= share <= high and _is_near(values[0], classes, NEAR)
        return (classes, f"{told}, at an accuracy of {share:.3g}") if near else None
    rests = any(_is_near(other, classes, NEARER) for other in values[1:2])
    if not (rests and FEWEST <= classes <= MOST and _is_near(values[0], classes, NEAREST)):
        return None
    return classes, f"{told}, and stays there for an epoch"


def _contradicts(accuracy: float, classes: int) -> bool:
    """Whether a first accuracy is not that of guessing, by more than the error of 100 images."""
    chance = 1 / classes
    error = DEVIATIONS * np.sqrt(chance * (1 - chance) / FEW_IMAGES)
    return abs(accuracy - chance) > error


def _is_near(loss: float, classes: int, tolerance: float) -> bool:
    """Whether the loss is near ln K, and near that of no other number of classes."""
    near = [
        number
        for number in (classes - 1, classes, classes + 1)
        if number > 1 and abs(loss - np.log(number)) <= tolerance * np.log(number)
    ]
    return near == [classes]
