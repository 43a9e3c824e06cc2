"""How often the sentinels raise an alarm at sound runs."""

from dataclasses import dataclass

import pandas as pd
from scipy.stats import binomtest

from tlstudy.audit.flaws import FLAWS
from tlstudy.audit.sentinels.limits import CONFIDENCE
from tlstudy.config.settings import Arm
from tlstudy.storage.columns import KEYS
from tlstudy.watching.finding import ALARMS

RUN = list(KEYS)


@dataclass(frozen=True)
class FalseAlarms:
    """Sound runs with an error or a warning.

    Attributes:
        runs: sound runs; arms that share a training count once.
        alarmed: those with at least one alarm.
        low, high: exact (Clopper-Pearson) 95 % interval of the rate, as if runs were independent.
            Those of a seed are not quite, and those that end bit for bit alike not at all.
        sentinels: how many of the runs each sentinel alarmed at, by name; only those that did.
    """

    runs: int
    alarmed: int
    low: float
    high: float
    sentinels: dict[str, int]

    @property
    def rate(self) -> float | None:
        """Share of the sound runs with an alarm; None where there is no sound run."""
        return self.alarmed / self.runs if self.runs else None


def is_sound(settings: str) -> bool:
    """Whether an arm's settings (JSON) have none of the published flaws switched on."""
    arm = Arm.model_validate_json(settings)
    return not any(flaw.carried_by(arm) for flaw in FLAWS)


def false_alarms(runs: pd.DataFrame, findings: pd.DataFrame) -> FalseAlarms:
    """Rate of alarms on the sound runs of a study.

    A sound protocol can still go wrong (diverge, learn nothing), and such an alarm is counted
    too: the rate is an upper bound of that of false alarms.

    Args:
        runs, findings: the tables of a study.
    """
    sound = runs[runs["settings"].map(is_sound)].drop_duplicates("run")
    alarms = findings[findings["severity"].isin(ALARMS)].merge(sound[RUN], on=RUN)
    alarms = alarms.drop_duplicates([*RUN, "sentinel"])
    alarmed, count = len(alarms.drop_duplicates(RUN)), len(sound)
    interval = binomtest(alarmed, count).proportion_ci(CONFIDENCE) if count else None
    return FalseAlarms(
        runs=count,
        alarmed=alarmed,
        low=interval.low if interval else 0.0,
        high=interval.high if interval else 1.0,
        sentinels=alarms.groupby("sentinel").size().to_dict(),
    )
