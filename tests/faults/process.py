"""Commands in processes of their own, which may be killed or find no place to write."""

import logging
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import study_folder
from killing import PROCESSES

import tlstudy.steps.aggregate
import tlstudy.steps.claims
import tlstudy.steps.measure
import tlstudy.steps.report
import tlstudy.steps.subset
import tlstudy.steps.train  # noqa: F401 - imported once here, and not in every forked process
from tlstudy.cli import main

ROOT = study_folder.ROOT


class Ended(NamedTuple):
    """A process that has ended.

    Attributes:
        status: exit status; minus the signal that killed it.
        text: what it wrote to both of its standard streams.
    """

    status: int
    text: str


class Running:
    """A `tlstudy` command in a process forked from a server: no imports, so it begins at once.

    Not from the tests' own process: that has threads, and a lock that a thread holds would stay
    locked in the fork for ever.
    """

    def __init__(self, arguments: list[str], log: Path, prepare: Callable[[], None] | None = None):
        self.arguments, self.log = arguments, log
        self.process = PROCESSES.Process(target=_become_command, args=(arguments, log, prepare))
        self.process.start()

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send it a signal, if it has not ended."""
        if self.process.is_alive():
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, number)

    def wait(self, seconds: float = study_folder.PATIENCE) -> Ended:
        """Wait for its end.

        Raises:
            AssertionError: it took longer; it was killed.
        """
        self.process.join(seconds)
        if self.process.is_alive():
            self.kill()
            self.process.join()
            raise AssertionError(f"{' '.join(self.arguments)}: no end within {seconds} s")
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return Ended(self.process.exitcode, text)

    def succeed(self) -> None:
        """Wait for its end, which must be a good one."""
        ended = self.wait()
        assert ended.status == 0, f"{' '.join(self.arguments)}: {ended.text}"


def snakemake(folder: Path, *options: str) -> subprocess.Popen:
    """Start the repository's workflow in a folder with a `config.yaml`."""
    # `--resources` takes all that follows it up to the next option: it must not end the line.
    workflow = ["--resources", "gpu=0", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1"]
    return study_folder.start_snakemake(folder, study_folder.environment(), *workflow, *options)


def finished(process: subprocess.Popen) -> Ended:
    """Wait for the end of Snakemake."""
    done = study_folder.finished(process)
    return Ended(done.returncode, done.stdout)


def _become_command(arguments: list[str], log: Path, prepare: Callable[[], None] | None) -> None:
    """Be the command, with streams of its own, and end without the parent's cleaning up."""
    status = 1
    try:
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        sys.stdout, sys.stderr = open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115
        logging.root.handlers.clear()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if prepare:
            prepare()
        main(arguments, prog_name="tlstudy")
        status = 0
    except SystemExit as ending:
        status = ending.code if isinstance(ending.code, int) else int(bool(ending.code))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)
