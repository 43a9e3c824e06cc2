"""What the sentinels made of runs, as text and as data."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tlstudy.audit.own_runs.reading import Source
from tlstudy.audit.sentinels.evidence import Evidence
from tlstudy.audit.sentinels.registry import Examination, examine, examine_group, examine_table
from tlstudy.audit.sentinels.sentinel import Finding
from tlstudy.storage.errors import UserError
from tlstudy.watching.finding import SEVERITIES, counted, reasons, tally, wrapped

UNREADABLE = 2  # exit status
# What a sentinel raises where values contradict each other.
NO_SENSE = (
    *(TypeError, ValueError, LookupError, AttributeError, ArithmeticError),
    *(RecursionError, MemoryError),
)
LONGEST_REASON = 200  # characters
# Words in needs that a table cannot meet.
OF_FOLDERS = ("run.json", "each layer", "landscape", "settings", "training images", "reported")


SETTINGS = {"learning_rate", "test_images"}  # columns that say how, not what came of it
FOUND = re.compile(r", found \d+")


@dataclass(frozen=True)
class Examined:
    """A run, or runs that are compared, and what the sentinels made of it.

    Attributes:
        source: file or folder that a run is from; empty for runs that are compared.
        values: columns of the run in which there are values.
        of_folder: whether it is from the folder of a run of tlstudy.
    """

    name: str
    source: str
    examination: Examination
    values: tuple[str, ...] = ()
    of_folder: bool = False

    @property
    def judged(self) -> bool:
        """Whether any sentinel looked at what the run did; runs that are compared were before.

        A sentinel may find a mistake in the settings alone, but none can show that the run is
        sound.
        """
        found = self.examination
        if not self.source or found.findings:
            return True
        return bool(found.ran) and not set(self.values or ["record"]) <= SETTINGS


def examine_all(sources: list[Source]) -> list[Examined]:
    """Each run by itself, then the runs of a table together, and folders of one size and seed."""
    examined = [
        Examined(
            evidence.name,
            str(source.path),
            _in_a_sentence(examine, evidence, f"{source.path}: {evidence.name}"),
            _values(evidence),
            of_folder=bool(evidence.record),
        )
        for source in sources
        for evidence in source.runs
    ]
    groups: dict[tuple, list[Evidence]] = {}
    for source in sources:
        table = [run for run in source.runs if not run.record]
        if len(table) > 1:
            found = _in_a_sentence(examine_table, table, f"{source.path}: its runs")
            examined.append(_together(f"{len(table)} runs of {source.path.name} compared", found))
        for evidence in source.runs:
            if evidence.record:
                arms = getattr(evidence.training, "group", "")  # compared within it, as in a report
                key = (arms, evidence.training.target.source, evidence.subset_size, evidence.seed)
                groups.setdefault(key, []).append(evidence)
    for (_, _, size, seed), group in groups.items():
        if len(group) > 1:
            name = f"{len(group)} runs compared, n = {size}, seed {seed}"
            found = _in_a_sentence(examine_group, group, name)
            examined.append(_together(name, found))
    return examined


def _in_a_sentence(look: Callable[[Any], Examination], at: Any, name: str) -> Examination:
    """What is seen.

    Raises:
        UserError: the values make no sense together, and so break the arithmetic of a sentinel.
    """
    try:
        return look(at)
    except NO_SENSE as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST_REASON]
        told = UserError(
            f"{name}: values that make no sense together ({reason}); each epoch must stand there "
            "once, with shares from 0 to 1 for accuracies."
        )
        told.exit_code = UNREADABLE
        raise told from error


def _together(name: str, found: Examination) -> Examined:
    """What was found on runs that are compared: once, not for each of them."""
    once = {finding.sentinel: finding for finding in found.findings}
    return Examined(name, "", Examination([*once.values()], found.ran, found.skipped))


def _values(evidence: Evidence) -> tuple[str, ...]:
    if evidence.metrics is None:
        return ()
    there = evidence.filled["metrics"] - {"epoch"}
    return tuple(name.removesuffix("_running") for name in evidence.metrics if name in there)


def all_findings(examined: list[Examined]) -> list[Finding]:
    """Findings of all runs, in their order."""
    return [finding for item in examined for finding in item.examination.findings]


def told(examined: list[Examined], sources: list[Source], unread: list[str]) -> str:
    """Findings by run: what was seen, why it matters, what to do; then what looked and what not.

    Args:
        unread: a sentence for each file or folder that could not be read.
    """
    parts = ["\n".join(_lines_of_run(item)) for item in examined]
    parts += ["\n".join(_lines_of_source(source)) for source in sources if source.columns]
    parts.append("\n".join(_lines_of_sentinels(examined)))
    runs = sum(bool(item.source) for item in examined)
    unjudged = sum(not item.judged for item in examined)
    result = f"{unjudged} cannot be judged" if unjudged else ""
    if unjudged < runs:
        result = ", ".join(
            filter(None, (tally(one.severity for one in all_findings(examined)), result))
        )
    if unread:
        parts.append("\n".join(["Not read:", *(wrapped("  ", text) for text in unread)]))
        result += f"; {len(unread)} of the files or folders could not be read"
    return "\n\n".join([*parts, f"{counted(runs, 'run')}: {result}."])


def _lines_of_source(source: Source) -> Iterator[str]:
    """How a file was read: its columns, what was done to its rows, and what was left."""
    read = [
        theirs if ours == theirs else f"{theirs} as {ours}"
        for ours, theirs in sorted(source.columns.items(), key=lambda pair: pair[0] == pair[1])
    ]
    yield wrapped(f"{source.path}: read ", ", ".join(read) + ".")
    for note in source.notes:
        yield wrapped("  ", note + ".")
    if source.unread:
        yield wrapped("  no sentinel reads ", ", ".join(source.unread) + ".")


def _lines_of_run(item: Examined) -> Iterator[str]:
    source = f" ({item.source})" if item.source else ""
    if item.judged:
        yield f"{item.name}{source}: {tally(one.severity for one in item.examination.findings)}"
    else:
        there = ", ".join(item.values) or "nothing, as no cell has a number,"
        text = f"no sentinel makes anything of {there} alone"
        yield wrapped(f"{item.name}{source}: cannot judge: ", text)
    gravest = sorted(item.examination.findings, key=lambda one: SEVERITIES.index(one.severity))
    for finding in gravest:
        flaws = f" ({finding.flaws})" if finding.flaws else ""
        yield f"  {finding.severity}: {finding.sentinel}{flaws}"
        yield from reasons(finding.saw, finding.why, finding.advice)


def _lines_of_sentinels(examined: list[Examined]) -> Iterator[str]:
    """Sentinels that looked at all that they could; the others by what they lacked, and how often.

    What of several runs is lacking differs by a number at most, which is left out.
    """
    several = len(examined) > 1
    lacking: dict[str, Counter[str]] = {}
    for item in examined:
        for name, need in item.examination.skipped.items():
            reason = FOUND.sub("", need) if several else need
            lacking.setdefault(name, Counter())[_briefly(reason, item.of_folder)] += 1
    ran = Counter(name for item in examined for name in item.examination.ran)
    looked = [name for name in ran if name not in lacking]
    yield wrapped(f"Looked ({len(looked)}): ", ", ".join(looked) or "none")
    if lacking:
        yield f"Skipped ({len(lacking)}), for want of:"
    by_need: dict[str, list[str]] = {}
    for name, needs in lacking.items():
        candidates = ran[name] + needs.total()
        for need, count in needs.items():
            where = "" if count == candidates else f" (in {count} of {candidates})"
            by_need.setdefault(need, []).append(name + where)
    for need, names in by_need.items():
        yield wrapped("  ", f"{need}: {', '.join(names)}")


def _briefly(need: str, of_folder: bool) -> str:
    """A need as its source can meet it: a run's folder in any way, a table in some."""
    if of_folder:
        return need
    parts = [
        [way for way in part.split(" or ") if not any(word in way for word in OF_FOLDERS)]
        for part in need.split(", ")
    ]
    return ", ".join(map(" or ".join, parts)) if all(parts) else "the folder of a run of tlstudy"


def as_data(examined: list[Examined], sources: list[Source], unread: list[str]) -> dict[str, Any]:
    """The same for programs: a list of runs, each with findings, ran and skipped."""
    return {
        "runs": [
            {
                "run": item.name,
                "source": item.source,
                "judged": item.judged,
                "findings": [finding.row() for finding in item.examination.findings],
                "ran": item.examination.ran,
                "skipped": item.examination.skipped,
            }
            for item in examined
        ],
        "columns_read": {str(source.path): source.columns for source in sources},
        "notes": {str(source.path): source.notes for source in sources},
        "not_read": unread,
        "columns_not_read": {str(source.path): source.unread for source in sources},
    }
