"""Notes of jobs that began: a note that is left tells a failed job from one that never ran."""

import os
import shlex
import socket
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Self, TypeVar

import psutil
from pydantic import Field, NonNegativeInt, TypeAdapter

from tlstudy.storage.errors import UserError
from tlstudy.storage.files import write_json_atomically

Moment = Annotated[float, Field(ge=0, le=2.5e11)]  # up to the year 9892: clocks know no later one
KEPT_LINES = 20  # of a traceback: its end says what happened
CLOCK_SECONDS = 10  # by which the system may be wrong about when a process began


@dataclass(frozen=True)
class Attempt:
    """A job that began and has not ended well.

    Attributes:
        command: as it was called; it runs again so, in `folder`.
        began: seconds since 1970.
        error: the sentence or the end of the traceback that it failed with; empty while it runs,
            and for ever if it was killed.
    """

    command: str
    folder: str
    host: str
    process: NonNegativeInt
    began: Moment
    error: str = ""

    @classmethod
    def of_this_process(cls, command: Sequence[str], **more: object) -> Self:
        """The note of the job that this process is, which begins now."""
        return cls(
            command=shlex.join(command),
            folder=os.getcwd(),
            host=socket.gethostname(),
            process=os.getpid(),
            began=time.time(),
            **more,
        )

    def may_run(self) -> bool:
        """Whether it may still be running; of another machine's job this cannot be seen."""
        if self.error:
            return False
        return self.host != socket.gethostname() or self.runs_here()

    def runs_here(self) -> bool:
        """Whether its process is there, on this machine."""
        if self.error or self.host != socket.gethostname():
            return False
        try:
            process_began = psutil.Process(self.process).create_time()
        except (psutil.NoSuchProcess, OverflowError):  # no system has such a number
            return False
        # The system uses numbers of processes again: a later process is another one.
        return process_began < self.began + CLOCK_SECONDS

    def told(self) -> str:
        """How it ended, as far as that is known, in a sentence."""
        if self.error:
            return self.error.strip().rpartition("\n")[2]
        began = f"It began on {time.strftime('%d %B at %H:%M', time.localtime(self.began))}"
        if self.runs_here():
            return f"{began} and is running (process {self.process})."
        if self.may_run():
            return f"{began} on {self.host}, and runs still or was killed there."
        return f"{began} and was killed: by hand, for want of memory, or at the end of its time."


@contextmanager
def attempt(file: Path) -> Iterator[None]:
    """Keep a note of a job while it runs.

    It is removed if the job ends well or the user interrupts it. If the job fails, its error is
    added; if it is killed, the note stays as it is.
    """
    note = Attempt.of_this_process(["tlstudy", *sys.argv[1:]])
    write_json_atomically(file, asdict(note))
    try:
        yield
    except Exception as error:
        # A sentence that stands for a traceback has it as its cause.
        shown = error.__cause__ if isinstance(error, UserError) else error
        lines = "".join(traceback.format_exception(shown)).splitlines()[-KEPT_LINES:]
        told = "\n".join(lines) if shown else error.message
        with suppress(OSError, UserError):  # such as a full disk, which may be the very error
            write_json_atomically(file, asdict(replace(note, error=told)))
        raise
    except KeyboardInterrupt:
        file.unlink(missing_ok=True)
        raise
    file.unlink(missing_ok=True)


Note = TypeVar("Note", bound=Attempt)


def read_attempt(file: Path, kind: type[Note] = Attempt) -> Note | None:
    """The note of a job; None if there is none, or it cannot be read."""
    try:
        if not file.is_file():  # to read a pipe might never end
            return None
        return TypeAdapter(kind).validate_json(file.read_bytes(), strict=True)
    except (OSError, ValueError):
        return None
