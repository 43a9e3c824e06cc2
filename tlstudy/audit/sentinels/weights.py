"""Sentinels of the weights and gradients: whether they moved, and how."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from tlstudy.audit.sentinels.evidence import Evidence, TooLittleError
from tlstudy.audit.sentinels.limits import LEAST_FALL, STEADY
from tlstudy.audit.sentinels.sentinel import sentinel
from tlstudy.audit.sentinels.trends import chance_of_rise, end_of, last_fifth, noise
from tlstudy.config.training import Trained
from tlstudy.watching.finding import percent

# Gradients that add up: how far the log-log slope may be from 1, and the largest standard
# deviation of the logarithms about the line. The slides' series has 0.995 and 0.005. Of made-up
# gradient norms that wander at random (steps of 10 to 100 %) at most 3 in 10,000 pass with five
# epochs, none with ten.
SLOPE_TOLERANCE = 0.1
SCATTER = 0.05
EPOCHS_OF_A_SLOPE = 5
# Gradients that add up while the weights move.
# Of the norm, from the first epoch to the last fifth; less is enough while the loss halves, as the
# gradient of cross-entropy falls with it.
GROWTH, GROWTH_WITH_FALL = 1.5, 1.1
SMOOTH = 0.1  # scatter about the trend, and of its growth where that is many times as large
STEADILY = 0.01  # probability of so steady a growth without a trend
# Rank correlation over layers from which the step size is said to explain the drift.
STRONG = 0.8
LAYERS_OF_A_RANKING = 8
NAMED = 5  # layers that are named before the rest are counted


def any_moved(displacements: np.ndarray) -> bool:
    """Whether weights moved: displacements of one run or more, not all exactly 0.

    A displacement is the norm of a difference, so it is 0 only if no weight changed in any bit.
    """
    return bool((displacements[np.isfinite(displacements)] != 0).any())


@sentinel(
    "error",
    "F1",
    needs=("metrics.displacement_from_start or metrics.displacement_from_previous",),
    why="The network was never trained: its results are those of its initial weights.",
    advice="Give the optimiser the parameters of this very network, after it was moved to "
    "its device and its layers were replaced.",
)
def no_weight_moved(evidence: Evidence) -> Iterator[str]:
    """All weights together are displaced by exactly 0 in every epoch.

    Not where the train loss falls by 1 % and steadily, or an angle is above 0: then the
    displacement was printed with too few digits.
    """
    columns = ("displacement_from_start", "displacement_from_previous")
    known = [column for column in columns if evidence.has(f"metrics.{column}")]
    values = pd.concat([evidence.series(column) for column in known])
    if not any_moved(values.to_numpy()):
        if _moved_otherwise(evidence):
            raise TooLittleError("displacements with more digits: the weights moved")
        epochs = values.index.nunique()
        yield f"the displacement of all weights is exactly 0 in all {epochs} epochs"


def _moved_otherwise(evidence: Evidence) -> bool:
    """Whether something else tells that weights moved: an angle, or a train loss that falls."""
    if evidence.has("metrics.angle_from_previous"):
        return bool((evidence.series("angle_from_previous") > 0).any())
    if not evidence.has("metrics.train_loss"):
        return False
    losses = evidence.series("train_loss")
    fell = end_of(losses) < (1 - LEAST_FALL) * losses.iloc[0]
    return bool(fell) and chance_of_rise(-losses) < STEADY


@sentinel(
    "warning",
    "F1",
    needs=("layers.norm", "layers.displacement_from_start"),
    why="Only a part of the network was trained: a result of fine-tuning everything is "
    "something else.",
    advice="If these layers were to be frozen, say so beside the result; if not, check "
    "which parameters the optimiser holds, requires_grad, and dead units before them.",
)
def some_weights_never_moved(evidence: Evidence) -> Iterator[str]:
    """Tensors whose weights are bit for bit as before training, while others moved.

    A displacement is empty for a tensor that started at zero (the biases of BatchNorm): that one
    moved if its norm is above 0. A tensor in which a single weight moved has moved; one behind
    units that are all dead has not, and is named like one that was left out. Tensors that
    the arm's setting `trained` holds are not counted.
    """
    displacement = evidence.layers["displacement_from_start"].to_numpy(float)
    norm = evidence.layers["norm"].to_numpy(float)
    moved = (displacement > 0) | (np.isnan(displacement) & (norm > 0))
    layer, names = evidence.rows_of_layers
    moved |= _held_on_purpose(evidence)
    counts = np.bincount(layer, moved, len(names))
    still = [name for name, count in zip(names, counts, strict=True) if not count]
    if still and len(still) < len(names):
        named = ", ".join(map(str, still[:NAMED]))
        rest = f" and {len(still) - NAMED} more" if len(still) > NAMED else ""
        yield (
            f"{len(still)} of {len(names)} weight tensors are exactly as they were before "
            f"training: {named}{rest}"
        )


def _held_on_purpose(evidence: Evidence) -> np.ndarray:
    """(rows,) whether a row is of a tensor that the training's settings hold."""
    training = evidence.training
    if training is None or training.trained == Trained() or training.optimiser_holds != "network":
        return np.zeros(len(evidence.layers), dtype=bool)
    return evidence.layers["predicted_displacement"].to_numpy(float) == 0


@dataclass(frozen=True)
class Growth:
    """A gradient norm as a power of the epoch: slope and scatter of a line through logarithms."""

    slope: float
    scatter: float

    @property
    def adds_up(self) -> bool:
        """Whether the norm is in proportion to the epoch: the sum of gradients never cleared.

        A norm that merely varies has a slope near 1 or a small scatter at most.
        """
        return abs(self.slope - 1) <= SLOPE_TOLERANCE and self.scatter <= SCATTER


def growth(epochs: np.ndarray, norms: np.ndarray) -> Growth | None:
    """How the gradient norm of one run grows; None if fewer than five epochs have one above 0.

    Args:
        epochs, norms: (epochs,), from 1; what is not finite is left out.
    """
    known = np.isfinite(norms) & (norms > 0) & (epochs > 0)
    if known.sum() < EPOCHS_OF_A_SLOPE:
        return None
    epochs, norms = np.log(epochs[known].astype(float)), np.log(norms[known])
    slope, intercept = np.polyfit(epochs, norms, 1)
    return Growth(float(slope), float(np.std(norms - slope * epochs - intercept)))


@sentinel(
    "error",
    "F2",
    needs=("metrics.gradient_norm",),
    why="A norm in proportion to the epoch is the sum of gradients that were never cleared, "
    "not an exploding gradient.",
    advice="Clear the gradients of the parameters that are trained before each backward "
    "pass (optimizer.zero_grad of the optimiser that holds them).",
)
def gradients_add_up(evidence: Evidence) -> Iterator[str]:
    """The gradient norm is proportional to the epoch: the sum of gradients never cleared.

    That is so where the weights rest; where they move see `gradient-grows`.
    """
    norms = evidence.series("gradient_norm", at_least=EPOCHS_OF_A_SLOPE)
    found = growth(norms.index.to_numpy(), norms.to_numpy())
    if found is not None and found.adds_up:
        norms = norms[(norms > 0) & (norms.index > 0)]
        yield (
            f"the gradient norm grows with the epoch to the power {found.slope:.3f}, from "
            f"{norms.iloc[0]:.4g} in epoch {norms.index[0]} to {norms.iloc[-1]:.4g} in epoch "
            f"{norms.index[-1]}, with a scatter of {percent(found.scatter)} about that line"
        )


@sentinel(
    "note",
    "F2",
    needs=("metrics.gradient_norm",),
    why="A norm grows like this if gradients are never cleared and add up, even while the weights "
    "move. Growing weights, or BatchNorm before small weights, can cause it too.",
    advice="Look for optimizer.zero_grad before each backward pass, of the optimiser that holds "
    "these parameters.",
)
def gradient_grows(evidence: Evidence) -> Iterator[str]:
    """The gradient norm grows, and so smoothly as only a sum over steps does.

    By half at least, or by a tenth while the train loss loses half of its height.

    From the first epoch to the median of the last fifth; steadily (one in a hundred curves without
    a trend would do so), and with a scatter of at most 10 % about its trend, or of a tenth of its
    growth in powers of e if that is more. Norms of single steps scatter by 30 % and more.
    """
    norms = evidence.series("gradient_norm", at_least=EPOCHS_OF_A_SLOPE)
    norms = norms[norms > 0]
    if len(norms) < EPOCHS_OF_A_SLOPE:
        raise TooLittleError(f"{EPOCHS_OF_A_SLOPE} epochs with a gradient_norm above 0")
    found = growth(norms.index.to_numpy(), norms.to_numpy())
    if found is not None and found.adds_up:
        return  # an error of its own
    early, late = norms.iloc[0], last_fifth(norms).median()
    smooth = noise(np.log(norms)) <= SMOOTH * max(1.0, float(np.log(late / early)))
    least = GROWTH_WITH_FALL if _loss_halves(evidence) else GROWTH
    if late >= least * early and smooth and chance_of_rise(norms) < STEADILY:
        yield (
            f"the gradient norm grows from {early:.4g} to {late:.4g} with a scatter of "
            f"{percent(noise(np.log(norms)))} about its trend"
        )


def _loss_halves(evidence: Evidence) -> bool:
    if not evidence.has("metrics.train_loss"):
        return False
    losses = evidence.series("train_loss")
    return bool(0 < end_of(losses) < losses.iloc[0] / 2)


@dataclass(frozen=True)
class StepSizeDrift:
    """How far layers moved beside how far Adam's step size alone would take them.

    Attributes:
        layers: number of layers.
        correlation: rank correlation over layers; NaN where all of them moved alike.
        low, high: how many times as far as predicted all but a tenth of the layers moved.
    """

    layers: int
    correlation: float
    low: float
    high: float

    @property
    def follows(self) -> bool:
        """Whether the step size explains which layers moved most."""
        return self.correlation >= STRONG


def step_size_drift(
    layer: np.ndarray, moved: np.ndarray, predicted: np.ndarray
) -> StepSizeDrift | None:
    """The drift of one run's layers, each summed over epochs; None with fewer than eight layers.

    The epoch in which a layer starts at zero has no relative displacement and is left out.

    Args:
        layer, moved, predicted: (rows,), one for each epoch and layer: the number of the layer,
            its displacement from the previous epoch, and the one that Adam's step size predicts.
    """
    known = np.isfinite(moved) & np.isfinite(predicted) & (predicted > 0)
    counted = np.bincount(layer[known]) > 0
    if counted.sum() < LAYERS_OF_A_RANKING:
        return None
    moved, predicted = (
        np.bincount(layer[known], step[known])[counted] for step in (moved, predicted)
    )
    correlation = float("nan")
    if np.ptp(moved) > 0 and np.ptp(predicted) > 0:
        correlation = float(np.corrcoef(rankdata(moved), rankdata(predicted))[0, 1])
    low, high = np.quantile(moved / predicted, [0.05, 0.95])
    return StepSizeDrift(len(moved), correlation, float(low), float(high))


@sentinel(
    "note",
    "F10",
    needs=("layers.displacement_from_previous", "layers.predicted_displacement"),
    why="Adam moves every weight by about the learning rate, so layers of small weights "
    "change most in relation to their size, whatever the task asks of them. Which layers "
    "changed most says little here of what was learned.",
    advice="Show the predicted displacement beside the measured one, and interpret only "
    "what goes beyond it.",
)
def drift_follows_step_size(evidence: Evidence) -> Iterator[str]:
    """Layers rank by how far they moved as they rank by Adam's step over their size."""
    columns = ("displacement_from_previous", "predicted_displacement")
    steps = (evidence.layers[column].to_numpy(float) for column in columns)
    found = step_size_drift(evidence.rows_of_layers[0], *steps)
    if found is None:
        raise TooLittleError(f"{LAYERS_OF_A_RANKING} layers with Adam's predicted displacement")
    if found.follows:
        yield (
            f"over {found.layers} layers, how far a layer moved and how far Adam's step size alone "
            f"would take it have a rank correlation of {found.correlation:.2f}; 90 % of the layers "
            f"moved {found.low:.2g} to {found.high:.2g} times as far as that"
        )


@sentinel(
    "note",
    "F11",
    needs=("metrics.displacement_from_previous",),
    why="Steps that turn back and steps that go on look alike from epoch to epoch.",
    advice="Keep the weights before training and record the displacement from them too.",
)
def drift_from_start_unknown(evidence: Evidence) -> Iterator[str]:
    """Changes from epoch to epoch are known, the change from the start is not."""
    if not evidence.has("metrics.displacement_from_start"):
        steps = evidence.series("displacement_from_previous")
        yield (
            f"displacements from the previous epoch add up to {steps.sum():.3g} of the weights' "
            f"norm in {len(steps)} epochs; the displacement from the start is not recorded and may "
            "be anything up to that"
        )
