"""The grid of a study's runs and its failed jobs, as the page shows them."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from tlstudy.config.groups import label_of
from tlstudy.config.settings import Study
from tlstudy.jobs import paths
from tlstudy.jobs.progress import Job, Progress
from tlstudy.report.format import join

# A sign and a meaning of each state.
STATES_SHOWN = {
    "done": ("\u2713", "the run has all results that the study asks for"),
    "diverged": ("\u221e", "also complete; the loss stopped being finite, which is a result"),
    "missing": ("\u00b7", "the run was not begun, or it waits for a failed job"),
    "running": (
        "\u2026",
        "the run is under way; if that is on another machine, it may have been killed there",
    ),
    "failed": ("\u2717", "one of the run\u2019s jobs ended with an error or was killed"),
}
LOG_LINES, LINE_LENGTH, LOG_BYTES = 20, 300, 16_000
# Colours and other commands to a terminal, which a page cannot follow.
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class Section:
    """What the page says of the runs that are there and of those that are not.

    Attributes:
        study: the whole study, of which the page's own may be a part.
        rows: name of an arm and size, or of an experiment, with a cell for each seed: state,
            sign and, if the run failed, the id of the failure told below.
        states: (name, sign, number of runs, meaning) of each state that occurs.
        failures: jobs that failed or may be running: their last words, and commands to repeat them.
        incomplete: whether the page makes do with the runs that are there.
        earlier: whether an older report of the whole study lies beside the page.
        problem: why the page has no results, in a sentence; empty if it has them.
    """

    study: Study
    headline: str
    rows: list[tuple[str, list[dict]]]
    states: list[tuple[str, str, int, str]]
    failures: list[dict]
    incomplete: bool
    earlier: bool
    problem: str


def section(
    found: Progress, incomplete: bool = False, call: str = "", problem: str = ""
) -> Section:
    """The grid, and of an incomplete study the failures.

    Args:
        call: the call of Snakemake that a target can be appended to.
    """
    told = found.unended() if incomplete else []
    keys = {job.log: f"failure-{number}" for number, job in enumerate(told, 1)}
    counts = found.counts()
    return Section(
        study=found.study,
        headline=found.headline(),
        rows=_rows(found, keys),
        states=[
            (state, sign, counts[state], meaning)
            for state, (sign, meaning) in STATES_SHOWN.items()
            if state in counts
        ],
        failures=[_failure(found, job, keys[job.log], call) for job in told],
        incomplete=incomplete,
        earlier=paths.report_file(found.study).is_file(),
        problem=problem,
    )


def _rows(found: Progress, keys: dict[Path, str]) -> list[tuple[str, list[dict]]]:
    rows: dict[tuple[str, ...], list[dict]] = {}
    for cell in found.cells:
        links = [keys[job.log] for job in cell.jobs if job.log in keys]
        shown = {"state": cell.state, "sign": STATES_SHOWN[cell.state][0]}
        rows.setdefault(cell.row, []).append({**shown, "link": "".join(links[:1])})
    return [(_row_name(found.study, row), cells) for row, cells in rows.items()]


def _row_name(study: Study, row: tuple[str, ...]) -> str:
    if len(row) == 1:
        return f"laboratory, {row[0]}"
    label = label_of(study, row[0])
    return f"{label}, {row[1]} images" if len(study.subset_size) > 1 else label


def _failure(found: Progress, job: Job, key: str, call: str) -> dict:
    """What a job said last, and what runs it again."""
    noted = job.attempt
    log = log_end(job.log) if job.log.is_file() and job.log.stat().st_mtime >= noted.began else []
    again = [job.again] if job.again else []
    if again and call:
        again.append(f"{call} {shlex.quote(str(job.files[0]))}")
    return {
        "key": key,
        "title": _title(found, job),
        "error": noted.told(),
        "waiting": found.waiting_told(job),
        "log": log or noted.error.splitlines(),
        "log_file": str(job.log) if log else "",
        "commands": again,
    }


def _title(found: Progress, job: Job) -> str:
    """The job in words: its step, and the runs that it is of."""
    step, *which = job.key
    rows = [cell for cell in found.cells if job.log in [other.log for other in cell.jobs]]
    if rows:
        names = join(dict.fromkeys(_row_name(found.study, cell.row) for cell in rows))
        return f"{step}: {names}, seed {rows[0].seed}"
    return f"{step}: {', '.join(map(str, which))}" if which else step


def log_end(file: Path) -> list[str]:
    """The last lines of a log, as a terminal would show them."""
    with file.open("rb") as log:
        log.seek(max(0, file.stat().st_size - LOG_BYTES))
        text = log.read().decode("utf-8", errors="replace")
    # A progress bar goes back to the start of its line again and again.
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
    shown = [CONTROL.sub("", line)[:LINE_LENGTH] for line in lines]
    return [line for line in shown if line.strip()][-LOG_LINES:]
