"""All sentinels in a fixed order, that of the flaws that they stand for."""

from collections.abc import Iterable

from tlstudy.audit.sentinels import angles, batchnorm, images, planes, results, weights
from tlstudy.audit.sentinels.evidence import Evidence
from tlstudy.audit.sentinels.sentinel import (
    Examination,
    GroupSentinel,
    Sentinel,
    run_group_sentinels,
    run_sentinels,
)

SENTINELS: tuple[Sentinel, ...] = (
    *results.FINITENESS,
    *weights.MOVEMENT,
    *results.LEARNING,
    *weights.GRADIENTS,
    *planes.PLANES,
    *results.LOSS,
    *images.INPUTS,
    *batchnorm.BATCHNORM,
    *weights.DRIFT,
    *results.REPORTING,
    *images.DRAW,
    *angles.ANGLES,
)
GROUP_SENTINELS: tuple[GroupSentinel, ...] = (
    *planes.COMPARED_PLANES,
    *images.COMPARED_LAYERS,
    *images.COMPARED_IMAGES,
)


def examine(evidence: Evidence) -> Examination:
    """What all sentinels of a single run make of it."""
    return run_sentinels(SENTINELS, evidence)


def examine_group(evidences: Iterable[Evidence]) -> Examination:
    """What the others make of runs that are compared: one group, subset size and seed."""
    return run_group_sentinels(GROUP_SENTINELS, list(evidences))
