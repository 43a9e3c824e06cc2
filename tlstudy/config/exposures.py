"""Arms that differ only in which classes they are shown turned by right angles."""

from typing import get_args

from tlstudy.config.augmentation import HALF, Angle, QuarterTurn
from tlstudy.config.settings import Arm, Study

EXPOSURES = ("none", "half", "all")


def exposure_of(arm: Arm) -> str:
    """One of EXPOSURES; empty if training images are changed in another way."""
    if not arm.augmentation:
        return "none"
    first, *others = arm.augmentation
    if others or not isinstance(first, QuarterTurn) or set(first.angles) != set(get_args(Angle)):
        return ""
    if first.classes == HALF:
        return "half"
    return "" if first.classes else "all"


def exposed_arms(study: Study) -> list[dict[str, str]]:
    """Arms by exposure, for each network and protocol that the study trains with all three."""
    found: dict[str, dict[str, str]] = {}
    for name, arm in study.arms.items():
        same = {"augmentation": [], "label": "", "group": "main"}
        alike = found.setdefault(arm.model_copy(update=same).model_dump_json(), {})
        if exposure := exposure_of(arm):
            alike.setdefault(exposure, name)
    return [
        {exposure: arms[exposure] for exposure in EXPOSURES}
        for arms in found.values()
        if len(arms) == len(EXPOSURES)
    ]
