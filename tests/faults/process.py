"""Commands in processes of their own, which may be killed, starved or let to write nowhere."""

import logging
import os
import re
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import tlstudy.stages.aggregate
import tlstudy.stages.claims
import tlstudy.stages.landscape
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
    """A `tlstudy` command in a forked process: no import to wait for, so it starts at once."""

    def __init__(self, arguments: list[str], log: Path, prepare: Callable[[], None] | None = None):
        self.arguments, self.log = arguments, log
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _become_command(arguments, log, prepare)

    def kill(self, number: int = signal.SIGKILL) -> None:
        os.kill(self.pid, number)

    def wait(self, seconds: float = 300) -> Ended:
        """Wait for its end.

        Raises:
            AssertionError: it took longer; it was killed.
        """
        end = time.monotonic() + seconds
        while (found := os.waitpid(self.pid, os.WNOHANG))[0] == 0:
            if time.monotonic() > end:
                self.kill()
                os.waitpid(self.pid, 0)
                raise AssertionError(f"{' '.join(self.arguments)}: no end within {seconds} s")
            time.sleep(0.005)
        status = os.waitstatus_to_exitcode(found[1])
        return Ended(status, self.log.read_text(encoding="utf-8", errors="replace"))


def limit_memory(more: int) -> None:
    """In the command's own process: let it take so many bytes more than the fork has already.

    What the parent holds counts among them, which may be gigabytes in the middle of the tests. With
    less than that no thread can be started any more, and Python waits for it for ever.
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
