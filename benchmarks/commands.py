"""Commands in processes of their own: how long they take, and how much memory."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SNAKEFILE = Path(__file__).parents[1] / "Snakefile"
# A process's largest memory counts from before its program: that of the process that starts it.
# So a small one does, whose last line is seconds, CPU seconds, and KiB.
MEASURE = """
import os, subprocess, sys, time
began = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stderr=subprocess.STDOUT)
_, status, usage = os.wait4(process.pid, 0)
seconds = time.perf_counter() - began
print()
print(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status) != 0)
"""


@dataclass(frozen=True)
class Spent:
    """What a process took, and its children that it waited for.

    Attributes:
        seconds: from its start to its end.
        cpu_seconds: of user and system together.
        peak_mib: largest resident memory, MiB.
    """

    seconds: float
    cpu_seconds: float
    peak_mib: float


def run(command: list[str], folder: Path, says: str = "") -> Spent:
    """Run a command to its end.

    Args:
        says: regular expression of what it must say.

    Raises:
        RuntimeError: it fails, or does not say that.
    """
    environment = os.environ | {"PYTHONPATH": str(SNAKEFILE.parent)}
    done = subprocess.run(
        [*python(MEASURE), *command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode or not re.search(says, done.stdout):
        raise RuntimeError(f"{' '.join(command)}: {done.stdout[-2000:]}")
    seconds, cpu_seconds, kibibytes = map(float, done.stdout.splitlines()[-1].split())
    return Spent(seconds, cpu_seconds, kibibytes / 1024)


def python(code: str) -> list[str]:
    """Python code; further arguments may be appended."""
    return [sys.executable, "-c", code]


def tlstudy(step: str) -> list[str]:
    """A step; a configuration file is to be appended."""
    return [sys.executable, "-m", "tlstudy.cli", step, "--config"]


def snakemake(settings: Path, *options: str) -> list[str]:
    """The workflow on a configuration file."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(SNAKEFILE), "--cores", "1"]
    return [*command, "--configfile", str(settings), *options]
