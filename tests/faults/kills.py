"""Processes killed at random moments, and started again as the documentation says."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from faults.case import Case, Ending, Surroundings
from faults.process import Ended, finished, snakemake
from faults.tiny_study import KEPT, WRITES, Place, content

SIGNALS = {
    "killed": signal.SIGKILL,
    "ended (SIGTERM)": signal.SIGTERM,
    "interrupted (Ctrl-C)": signal.SIGINT,
}
# Cases of a stage for each signal: what takes long is hit at more moments.
TIMES = {"subset": 3, "train": 10, "landscape": 4, "aggregate": 3, "claims": 3}
# The workflow's jobs begin some seconds after the start, and are done within the later time.
BEGIN, END = 4, 45


def _ready(at: Surroundings, stage: str) -> Place:
    """A place with all that the stage reads and nothing that it writes."""
    place = at.tiny.finished_place(at.folder / "place")
    for name in WRITES[stage]:
        for file in place.results.glob(name):
            file.unlink()
    if stage == "train":
        for file in place.results.rglob("plane.safetensors"):
            file.unlink()
    return place


def _assert_whole_files(at: Surroundings, place: Place, stage: str) -> None:
    """What the killed job left under a result's name is that result."""
    for name in WRITES[stage]:
        for file in place.results.glob(name):
            reference = at.tiny.reference.results / file.relative_to(place.results)
            assert content(file) == content(reference), f"{file}: half a result was left"


def _stage(stage: str, number: int) -> Callable[[Surroundings], Ending]:
    def make(at: Surroundings) -> Ending:
        place = _ready(at, stage)
        running = place.start(stage)
        time.sleep(at.generator.uniform(0, at.tiny.reference.seconds[stage]))
        running.kill(number)  # a process that has ended already stays until it is waited for
        ended = running.wait()
        if number == signal.SIGINT:
            assert "Traceback" not in ended.text, ended.text
        _assert_whole_files(at, place, stage)
        place.succeed(stage)
        at.tiny.assert_same_results(place, WRITES[stage])
        return Ending.RESULT

    return make


def start_workflow(place: Place) -> subprocess.Popen:
    """Snakemake, as far as the ledger of claims: figures and report take long and add nothing."""
    return snakemake(place.folder, str(place.results / "tables" / "claims.parquet"))


def go_on(place: Place) -> Ended:
    """What the documentation says to do after a kill: run again, after --unlock if it is asked."""
    ended = finished(start_workflow(place))
    if "--unlock" in ended.text:
        assert "Traceback" not in ended.text, ended.text
        unlocked = finished(snakemake(place.folder, "--unlock"))
        assert unlocked.status == 0, unlocked.text
        ended = finished(start_workflow(place))
    return ended


def _jobs(folder: Path) -> list[int]:
    """Process ids of the `tlstudy` jobs that work in a folder."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            command = Path("/proc", entry, "cmdline").read_bytes().split(b"\0")
            if os.readlink(f"/proc/{entry}/cwd") == str(folder) and b"--config" in command:
                found.append(int(entry))
        except (OSError, ValueError):
            continue
    return found


def _kill_a_job(place: Place, process: subprocess.Popen, generator: random.Random) -> None:
    end = time.monotonic() + END
    time.sleep(generator.uniform(BEGIN, END / 2))
    while process.poll() is None and time.monotonic() < end:
        jobs = _jobs(place.folder)
        if jobs:
            os.kill(generator.choice(jobs), signal.SIGKILL)
            return
        time.sleep(0.05)


def _workflow(how: str) -> Callable[[Surroundings], Ending]:
    def make(at: Surroundings) -> Ending:
        place = at.tiny.place(at.folder / "place", at.folder / "cache")
        (at.folder / "cache").mkdir()
        (at.folder / "cache" / "mnist").symlink_to((at.tiny.cache / "mnist").resolve())
        process = start_workflow(place)
        if how == "a job":
            _kill_a_job(place, process, at.generator)
        else:
            time.sleep(at.generator.uniform(BEGIN, END))
            if how == "interrupted (Ctrl-C)":
                os.killpg(process.pid, signal.SIGINT)
            elif process.poll() is None:
                process.send_signal(SIGNALS[how])
        _wait_without_orphans(process)
        ended = go_on(place)
        assert ended.status == 0, ended.text
        at.tiny.assert_same_results(place, KEPT)
        return Ending.RESULT

    return make


def _wait_without_orphans(process: subprocess.Popen) -> None:
    """Jobs of a killed Snakemake live on and hold its output open: they are left to it."""
    try:
        process.wait(timeout=300)
    finally:
        process.stdout.close()


CASES = [
    Case(f"{stage} {how} ({count + 1})", _stage(stage, number), slow=stage == "train" or count > 0)
    for stage, times in TIMES.items()
    for how, number in SIGNALS.items()
    for count in range(times)
]
CASES += [
    Case(f"workflow: {how} ({count + 1})", _workflow(how))
    for how in ("killed", "ended (SIGTERM)", "interrupted (Ctrl-C)", "a job")
    for count in range(3)
]
