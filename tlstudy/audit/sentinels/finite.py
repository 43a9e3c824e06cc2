"""Sentinels of losses and gradients that stopped being numbers."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from tlstudy.audit.sentinels.evidence import Evidence, TooLittleError
from tlstudy.audit.sentinels.sentinel import sentinel

# A loss printed with few digits may be 0 once; three epochs in a row beside a gradient that is no
# number are an overflow.
EPOCHS_OF_ZERO = 3
# Mixed precision leaves out a step whose gradient overflowed, and goes on: PyTorch's scaler starts
# too high, and tries again every 2000 steps. More than half of the epochs is no such trial.
MOST_SKIPPED = 0.5


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
    are not finite is an overflow too. A cell that was not logged says nothing.
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
    elif norms and (told := _overflown(evidence, norms)):
        yield told


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
    try:
        return evidence.series(column)
    except TooLittleError:
        return pd.Series(dtype=float, index=pd.Index([], dtype="int64"))


def _more(epochs: list[int]) -> str:
    return "" if len(epochs) == 1 else f" and in {len(epochs) - 1} more"
