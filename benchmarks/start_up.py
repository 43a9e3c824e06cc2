"""Processor time of a job before its work begins, and of the help."""

import json
import subprocess
import sys
from pathlib import Path

import yaml

from benchmarks.figures import figure

ARM = {"label": "New"}
CONFIGURATION = {"study": "start-up", "seed": [26], "subset_size": [20], "arms": {"new": ARM}}
TRAIN = ("train", "--arm", "new", "--subset-size", "20", "--seed", "26")
WHERE_WORK_BEGINS = "subset.json: missing"  # the first file that a training reads
HELP, IN_THE_HELP = ("--help",), "Commands:"
# Asks the process itself, as leaving Python takes most of a second more.
CHILD = """
import json, resource, sys
from tlstudy.cli import main
try:
    main(json.loads(sys.argv[1]))
except SystemExit:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    print()
    print(json.dumps([spent.ru_utime + spent.ru_stime, sorted(sys.modules)]))
"""


def training(folder: Path, turns: int = 3) -> dict:
    """CPU seconds from the start of a training's process until it reads its first file.

    In an empty folder that file is missing, so the job stops there with a sentence.
    """
    write_configuration(folder)
    return _figure("start of a training job", folder, TRAIN, WHERE_WORK_BEGINS, turns, target=3.0)


def help_text(folder: Path, turns: int = 3) -> dict:
    """CPU seconds of the help of all commands."""
    return _figure("help of the command line", folder, HELP, IN_THE_HELP, turns, target=1.0)


def write_configuration(folder: Path) -> None:
    """A study of one random network, where the commands look for it."""
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIGURATION), encoding="utf-8")


def spent_by(folder: Path, arguments: tuple[str, ...], says: str) -> tuple[float, set[str]]:
    """User and system seconds of a command until it ended, and the modules imported by then.

    Raises:
        RuntimeError: it did not end where it says what is given.
    """
    command = [sys.executable, "-c", CHILD, json.dumps(arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if says not in done.stdout + done.stderr:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stdout}{done.stderr}")
    seconds, modules = json.loads(done.stdout.splitlines()[-1])
    return seconds, set(modules)


def _figure(
    name: str, folder: Path, arguments: tuple[str, ...], says: str, turns: int, target: float
) -> dict:
    """A row of the benchmark's table: the median of the turns."""
    seconds = [spent_by(folder, arguments, says)[0] for _ in range(turns)]
    return figure(name, seconds, "CPU seconds", target)
