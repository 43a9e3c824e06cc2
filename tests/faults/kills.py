"""Processes killed at random moments, and started again as the documentation says."""

import os
import signal
import time
from contextlib import suppress

from result_files import content
from study_folder import PATIENCE, jobs_in, wait_until

from faults.case import Case, Ending, Surroundings
from faults.process import finished, snakemake
from faults.tiny_study import KEPT, WRITES

SIGNALS = {
    "killed": signal.SIGKILL,
    "ended (SIGTERM)": signal.SIGTERM,
    "interrupted (Ctrl-C)": signal.SIGINT,
}
# Cases of a step for each signal: what takes long is hit at more moments.
TIMES = {"subset": 3, "train": 10, "landscape": 4, "aggregate": 3, "claims": 3}
# The workflow's jobs begin some seconds after the start, and are done within the later time.
BEGIN, END = 4, 45


def _step(at: Surroundings, step: str, number: int) -> Ending:
    place = at.tiny.finished_place(at.folder / "place").without(step)
    running = place.start(step)
    time.sleep(at.generator.uniform(0, at.tiny.reference.seconds[step]))
    running.kill(number)
    ended = running.wait()
    if number == signal.SIGINT:
        assert "Traceback" not in ended.text, ended.text
    for name in WRITES[step]:
        for file in place.results.glob(name):
            reference = at.tiny.reference.results / file.relative_to(place.results)
            assert content(file) == content(reference), f"{file}: half a result was left"
    place.succeed(step)
    at.tiny.assert_same_results(place, WRITES[step])
    return Ending.RESULT


def _workflow(at: Surroundings, how: str) -> Ending:
    """Then go on as the documentation says: run it again, after --unlock if it is asked."""
    place = at.tiny.place(at.folder / "place", at.tiny.cold_cache(at.folder))
    process = place.start_workflow()
    time.sleep(at.generator.uniform(BEGIN, END / 2 if how == "a job" else END))
    if how == "a job":
        wait_until(lambda: jobs_in(place.folder) or process.poll() is not None, "a job or the end")
        for job in jobs_in(place.folder)[:1]:
            with suppress(ProcessLookupError):
                os.kill(job, signal.SIGKILL)
    elif how == "interrupted (Ctrl-C)":
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(SIGNALS[how])  # nothing if it has ended
    try:
        process.wait(timeout=PATIENCE)
    finally:
        process.stdout.close()  # jobs of a killed Snakemake live on and hold it open
    ended = place.workflow()
    if "--unlock" in ended.text:
        assert "Traceback" not in ended.text, ended.text
        unlocked = finished(snakemake(place.folder, "--unlock"))
        assert unlocked.status == 0, unlocked.text
        ended = place.workflow()
    assert ended.status == 0, ended.text
    at.tiny.assert_same_results(place, KEPT)
    return Ending.RESULT


CASES = [
    Case(
        f"{step} {how} ({count + 1})",
        _step,
        (step, number),
        slow=step == "train" or count > 0,
    )
    for step, times in TIMES.items()
    for how, number in SIGNALS.items()
    for count in range(times)
]
CASES += [
    Case(f"workflow: {how} ({count + 1})", _workflow, (how,))
    for how in (*SIGNALS, "a job")
    for count in range(3)
]
