"""What the watcher says: a finding, and the text of a report."""

import textwrap
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
# From the gravest. An error or a warning is an alarm; a note is true of many a sound training.
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
ALARMS = SEVERITIES[:2]
WIDTH = 96
MOST_NAMES = 4


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a training, or good to know (a note).

    Attributes:
        saw: what was seen, with numbers and names.
        why: why it matters.
        advice: what to do.
    """

    name: str
    severity: Severity
    saw: str
    why: str
    advice: str

    @property
    def is_alarm(self) -> bool:
        """Whether something is wrong."""
        return self.severity in ALARMS


def report_text(findings: list[Finding], heading: str, unjudged: list[str], table: str) -> str:
    """All findings, from the gravest; then what the watcher could not judge.

    Args:
        heading: what was watched.
        unjudged: sentences on what it cannot judge.
        table: sentence on the table of epochs; empty without one.
    """
    lines = [f"tlstudy.watch, {heading}: {tally(one.severity for one in findings)}."]
    for finding in sorted(findings, key=lambda one: SEVERITIES.index(one.severity)):
        lines.append(f"  {finding.severity}: {finding.name}")
        lines += reasons(finding.saw, finding.why, finding.advice)
    lines += [wrapped("  cannot judge: ", text) for text in unjudged]
    return "\n".join([*lines, table] if table else lines)


def reasons(saw: str, why: str, advice: str) -> list[str]:
    """The lines below the name of a finding."""
    labelled = {"saw": saw, "why": why, "do": advice}.items()
    return [wrapped(f"    {label:4}", text, indent=8) for label, text in labelled]


def tally(severities: Iterable[str]) -> str:
    """How many there are of each severity: 1 error, 2 warnings."""
    counts = Counter(severities)
    texts = [counted(counts[one], one) for one in SEVERITIES if counts[one]]
    return ", ".join(texts) or "nothing found"


def counted(number: int, noun: str) -> str:
    """1 step, 2 steps."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(names: list[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - MOST_NAMES
    shown = ", ".join(names[:MOST_NAMES])
    return f"{shown} and {more} more" if more > 0 else shown


def percent(share: float, digits: int = 1) -> str:
    """A share as per cent: 0.1051 is 10.5 %."""
    return f"{100 * share:.{digits}f} %"


def wrapped(beginning: str, text: str, indent: int = 4) -> str:
    """Text in lines of a terminal; all but the first are indented."""
    indents = {"initial_indent": beginning, "subsequent_indent": " " * indent}
    return textwrap.fill(text, WIDTH, **indents, break_on_hyphens=False, break_long_words=False)
