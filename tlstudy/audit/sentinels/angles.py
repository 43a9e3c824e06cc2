"""Sentinel of angles that are rounding of single precision (F16)."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from tlstudy.audit.sentinels.evidence import Evidence
from tlstudy.audit.sentinels.sentinel import sentinel

STEP = 2.0**-24  # between float32 cosines from 0.5 to 1
# Above, the float32 rounding of the angle itself hides the steps; below 60 degrees they are these.
LARGEST = 10.0  # degrees
OFF_STEP = 0.05  # of a step
# Six angles that know nothing of the steps all lie so near to one with probability
# (2 x 0.05)^6 = 1e-6.
DISTINCT_ANGLES = 6
DIGITS_OF_A_LOG = 4  # after the point: no computed angles are all so round


def steps_of(degrees: np.ndarray) -> np.ndarray:
    """(1 - cos angle) / 2^-24, whole for arccosines of float32 cosines; without cancellation."""
    return 2 * np.sin(np.radians(degrees) / 2) ** 2 / STEP


def angle_of(steps: np.ndarray) -> np.ndarray:
    """Degrees of arccos(1 - k 2^-24)."""
    return np.degrees(np.arccos(1 - np.asarray(steps) * STEP))


def off_steps(degrees: np.ndarray) -> tuple[int, float]:
    """How many distinct angles there are to judge, and how far they are off whole steps at most.

    Angles in which this is less than one half (under 0.014 degrees) are left out: they would be
    near k = 0 whatever their origin.
    """
    steps = steps_of(np.unique(degrees[(degrees > 0) & (degrees < LARGEST)]))
    steps = steps[steps >= 0.5]
    return len(steps), float(np.abs(steps - steps.round()).max(initial=0))


@sentinel(
    "warning",
    "F16",
    needs=("metrics.angle_from_previous",),
    why="The smallest angles are rounding: a zero does not mean that the weights kept their "
    "direction.",
    advice="Compute 2 atan2(|a - b|, |a + b|) of the unit vectors in float64 instead of an "
    "arccosine.",
)
def angles_below_resolution(evidence: Evidence) -> Iterator[str]:
    """Angles are arccos(1 - k 2^-24) with whole k, or exactly 0 although the weights moved.

    The arccosine of a float32 cosine resolves no angle under 0.02 degrees and few above. For
    angles of any other origin, (1 - cos angle) / 2^-24 is as likely anywhere between two whole
    numbers. Angles that were printed with few digits are not found.
    """
    angles = evidence.series("angle_from_previous")
    distinct, off = off_steps(angles.to_numpy())
    if distinct >= DISTINCT_ANGLES and off <= OFF_STEP:
        yield (
            f"all {distinct} distinct angles are arccos(1 - k / 2^24) with a whole k, to within "
            f"{off:.3f} of a step, and {(angles == 0).sum()} others are exactly 0"
        )
    elif zeros := _zeros_of_moving_weights(evidence, angles):
        yield f"the angle is exactly 0 in {zeros} epochs in which the weights moved on"


def _zeros_of_moving_weights(evidence: Evidence, angles: pd.Series) -> int:
    if (angles.round(DIGITS_OF_A_LOG) == angles).all():
        return 0  # printed with few digits: small angles became 0 there
    zeros = angles.index[(angles == 0).to_numpy()]
    if evidence.has("metrics.displacement_from_previous"):
        return int((evidence.series("displacement_from_previous").reindex(zeros) > 0).sum())
    turning = angles.index[angles > 0]
    return int(((zeros > turning.min()) & (zeros < turning.max())).sum())
