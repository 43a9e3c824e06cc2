"""Runs the real workflow in a folder of its own, on the repository's cache."""

import copy
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil
import yaml
from configurations import ROOT

TRAINED = ("new-published", "pretrained-published", "new", "pretrained")  # its arms, in order
T = TypeVar("T")
TINY = ROOT / "tests" / "tiny.yaml"
# Networks as small as the tests' take longer on two threads than on one.
LIMITS = ("--cores", "2", "--max-threads", "1")
# Seconds that nothing takes on the busiest machine: after them something hangs.
PATIENCE = 1200

# Stands for `tlstudy`: while there is a file `held`, a training waits before its first epoch, so
# that a test finds it running on a machine of any speed.
HELD = f"""#!{sys.executable}
import pathlib, sys, time
from tlstudy.cli import main

if sys.argv[1] == "train":
    from tlstudy.networks.trainer import Trainer

    def run(*positional, train=Trainer.run, **named):
        while pathlib.Path("held").exists():
            time.sleep(0.1)
        return train(*positional, **named)

    Trainer.run = run
main()
"""


class StudyFolder:
    """A folder with a configuration, where Snakemake runs the repository's workflow."""

    def __init__(self, folder: Path):
        self.folder, self.root = folder, ROOT
        self.limits = LIMITS
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "config.yaml", folder / "config.yaml")
        self.overlay = yaml.safe_load(TINY.read_text())
        self.overlay["cache"] = str(ROOT / "resources")

    def have_only(self, **arms: dict) -> None:
        """Let the study have these arms alone, without measurements, ladder and claims."""
        default = ("new-published", "pretrained-published", "new", "pretrained")
        self.overlay["arms"] = dict.fromkeys(default) | arms
        self.overlay |= {name: {"seeds": []} for name in ("landscape", "curvature", "encoder")}
        self.overlay |= {"ladder": [], "claims": {}}

    def copy_to(self, folder: Path) -> "StudyFolder":
        """A copy with all results and Snakemake's own records of them."""
        shutil.copytree(self.folder, folder, copy_function=shutil.copy2)
        other = StudyFolder(folder)
        other.overlay = copy.deepcopy(self.overlay)
        return other

    def options(self) -> list[str]:
        """Options of every call of Snakemake, with the configuration written down."""
        (self.folder / "tiny.yaml").write_text(yaml.safe_dump(self.overlay))
        snakefile = ["--snakefile", str(self.root / "Snakefile")]
        return [*snakefile, *self.limits, "--configfile", "tiny.yaml"]

    def start(self, *options: str) -> subprocess.Popen:
        return start_snakemake(self.folder, self.environment(), *self.options(), *options)

    def environment(self) -> dict[str, str]:
        """Environment variables of Snakemake and its jobs."""
        variables = environment(self.root)
        for name, first in (("PATH", self.folder / "bin"), ("PYTHONPATH", self.site)):
            variables[name] = f"{first}{os.pathsep}{variables[name]}"
        return variables

    @property
    def site(self) -> Path:
        """Where Snakemake and its jobs look for packages first."""
        return self.folder / "site"

    def tlstudy(self, *arguments: str) -> str:
        """Run a command to a good end; what it printed."""
        result = subprocess.run(
            [sys.executable, "-m", "tlstudy.cli", *arguments],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def hold_trainings(self) -> None:
        """Let trainings wait until `let_go`."""
        self.replace_command(HELD)
        (self.folder / "held").touch()

    def let_go(self) -> None:
        (self.folder / "held").unlink()

    def replace_command(self, script: str) -> None:
        """Let jobs find a script where they look for `tlstudy`."""
        command = self.folder / "bin" / "tlstudy"
        command.parent.mkdir(exist_ok=True)
        command.write_text(script)
        command.chmod(0o755)

    def run(self, *options: str) -> subprocess.CompletedProcess:
        return finished(self.start(*options))

    def succeed(self, *options: str) -> str:
        """Run it to a good end; what it printed."""
        result = self.run(*options)
        assert result.returncode == 0, result.stdout
        return result.stdout

    def planned(self, *options: str) -> dict[str, int]:
        """Jobs by rule that a dry run plans; without the target."""
        told = self.succeed("--dry-run", *options)
        counts = dict(re.findall(r"^([a-z_]+) +(\d+)$", told, flags=re.MULTILINE))
        targets = ("total", "study", "all")
        return {rule: int(count) for rule, count in counts.items() if rule not in targets}

    @property
    def results(self) -> Path:
        return self.folder / "results" / "tiny"


def environment(root: Path = ROOT) -> dict[str, str]:
    """Environment variables of Snakemake and its jobs, which import the package from `root`."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    threads = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    return os.environ | threads | {"PATH": path, "PYTHONPATH": str(root)}


def start_snakemake(folder: Path, variables: dict[str, str], *options: str) -> subprocess.Popen:
    """Start Snakemake in a process group of its own, as a terminal does."""
    return subprocess.Popen(
        [sys.executable, "-m", "snakemake", *options],
        cwd=folder,
        env=variables,
        text=True,
        errors="replace",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        # A shell that runs the tests in the background lets them ignore interrupts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def finished(process: subprocess.Popen) -> subprocess.CompletedProcess:
    """Wait for the end of Snakemake; if it hangs, kill it with its jobs."""
    try:
        output, _ = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, output)


def jobs_in(folder: Path, step: str = "") -> list[int]:
    """Process ids of the `tlstudy` jobs, of a step or of all, that work in a folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        command = process.info["cmdline"] or []
        named = "--config" in command and (not step or step in command)
        if named and process.info["cwd"] == str(folder):
            found.append(process.pid)
    return found


def wait_for_training(place: StudyFolder) -> int:
    """Process id of a training job, as soon as one runs."""
    return wait_until(lambda: jobs_in(place.folder, "train"), "a training job")[0]


def wait_until(found: Callable[[], T], what: str, seconds: float = PATIENCE) -> T:
    """Ask until the answer is not empty, and return it."""
    end = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.1)
    return answer
