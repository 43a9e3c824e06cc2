"""Work in processes of their own that are ended, as by kill -9, at a moment of their own time."""

import multiprocessing
import signal
from collections.abc import Callable

STEPS = ("train", "aggregate", "claims", "measure", "report", "subset")
# Forked from a server that has imported what takes seconds, and has no threads. It cannot import
# modules of the tests, and does not say so: Python 3.11 does not tell it where they are.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    [
        "pytest",
        "torchvision.datasets",
        "torchvision.models",
        "tlstudy.cli",
        *(f"tlstudy.steps.{step}" for step in STEPS),
    ]
)


def killed(seconds: float | None, work: Callable[..., None], *arguments: object) -> bool:
    """Do the work in a process; whether it was ended before it was done.

    Args:
        seconds: processor time that it gets, however busy the machine is; None for no limit.
    """
    process = PROCESSES.Process(target=_limited, args=(seconds, work, arguments))
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGPROF)
    return process.exitcode != 0


def _limited(seconds: float | None, work: Callable[..., None], arguments: tuple) -> None:
    if seconds is not None:
        # Left alone, the signal ends a process on the spot: nothing in it can tell.
        signal.setitimer(signal.ITIMER_PROF, seconds)
    work(*arguments)
    signal.setitimer(signal.ITIMER_PROF, 0)
