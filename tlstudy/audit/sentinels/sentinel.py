"""What a sentinel is, and what it leaves behind."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tlstudy.audit.sentinels.evidence import Evidence, TooLittleError
from tlstudy.audit.sentinels.words import needed

Severity = Literal["error", "warning", "note"]
# From the gravest. An error or a warning is an alarm; a note is true of many a sound run.
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
ALARMS = SEVERITIES[:2]


@dataclass(frozen=True)
class Finding:
    """What a sentinel saw in a run: a row of `tlstudy.storage.columns.FINDINGS`."""

    arm: str
    subset_size: int | None
    seed: int | None
    sentinel: str
    flaws: str
    severity: Severity
    saw: str
    why: str
    advice: str

    @property
    def is_alarm(self) -> bool:
        """Whether something is wrong with the run; a note only says what to keep in mind."""
        return self.severity in ALARMS

    def row(self) -> dict[str, Any]:
        """The finding by column."""
        return asdict(self)


@dataclass(frozen=True)
class Rule:
    """What a sentinel of one run and one of compared runs have in common.

    Attributes:
        flaws: flaws of the published study (F1 to F16) that it stands for.
        needs: parts of the evidence without which it is skipped; "a or b" if one of them will do.
        why: why it matters.
        advice: what to do.
    """

    name: str
    flaws: tuple[str, ...]
    severity: Severity
    needs: tuple[str, ...]
    why: str
    advice: str

    def lacks(self, evidence: Evidence) -> str:
        """What of its needs is missing, in words; empty if nothing is."""
        missing = [need for need in self.needs if not evidence.has(need)]
        return ", ".join(map(needed, missing))

    def finding(self, evidence: Evidence, saw: str) -> Finding:
        return Finding(
            arm=evidence.arm,
            subset_size=evidence.subset_size,
            seed=evidence.seed,
            sentinel=self.name,
            flaws=", ".join(self.flaws),
            severity=self.severity,
            saw=saw,
            why=self.why,
            advice=self.advice,
        )


@dataclass(frozen=True)
class Sentinel(Rule):
    """A check of one run: `look` returns what it saw, with the numbers, or None."""

    look: Callable[[Evidence], str | None]


@dataclass(frozen=True)
class GroupSentinel(Rule):
    """A check of runs that are compared: `look` returns what it saw, or None.

    It is given those of the runs that have what it needs, two at least, and what it saw is
    held against each of them.
    """

    look: Callable[[list[Evidence]], str | None]


@dataclass(frozen=True)
class Examination:
    """What all sentinels made of a run, or of runs that are compared.

    Attributes:
        ran: names of the sentinels that looked.
        skipped: by name, what those that did not look would have needed.
    """

    findings: list[Finding]
    ran: list[str]
    skipped: dict[str, str]


def run_sentinels(sentinels: tuple[Sentinel, ...], evidence: Evidence) -> Examination:
    """Let each sentinel look that has what it needs; the others are recorded as skipped."""
    result = Examination([], [], {})
    for sentinel in sentinels:
        missing, saw = sentinel.lacks(evidence), None
        if not missing:
            try:
                saw = sentinel.look(evidence)
            except TooLittleError as error:
                missing = str(error)
        if missing:
            result.skipped[sentinel.name] = missing
            continue
        result.ran.append(sentinel.name)
        if saw:
            result.findings.append(sentinel.finding(evidence, saw))
    return result


def run_group_sentinels(
    sentinels: tuple[GroupSentinel, ...], evidences: list[Evidence]
) -> Examination:
    """The same for runs that are compared with each other."""
    result = Examination([], [], {})
    for sentinel in sentinels:
        ready = [evidence for evidence in evidences if not sentinel.lacks(evidence)]
        if len(ready) < 2:
            result.skipped[sentinel.name] = "two runs with " + ", ".join(
                map(needed, sentinel.needs)
            )
            continue
        result.ran.append(sentinel.name)
        saw = sentinel.look(ready)
        if saw:
            result.findings.extend(sentinel.finding(evidence, saw) for evidence in ready)
    return result
