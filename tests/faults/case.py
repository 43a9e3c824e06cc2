"""A case of a fault, the ends that it may have, and what a clear sentence is."""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from faults.process import Ended
from faults.tiny_study import TinyStudy


class Ending(StrEnum):
    """How a fault ended; any other end is a failure."""

    RESULT = "correct result"
    SENTENCE = "clear sentence"


@dataclass(frozen=True)
class Surroundings:
    """What a case works with.

    Attributes:
        folder: empty at first; removed after the case.
        generator: the case's own random numbers.
    """

    folder: Path
    generator: random.Random
    tiny: TinyStudy


@dataclass(frozen=True)
class Case:
    """One fault.

    Attributes:
        make: brings the fault about and judges its end; takes the surroundings and `arguments`,
            and raises AssertionError for a wrong end.
        slow: not among the few that every run of the tests tries.
    """

    name: str
    make: Callable[..., Ending]
    arguments: tuple = ()
    slow: bool = True


# The log and the bars of downloads; that of an empty one has no length.
ASIDE = re.compile(r"\d\d:\d\d:\d\d |.*\d%\||0\.00B \[.*\]$")
NOT_FOR_USERS = ("Traceback", 'File "', "<class", "pydantic", "Errno", "Exception", " 0x")
# What can be done about it, or what would be right.
WAY_OUT = re.compile(
    r"\b(must|may|run `|run the|run it|delete|make room|rename|needs?|"
    r"permission|read-only|no such|is missing|remove)\b",
    re.IGNORECASE,
)


def assert_clear_sentence(ended: Ended, names: Sequence[str]) -> Ending:
    """Hold a command's end against what a user is promised.

    The exit status tells of a failure. Beside the log there is one paragraph, with a sentence for
    each mistake, that names one of `names` and says what is allowed or what to do.

    Raises:
        AssertionError: says what is not so, with the whole output.
    """
    lines = [line for line in ended.text.splitlines() if not ASIDE.match(line)]
    message = "\n".join(lines).strip()
    paragraph = message.partition("Error: ")[2]
    shown = [part for part in NOT_FOR_USERS if part in ended.text]
    for holds, otherwise in (
        (ended.status > 0, f"exit status {ended.status}"),
        (not shown, f"not for users: {shown}"),
        (message.startswith(("Error: ", "Usage: ")), "no 'Error: ' in front"),
        ("\n\n" not in paragraph, "more than a paragraph"),
        (all(line.endswith(".") for line in paragraph.splitlines()), "a line is no sentence"),
        (any(name in message for name in names), f"none of {list(names)}"),
        (WAY_OUT.search(message), "no way out"),
        (len(message) < 20_000, f"{len(message)} characters"),
    ):
        assert holds, f"{otherwise}:\n{ended.text}"
    return Ending.SENTENCE


def assert_told_by_snakemake(ended: Ended, names: Sequence[str]) -> Ending:
    """The same of Snakemake, which says more around the sentence.

    Raises:
        AssertionError: it ended well, showed a traceback, or named none of `names`.
    """
    assert ended.status > 0, f"exit status {ended.status}:\n{ended.text}"
    assert "Traceback" not in ended.text, ended.text
    assert any(name in ended.text for name in names), f"none of {list(names)} in:\n{ended.text}"
    return Ending.SENTENCE
