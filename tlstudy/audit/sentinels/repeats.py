"""Sentinels of the runs of one table or folder together: repeats that are none, unequal budgets."""

from collections.abc import Iterator

import numpy as np

from tlstudy.audit.sentinels.evidence import Evidence
from tlstudy.audit.sentinels.sentinel import sentinel

EPOCHS = 3  # of equal losses: a single one may be equal by rounding


@sentinel(
    "warning",
    "F14",
    needs=("metrics.train_loss",),
    why="Repeats that are the same run tell nothing of the spread between runs.",
    advice="Set the seed of each run, in the process that trains; or count the run once.",
)
def curves_identical(evidences: list[Evidence]) -> Iterator[str]:
    """Runs have the same train losses to the last digit, in three epochs or more that differ."""
    named: dict[tuple, list[str]] = {}
    for evidence in evidences:
        losses = evidence.series("train_loss", at_least=0)
        if len(losses) >= EPOCHS and np.ptp(losses) > 0:
            named.setdefault(tuple(losses.items()), []).append(evidence.name)
    for names in named.values():
        if len(names) > 1:
            yield f"{', '.join(names)} have the same train loss in every epoch"


@sentinel(
    "note",
    needs=("metrics",),
    why="A difference between runs of unequal length is one of training time too.",
    advice="Compare at the same number of epochs, or say how each run's was chosen.",
)
def epochs_unequal(evidences: list[Evidence]) -> Iterator[str]:
    """Runs end in different epochs."""
    last = {evidence.name: int(evidence.metrics["epoch"].max()) for evidence in evidences}
    low, high = min(last, key=last.get), max(last, key=last.get)
    if last[low] != last[high]:
        yield f"{low} ends in epoch {last[low]}, {high} in epoch {last[high]}"
