"""Processor time of a job before its work begins, and of the help."""

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import yaml

ARM = {"label": "New"}
CONFIGURATION = {"study": "start-up", "seed": [26], "subset_size": [20], "arms": {"new": ARM}}
TRAIN = ("train", "--arm", "new", "--subset-size", "20", "--seed", "26")
WHERE_WORK_BEGINS = "subset.json: missing"  # the first file that a training reads


def training(folder: Path, turns: int = 3) -> dict:
    """CPU seconds from the start of a training's process until it reads its first file.

    In an empty folder that file is missing, so the job stops there with a sentence.
    """
    write_configuration(folder)
    seconds = [cpu_seconds(folder, TRAIN, WHERE_WORK_BEGINS) for _ in range(turns)]
    return figure("start of a training job", seconds, target=3.0)


def write_configuration(folder: Path) -> None:
    """A study of one random network, where the commands look for it."""
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIGURATION), encoding="utf-8")


def help_text(folder: Path, turns: int = 3) -> dict:
    """CPU seconds of the help of all commands."""
    seconds = [cpu_seconds(folder, ("--help",), "Usage: ") for _ in range(turns)]
    return figure("help of the command line", seconds, target=1.0)


def cpu_seconds(folder: Path, arguments: tuple[str, ...], says: str) -> float:
    """User and system seconds of a command with one thread.

    Raises:
        RuntimeError: it did not say what it was to.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "tlstudy.cli", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if says not in done.stdout + done.stderr:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def figure(name: str, seconds: list[float], target: float) -> dict:
    """A row of the benchmark's table."""
    return {
        "name": name,
        "value": float(np.median(seconds)),
        "least": min(seconds),
        "most": max(seconds),
        "unit": "CPU seconds",
        "target": target,
    }
