"""Two processes that write the same file at the same time, watched while they do."""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Imports take seconds and differ; after this line both processes are on the same mark.
WAIT = "input('ready\\n')"


def both_at_once(code: str, folder: Path, watched: Path) -> set[int]:
    """Run Python code in two processes; return every size at which the file was seen.

    Args:
        code: contains WAIT between what may take its time and what is to coincide.
        folder: working directory; the package can be imported from there.
    """
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    sizes, end = set(), time.monotonic() + 600
    while any(process.poll() is None for process in processes):
        assert time.monotonic() < end
        if watched.exists():
            sizes.add(watched.stat().st_size)
        time.sleep(0.001)  # leaves the processor to the processes
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0, 0]
    return sizes
