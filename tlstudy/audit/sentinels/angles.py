"""Angles that show the arithmetic they were computed in (F16)."""

import numpy as np
import pandas as pd

from tlstudy.audit.sentinels.evidence import Evidence
from tlstudy.audit.sentinels.sentinel import Sentinel

STEP = 2.0**-24  # between float32 cosines from 0.5 to 1
# Above, the float32 rounding of the angle itself hides the steps; below 60 degrees they are these.
LARGEST = 10.0  # degrees
OFF_STEP = 0.05  # of a step
# Six angles that know nothing of the steps all lie so near to one with probability
# (2 x 0.05)^6 = 1e-6.
DISTINCT_ANGLES = 6
DIGITS_OF_A_LOG = 4  # after the point: no computed angles are all so round


def below_resolution(evidence: Evidence) -> str | None:
    """Angles are arccos(1 - k 2^-24) with whole k, or exactly 0 although the weights moved.

    The arccosine of a float32 cosine resolves no angle under 0.02 degrees and few above. For
    angles of any other origin, (1 - cos angle) / 2^-24 is as likely anywhere between two whole
    numbers, so six distinct ones all within 0.05 of one have a probability of 1e-6. Angles in
    which this is less than one half (under 0.014 degrees) are left out: they would be near k = 0
    whatever their origin. Angles that were printed with few digits are not found.
    """
    angles = evidence.series("angle_from_previous")
    return _on_steps(angles) or _zeros(evidence, angles)


def _on_steps(angles: pd.Series) -> str | None:
    values = angles.to_numpy()
    distinct = np.unique(values[(values > 0) & (values < LARGEST)])
    # 1 - cos x without cancellation.
    steps = 2 * np.sin(np.radians(distinct) / 2) ** 2 / STEP
    steps = steps[steps >= 0.5]
    if len(steps) < DISTINCT_ANGLES:
        return None
    off = np.abs(steps - steps.round()).max()
    if off > OFF_STEP:
        return None
    zeros = int((values == 0).sum())
    return (
        f"all {len(steps)} distinct angles are arccos(1 - k / 2^24) with a whole k, to within "
        f"{off:.3f} of a step, and {zeros} others are exactly 0"
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


ANGLES = (
    Sentinel(
        name="angles-below-resolution",
        flaws=("F16",),
        severity="warning",
        needs=("metrics.angle_from_previous",),
        why="The smallest angles are rounding: a zero does not mean that the weights kept their "
        "direction.",
        advice="Compute 2 atan2(|a - b|, |a + b|) of the unit vectors in float64 instead of an "
        "arccosine.",
        look=below_resolution,
    ),
)
