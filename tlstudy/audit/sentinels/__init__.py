"""Checks that look at every run for what went wrong in the published study, and report it.

A sentinel is a pure function from what is known of a run to what it saw, a sentence with the
numbers, or None. What a sentinel needs and is not there makes it skipped, and that is reported
too: it never counts as passed.
"""

from tlstudy.audit.sentinels.evidence import Evidence
from tlstudy.audit.sentinels.registry import (
    GROUP_SENTINELS,
    SENTINELS,
    Examination,
    examine,
    examine_group,
)
from tlstudy.audit.sentinels.sentinel import ALARMS, SEVERITIES, Finding

__all__ = [
    "ALARMS",
    "GROUP_SENTINELS",
    "SENTINELS",
    "SEVERITIES",
    "Evidence",
    "Examination",
    "Finding",
    "examine",
    "examine_group",
]
