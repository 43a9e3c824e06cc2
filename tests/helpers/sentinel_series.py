"""What a sentinel saw of a run, for the tests of the sentinels."""

import numpy as np
import pandas as pd

from tlstudy.audit.sentinels.evidence import Evidence
from tlstudy.audit.sentinels.registry import SENTINELS, examine

BY_NAME = {sentinel.name: sentinel for sentinel in SENTINELS}


def saw(name: str, evidence: Evidence) -> str:
    """What a sentinel saw, empty for nothing; it must not be skipped."""
    sentinel = BY_NAME[name]
    assert not sentinel.lacks(evidence), sentinel.lacks(evidence)
    return sentinel.saw(evidence)


def skipped(name: str, evidence: Evidence) -> str:
    """What a sentinel would have needed; empty if it looked."""
    return examine(evidence).skipped.get(name, "")


def series(**columns) -> Evidence:
    """A run of which only a few columns are known."""
    frame = pd.DataFrame(columns)
    return Evidence(arm="series", metrics=frame.assign(epoch=np.arange(1, len(frame) + 1)))
