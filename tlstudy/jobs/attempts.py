"""Notes of jobs that began: what is left of one tells a failed job from one that never ran."""

import json
import os
import shlex
import socket
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tlstudy.storage.errors import UserError
from tlstudy.storage.files import write_json_atomically

TOLD_LINES = 20  # of a traceback: its end says what happened


@dataclass(frozen=True)
class Attempt:
    """A job that began and has not ended well.

    Attributes:
        command: as it was called; it runs again so, in `folder`.
        began: seconds since 1970.
        started: clock ticks from the machine's start to the process's, as numbers of processes are
            given again; 0 where the system does not tell.
        error: the sentence or the end of the traceback that it failed with; empty while it runs,
            and for ever if it was killed.
    """

    command: str
    folder: str
    host: str
    process: int
    began: float
    error: str = ""
    started: int = 0

    def may_run(self) -> bool:
        """Whether it may still be running; of another machine's job this cannot be seen."""
        if self.error:
            return False
        return self.host != socket.gethostname() or (
            _is_there(self.process) and self._is_the_same(_started(self.process))
        )

    def _is_the_same(self, started: int) -> bool:
        return 0 in (self.started, started) or self.started == started

    def told(self) -> str:
        """What is known of its end, in a sentence."""
        if self.error:
            return self.error.strip().rpartition("\n")[2]
        began = f"It began on {time.strftime('%d %B at %H:%M', time.localtime(self.began))}"
        if self.may_run():
            return f"{began} on {self.host}, and runs still or was killed there."
        return f"{began} and was killed: by hand, for want of memory, or at the end of its time."


@contextmanager
def attempt(file: Path) -> Iterator[None]:
    """Keep a note of the job within: removed if it ends well, told the error if it fails.

    A job that is killed leaves the note as it was. One that the user interrupts leaves none: it
    did not fail.
    """
    note = Attempt(
        command=shlex.join(["tlstudy", *sys.argv[1:]]),
        folder=os.getcwd(),
        host=socket.gethostname(),
        process=os.getpid(),
        began=time.time(),
        started=_started(os.getpid()),
    )
    write_json_atomically(file, asdict(note))
    try:
        yield
    except Exception as error:
        with suppress(OSError, UserError):  # such as a full disk, which may be the very error
            write_json_atomically(file, asdict(replace(note, error=_told(error))))
        raise
    except KeyboardInterrupt:
        file.unlink(missing_ok=True)
        raise
    file.unlink(missing_ok=True)


def read_attempt(file: Path) -> Attempt | None:
    """The note of a job; None if there is none, or none that can be read."""
    try:
        return Attempt(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _told(error: Exception) -> str:
    if isinstance(error, UserError):
        return error.message
    return "\n".join("".join(traceback.format_exception(error)).splitlines()[-TOLD_LINES:])


def _is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _started(process: int) -> int:
    """Clock ticks from the machine's start to the process's; 0 where that is not told."""
    try:
        after_name = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2]
    except OSError:
        return 0
    return int(after_name.split()[19])  # field 22 of the line, which begins with number and name
