"""Sentinels: checks of every run for the flaws of the published study.

A sentinel is a pure function of the evidence of a run. It yields sentences with the numbers on what
is wrong. Without the evidence that it needs it is reported as skipped, never as passed.
"""

from tlstudy.audit.sentinels.evidence import Evidence
from tlstudy.audit.sentinels.registry import (
    GROUP_SENTINELS,
    SENTINELS,
    TABLE_SENTINELS,
    Examination,
    examine,
    examine_group,
    examine_table,
)
from tlstudy.audit.sentinels.sentinel import Finding
from tlstudy.watching.finding import ALARMS, SEVERITIES

__all__ = [
    "ALARMS",
    "GROUP_SENTINELS",
    "SENTINELS",
    "SEVERITIES",
    "TABLE_SENTINELS",
    "Evidence",
    "Examination",
    "Finding",
    "examine",
    "examine_group",
    "examine_table",
]
