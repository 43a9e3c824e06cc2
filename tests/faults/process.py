"""Commands in processes of their own, which may be killed, starved or let to write nowhere."""

import logging
import os
import re
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from killing import PROCESSES

import tlstudy.stages.aggregate
import tlstudy.stages.claims
import tlstudy.stages.measure
import tlstudy.stages.report
import tlstudy.stages.subset
import tlstudy.stages.train  # noqa: F401 - imported once here, and not in every forked process
from tlstudy.cli import main

ROOT = Path(__file__).parents[2]


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

    Not from the tests' own process: that has threads, and what they hold locked stays locked in a
    fork, which then waits for ever.
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

    def wait(self, seconds: float = 300) -> Ended:
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


def limit_memory(more: int) -> None:
    """In the command's own process: let it take so many bytes more than the fork has already.

    What was imported before the fork counts among them. With less than that no thread can be
    started any more, and Python waits for it for ever.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    held = int(re.search(r"VmData:\s*(\d+) kB", status)[1]) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (held + more,) * 2)


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


def snakemake(folder: Path, *options: str) -> subprocess.Popen:
    """Start the repository's workflow in a folder with a `config.yaml`, as a terminal does."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # `--resources` takes all that follows it up to the next option: it must not end the line.
    workflow = ["--resources", "gpu=0", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1"]
    return subprocess.Popen(
        [sys.executable, "-m", "snakemake", *workflow, *options],
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        text=True,
        errors="replace",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def finished(process: subprocess.Popen, seconds: float = 600) -> Ended:
    """Wait for the end of Snakemake.

    Raises:
        AssertionError: it took longer; it was killed with its jobs.
    """
    try:
        text, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        text, _ = process.communicate()
        raise AssertionError(f"no end within {seconds} s:\n{text}") from None
    return Ended(process.returncode, text)
