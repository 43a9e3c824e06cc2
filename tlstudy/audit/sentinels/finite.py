"""Sentinels of losses and gradients that stopped being numbers."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from tlstudy.audit.sentinels.evidence import (
    ACCURACY_OF_TEST,
    ACCURACY_OF_TRAIN,
    LOSS_OF_TEST,
    Evidence,
)
from tlstudy.audit.sentinels.sentinel import sentinel
from tlstudy.audit.sentinels.trends import FIFTH, end_of
from tlstudy.watching.finding import percent

# A loss printed with few digits may be 0 once; three epochs in a row beside a gradient that is no
# number are an overflow.
EPOCHS_OF_ZERO = 3
# Mixed precision leaves out a step whose gradient overflowed, and goes on: PyTorch's scaler starts
# too high, and tries again every 2000 steps. More than half of the epochs is no such trial.
MOST_SKIPPED = 0.5
# A loss that never stops being a number diverged all the same if it ends two orders of magnitude
# above its first epoch. Three where nothing else is known of the run: the loss of an agent may
# start near 0 and grows with what the agent finds.
GROWN = 100.0
GROWN_ALONE = 1000.0  # times the first loss, and at least a nat
# Or if it is so large from the start, with less than half of the answers right: as a sum over all
# examples of a large set a loss of guessing is 1e5 or so.
HUGE = 1e6
MOST_RIGHT = 0.5


@sentinel(
    "error",
    needs=(
        "metrics.train_loss or metrics.gradient_norm or record.status or not_finite.train_loss or "
        "not_finite.gradient_norm",
    ),
    why="Nothing that was measured afterwards, and no mean with it, means anything.",
    advice="Lower the learning rate, clip the gradients or use a wider number format; "
    "report the run as diverged instead of leaving it out.",
)
def diverged(evidence: Evidence) -> Iterator[str]:
    """The loss or the gradient stopped being finite, or the record says so.

    A train loss that was logged as nan or infinite counts in any epoch. A gradient counts where it
    is not finite in more than half of its epochs, or in its last one with no finite train loss from
    there on; else mixed precision has left out a step. A loss of exactly 0 beside gradients that
    are not finite is an overflow too. A cell that was not logged says nothing. A train loss that
    stays finite counts if it ends a hundred times above its first epoch, or, with no accuracy and
    no test loss beside it, a thousand times; or above a million with less than half of the train
    answers right. The end is the median of the last fifth.
    """
    metrics = evidence.metrics
    known = metrics is not None and not metrics.empty
    last = metrics["epoch"].iloc[-1] if known else (evidence.record or {}).get("epochs", "unknown")
    if (evidence.record or {}).get("status") == "diverged":
        yield f"the loss was not finite in epoch {last}, and the run ended there"
        return
    losses, norms = (not_finite(evidence, name) for name in ("train_loss", "gradient_norm"))
    if losses:
        finite = len(_finite(evidence, "train_loss"))
        if finite:
            yield f"train_loss is infinite or nan in epoch {losses[0]}{_more(losses)}"
        else:
            yield f"train_loss is infinite or nan in every epoch, {len(losses)} in all"
    elif told := (norms and _overflown(evidence, norms)) or _grown(evidence):
        yield told


def _grown(evidence: Evidence) -> str:
    """What is wrong with a train loss that is finite; empty if nothing is."""
    losses = _finite(evidence, "train_loss")
    if losses.empty:
        return ""
    numbers = losses.to_numpy()
    first, end = float(numbers[0]), float(np.median(numbers[-max(1, len(numbers) // FIFTH) :]))
    accuracy = evidence.train_accuracy() if evidence.has(ACCURACY_OF_TRAIN) else None
    alone = accuracy is None and not evidence.has(f"{ACCURACY_OF_TEST} or {LOSS_OF_TEST}")
    if end > (GROWN_ALONE * max(first, 1.0) if alone else GROWN * first) and first > 0:
        return f"the train loss grows from {first:.4g} to {end:.4g}"
    if end > HUGE and accuracy is not None and end_of(accuracy) < MOST_RIGHT:
        return f"the train loss is {end:.4g} at the end, with {percent(end_of(accuracy))} right"
    return ""


def _overflown(evidence: Evidence, norms: list[int]) -> str:
    """What is wrong with a gradient that is not finite in some epochs; empty if nothing is."""
    losses, finite = _finite(evidence, "train_loss"), _finite(evidence, "gradient_norm")
    zero = [epoch for epoch in norms if losses.get(epoch) == 0]
    if len(zero) >= EPOCHS_OF_ZERO:
        return (
            f"the train loss is exactly 0 and gradient_norm infinite or nan in {len(zero)} epochs"
        )
    share = len(norms) / (len(norms) + len(finite))
    at_the_end = norms[-1] > max(finite.index, default=0) and not (losses.index >= norms[-1]).any()
    if share > MOST_SKIPPED or at_the_end:
        return f"gradient_norm is infinite or nan in epoch {norms[0]}{_more(norms)}"
    return ""


@sentinel(
    "warning",
    needs=(
        "metrics.test_loss_running or metrics.test_loss_recalibrated or "
        "not_finite.test_loss_running or not_finite.test_loss_recalibrated",
    ),
    why="The network is trained, and its test loss says nothing: one example of infinite loss is "
    "enough.",
    advice="Compute the loss from logits, as log-softmax does, or keep probabilities away from 0 "
    "before the logarithm; look for nan among the test inputs.",
)
def test_loss_not_finite(evidence: Evidence) -> Iterator[str]:
    """The test loss was logged as nan or infinite in epochs without such a train loss."""
    bad = set(not_finite(evidence, "train_loss"))
    for statistics in ("running", "recalibrated"):
        epochs = [e for e in not_finite(evidence, f"test_loss_{statistics}") if e not in bad]
        if epochs:
            yield f"the test loss is infinite or nan in epoch {epochs[0]}{_more(epochs)}"
            return


def not_finite(evidence: Evidence, column: str) -> list[int]:
    """Epochs whose value was logged as nan or infinite, in order; infinite ones of any table."""
    epochs = set(evidence.not_finite.get(column, []))
    metrics = evidence.metrics
    if metrics is not None and column in metrics:
        infinite = np.isinf(metrics[column].to_numpy(float))
        epochs |= set(metrics["epoch"].to_numpy()[infinite].tolist())
    return sorted(epochs)


def _finite(evidence: Evidence, column: str) -> pd.Series:
    if not evidence.has(f"metrics.{column}"):
        return pd.Series(dtype=float, index=pd.Index([], dtype="int64"))
    return evidence.series(column, at_least=0)


def _more(epochs: list[int]) -> str:
    return "" if len(epochs) == 1 else f" and in {len(epochs) - 1} more"
