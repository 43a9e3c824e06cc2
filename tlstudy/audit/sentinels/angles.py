"""Sentinel of angles that are rounding of single precision (F16)."""

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


def are_rounding(degrees: np.ndarray) -> bool:
    """Whether all angles, not finite ones apart, are arccosines of float32 cosines.

    The arccosine of a float32 cosine resolves no angle under 0.02 degrees and few above. For
    angles of any other origin, (1 - cos angle) / 2^-24 is as likely anywhere between two whole
    numbers, so six distinct ones all within 0.05 of one have a probability of 1e-6. Angles that
    were printed with few digits are not found.
    """
    distinct, off = off_steps(degrees)
    return distinct >= DISTINCT_ANGLES and off <= OFF_STEP


@sentinel(
    "warning",
    "F16",
    needs=("metrics.angle_from_previous",),
    why="The smallest angles are rounding: a zero does not mean that the weights kept their "
    "direction.",
    advice="Compute 2 atan2(|a - b|, |a + b|) of the unit vectors in float64 instead of an "
    "arccosine.",
)
def angles_below_resolution(evidence: Evidence) -> str | None:
    """Angles are arccos(1 - k 2^-24) with whole k, or exactly 0 although the weights moved."""
    angles = evidence.series("angle_from_previous")
    if not are_rounding(angles.to_numpy()):
        return _zeros(evidence, angles)
    distinct, off = off_steps(angles.to_numpy())
    return (
        f"all {distinct} distinct angles are arccos(1 - k / 2^24) with a whole k, to within "
        f"{off:.3f} of a step, and {(angles == 0).sum()} others are exactly 0"
    )


def _zeros(evidence: Evidence, angles: pd.Series) -> str | None:
    if (angles.round(DIGITS_OF_A_LOG) == angles).all():
        return None  # printed with few digits: small angles became 0 there
    zeros = angles.index[(angles == 0).to_numpy()]
    if not len(zeros):
        return None
    if evidence.has("metrics.displacement_from_previous"):
        moved = evidence.series("displacement_from_previous").reindex(zeros)
        zeros = zeros[(moved > 0).to_numpy()]
    else:
        turning = angles.index[angles > 0]
        zeros = zeros[(zeros > turning.min()) & (zeros < turning.max())] if len(turning) else []
    if not len(zeros):
        return None
    return f"the angle is exactly 0 in {len(zeros)} epochs in which the weights moved on"
