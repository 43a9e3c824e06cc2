"""Sentinels of the gradient norm's size, and of a learning rate of 0."""

from collections.abc import Iterator

from tlstudy.audit.sentinels.evidence import Evidence
from tlstudy.audit.sentinels.limits import LEAST_FALL
from tlstudy.audit.sentinels.sentinel import sentinel
from tlstudy.audit.sentinels.trends import end_of, last_fifth

EPOCHS = 3
# The norm of single steps spreads over a factor of ten or so. A thousandth of the largest, with a
# loss that still has half of its height to lose, is no convergence.
VANISHED = 1e-3
STILL_HIGH = 0.5
# A hundred times what the ten epochs around it have.
SPIKE = 100.0
AROUND = 5


@sentinel(
    "warning",
    needs=("metrics.gradient_norm", "metrics.train_loss"),
    why="No gradient reaches the weights, so nothing is learnt although much is left to learn.",
    advice="Look at the gradients layer by layer: dead units, saturated sigmoids and softmax, "
    "missing normalisation, a loss that was multiplied by 0.",
)
def gradient_vanishes(evidence: Evidence) -> Iterator[str]:
    """The gradient norm ends below a thousandth of its largest while the loss is still high.

    Above half of its first value. A norm that falls with the loss is what convergence looks like.
    """
    norms, losses = (evidence.series(name, EPOCHS) for name in ("gradient_norm", "train_loss"))
    late = last_fifth(norms).median()
    if late <= VANISHED * norms.max() and end_of(losses) >= STILL_HIGH * losses.iloc[0] > 0:
        yield (
            f"the gradient norm is {norms.max():.3g} at most and {late:.3g} at the end, where the "
            f"train loss is {end_of(losses):.4g} of {losses.iloc[0]:.4g} in the first epoch"
        )


@sentinel(
    "note",
    needs=("metrics.gradient_norm",),
    why="A single step of that size can undo many; optimisers with a memory carry it on.",
    advice="Clip the gradient norm, and look at the batch of that step.",
)
def gradient_spikes(evidence: Evidence) -> Iterator[str]:
    """The gradient norm of an epoch is a hundred times the largest of the ten around it."""
    norms = evidence.series("gradient_norm", 2 * AROUND)
    spikes = []
    for place in range(len(norms)):
        around = norms.iloc[max(0, place - AROUND) : place + AROUND + 1].drop(norms.index[place])
        if norms.iloc[place] > SPIKE * around.max() > 0 and place:
            spikes.append(norms.index[place])
    if spikes:
        more = f" and in {len(spikes) - 1} more" if len(spikes) > 1 else ""
        yield (
            f"the gradient norm is {norms[spikes[0]]:.3g} in epoch {spikes[0]}{more}, its median "
            f"{norms.median():.3g}"
        )


@sentinel(
    "error",
    "F1",
    needs=("metrics.learning_rate",),
    why="A step of length 0 trains nothing.",
    advice="Look at the schedule: its unit (steps or epochs), its length, and what it multiplies.",
)
def learning_rate_of_0(evidence: Evidence) -> Iterator[str]:
    """The learning rate is exactly 0 in more than half of the epochs, two at least.

    A warm-up may start and a schedule may end at 0. Nor does it count if the train loss falls by
    1 % from the first such epoch to the last: the rate was printed with too few digits.
    """
    rates = evidence.series("learning_rate", 2)
    zero = rates[rates == 0]
    if len(zero) < 2 or 2 * len(zero) <= len(rates):
        return
    if evidence.has("metrics.train_loss"):
        losses = evidence.series("train_loss").loc[zero.index[0] : zero.index[-1]]
        if len(losses) and end_of(losses) < (1 - LEAST_FALL) * losses.iloc[0]:
            return
    yield f"the learning rate is 0 in {len(zero)} of {len(rates)} epochs, from {zero.index[0]} on"
