"""The number of classes, where the losses tell."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

# Before it has learned anything, a network that guesses has the loss ln K. A loss that has begun to
# fall passes many ln K, so one value alone does not tell: its accuracy must be that of guessing, or
# a second loss must be near the same ln K.
NEAR = 0.01  # of ln K
NEARER = 0.005  # where no accuracy is known
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
    shares = metrics[accuracy].to_numpy(float) if accuracy in metrics else np.array([])
    if len(shares) and np.isfinite(shares[0]):
        low, high = (bound / classes for bound in LIKE_GUESSING)
        if not low <= shares[0] <= high or not _is_near(values[0], classes, NEAR):
            return None
        beside = f"at an accuracy of {shares[0]:.3g}"
    else:
        others = [metrics[name].iloc[0] for name, _ in PAIRS if name in metrics and name != loss]
        others += list(values[1:2])
        if not _is_near(values[0], classes, NEARER):
            return None
        if not any(_is_near(other, classes, NEARER) for other in others):
            return None
        beside = "and the next one too"
    name = "train" if loss.startswith("train") else "test"
    return classes, f"the first {name} loss is {values[0]:.5g}, near ln {classes}, {beside}"


def _is_near(loss: float, classes: int, tolerance: float) -> bool:
    """Whether the loss is near ln K, and near that of no other number of classes."""
    near = [
        number
        for number in (classes - 1, classes, classes + 1)
        if number > 1 and abs(loss - np.log(number)) <= tolerance * np.log(number)
    ]
    return near == [classes]
