"""Runs the real workflow in a folder of its own, on the repository's cache."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "tiny.yaml"


class StudyFolder:
    """A folder with a configuration, where Snakemake runs the repository's workflow."""

    def __init__(self, folder: Path, root: Path = ROOT):
        self.folder, self.root = folder, root
        self.limits = ("--cores", "2")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "config.yaml", folder / "config.yaml")
        self.overlay = yaml.safe_load(TINY.read_text())
        self.overlay["cache"] = str(ROOT / "resources")

    def copy_to(self, folder: Path, root: Path = ROOT) -> "StudyFolder":
        """A copy with all results and Snakemake's own records of them."""
        shutil.copytree(self.folder, folder, copy_function=shutil.copy2)
        other = StudyFolder(folder, root)
        other.overlay = yaml.safe_load(yaml.safe_dump(self.overlay))
        return other

    def command(self, *options: str) -> list[str]:
        (self.folder / "tiny.yaml").write_text(yaml.safe_dump(self.overlay))
        return [
            sys.executable,
            "-m",
            "snakemake",
            "--snakefile",
            str(self.root / "Snakefile"),
            *self.limits,
            "--configfile",
            "tiny.yaml",
            *options,
        ]

    def environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {
            **os.environ,
            "PATH": path,
            "PYTHONPATH": str(self.root),
            "OMP_WAIT_POLICY": "PASSIVE",
        }

    def run(self, *options: str, timeout: int = 600) -> subprocess.CompletedProcess:
        process = self.start(*options)
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return subprocess.CompletedProcess(process.args, process.returncode, output)

    def start(self, *options: str) -> subprocess.Popen:
        """Start in a process group of its own, as a terminal does."""
        return subprocess.Popen(
            self.command(*options),
            cwd=self.folder,
            env=self.environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # A shell that runs the tests in the background lets them ignore interrupts.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def planned(self, *options: str) -> dict[str, int]:
        """Jobs by rule that a dry run plans; without the target."""
        result = self.run("--dry-run", *options)
        assert result.returncode == 0, result.stdout
        counts = re.findall(r"^([a-z_]+) +(\d+)$", result.stdout, flags=re.MULTILINE)
        return {
            rule: int(count)
            for rule, count in dict(counts).items()
            if rule not in ("total", "study", "all")
        }

    @property
    def results(self) -> Path:
        return self.folder / "results" / "tiny"


def wait_for_training(place, seconds: int = 120) -> int:
    """Process id of a training job of this folder that has begun to train."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for entry in os.listdir("/proc"):
            if entry.isdigit() and is_training(entry, place):
                return int(entry)
        time.sleep(0.1)
    raise AssertionError("no training job was seen")


def is_training(process: str, place) -> bool:
    try:
        with open(f"/proc/{process}/cmdline", "rb") as file:
            arguments = file.read().decode().split("\0")
        return "train" in arguments and os.readlink(f"/proc/{process}/cwd") == str(place.folder)
    except (OSError, UnicodeDecodeError):
        return False
