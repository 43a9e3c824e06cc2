"""The types of a sentinel and of its findings."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from tlstudy.audit.sentinels.evidence import Evidence, needed
from tlstudy.watching.finding import ALARMS, Severity


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
class Sentinel:
    """A check of one run, or of runs that are compared.

    Attributes:
        flaws: those of `tlstudy.audit.flaws` that it stands for.
        needs: parts of the evidence without which it is skipped; "a or b" if one of them will do.
        why: why it matters.
        advice: what to do.
        look: sentences on what is wrong, with the numbers; of a run, or of those compared runs
            that have what it needs, two at least.
    """

    name: str
    flaws: tuple[str, ...]
    severity: Severity
    needs: tuple[str, ...]
    why: str
    advice: str
    look: Callable[[Any], Iterable[str]]

    def lacks(self, evidence: Evidence) -> str:
        """What of its needs is missing, in words; empty if nothing is."""
        return ", ".join(needed(need) for need in self.needs if not evidence.has(need))

    def saw(self, evidence: Any) -> str:
        """What it saw in words; empty if nothing is wrong."""
        return "; ".join(self.look(evidence))

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


def sentinel(
    severity: Severity, *flaws: str, needs: tuple[str, ...], why: str, advice: str
) -> Callable[[Callable[[Any], Iterable[str]]], Sentinel]:
    """Make a sentinel of the function that looks; it has the function's name."""
    return lambda look: Sentinel(
        look.__name__.replace("_", "-"), flaws, severity, needs, why, advice, look
    )
