"""Processes killed at random moments, and started again as the documentation says."""

import os
import random
import signal
import subprocess
import time

from result_files import content
from study_folder import jobs_in

from faults.case import Case, Ending, Surroundings
from faults.process import Ended, finished, snakemake
from faults.tiny_study import KEPT, WRITES, Place

SIGNALS = {
    "killed": signal.SIGKILL,
    "ended (SIGTERM)": signal.SIGTERM,
    "interrupted (Ctrl-C)": signal.SIGINT,
}
# Cases of a stage for each signal: what takes long is hit at more moments.
TIMES = {"subset": 3, "train": 10, "landscape": 4, "aggregate": 3, "claims": 3}
# The workflow's jobs begin some seconds after the start, and are done within the later time.
BEGIN, END = 4, 45


def _stage(at: Surroundings, stage: str, number: int) -> Ending:
    place = at.tiny.finished_place(at.folder / "place").without(stage)
    running = place.start(stage)
    time.sleep(at.generator.uniform(0, at.tiny.reference.seconds[stage]))
    running.kill(number)
    ended = running.wait()
    if number == signal.SIGINT:
        assert "Traceback" not in ended.text, ended.text
    for name in WRITES[stage]:
        for file in place.results.glob(name):
            reference = at.tiny.reference.results / file.relative_to(place.results)
            assert content(file) == content(reference), f"{file}: half a result was left"
    place.succeed(stage)
    at.tiny.assert_same_results(place, WRITES[stage])
    return Ending.RESULT


def _go_on(place: Place) -> Ended:
    """What the documentation says to do after a kill: run again, after --unlock if it is asked."""
    ended = place.workflow()
    if "--unlock" in ended.text:
        assert "Traceback" not in ended.text, ended.text
        unlocked = finished(snakemake(place.folder, "--unlock"))
        assert unlocked.status == 0, unlocked.text
        ended = place.workflow()
    return ended


def _kill_a_job(place: Place, process: subprocess.Popen, generator: random.Random) -> None:
    end = time.monotonic() + END
    time.sleep(generator.uniform(BEGIN, END / 2))
    while process.poll() is None and time.monotonic() < end:
        if jobs := jobs_in(place.folder):
            os.kill(generator.choice(jobs), signal.SIGKILL)
            return
        time.sleep(0.05)


def _workflow(at: Surroundings, how: str) -> Ending:
    place = at.tiny.place(at.folder / "place", at.tiny.cold_cache(at.folder))
    process = place.start_workflow()
    if how == "a job":
        _kill_a_job(place, process, at.generator)
    else:
        time.sleep(at.generator.uniform(BEGIN, END))
        if how == "interrupted (Ctrl-C)":
            os.killpg(process.pid, signal.SIGINT)
        elif process.poll() is None:
            process.send_signal(SIGNALS[how])
    try:
        process.wait(timeout=300)
    finally:
        process.stdout.close()  # jobs of a killed Snakemake live on and hold it open
    ended = _go_on(place)
    assert ended.status == 0, ended.text
    at.tiny.assert_same_results(place, KEPT)
    return Ending.RESULT


CASES = [
    Case(
        f"{stage} {how} ({count + 1})",
        _stage,
        (stage, number),
        slow=stage == "train" or count > 0,
    )
    for stage, times in TIMES.items()
    for how, number in SIGNALS.items()
    for count in range(times)
]
CASES += [
    Case(f"workflow: {how} ({count + 1})", _workflow, (how,))
    for how in (*SIGNALS, "a job")
    for count in range(3)
]
