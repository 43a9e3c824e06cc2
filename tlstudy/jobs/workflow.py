"""What the workflow's rules ask of a study. Light: it is imported on every call of Snakemake."""

import getpass
import os
import shlex
import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path

from tlstudy.config.settings import Study, WeightsSource
from tlstudy.config.study import STEPS, Run, experiments, finished_study, runs
from tlstudy.config.targets import Target
from tlstudy.jobs import paths
from tlstudy.jobs.cost import CORE_SPEED, GPU_SPEED, operations
from tlstudy.jobs.progress import progress
from tlstudy.storage.errors import UserError

LONG = 300  # seconds of a study that are worth a word before it starts
LABORATORY_AT_MOST = 100  # seconds of an experiment on a slow core


def name_user() -> None:
    """Give a user without a name a number for it: Snakemake asks for one before its first job.

    A container's user is often only a number.
    """
    try:
        getpass.getuser()
    except (KeyError, OSError):  # the latter from Python 3.13 on
        os.environ["LOGNAME"] = str(os.getuid())


def runs_by_wildcards(study: Study) -> dict[tuple[str, str, str], Run]:
    """The run of each (folder name, subset size, seed), as wildcards have them."""
    return {run.wildcards: run for run in runs(study)}


def run_titles(study: Study) -> dict[tuple[str, str, str], str]:
    """Names of the same runs: the arms that share it, with swept values, then size and seed."""
    arms: dict[tuple[str, str, str], list[str]] = {}
    for run in runs(study):
        arms.setdefault(run.wildcards, []).append(run.arm)
    return {key: f"{', '.join(arms[key])}, n = {key[1]}, seed {key[2]}" for key in arms}


def priorities(study: Study) -> dict[tuple[str, ...], int]:
    """Priorities of jobs by their wildcards, so that they start in the order of the study's grid.

    First all images are drawn, (target, drawing, size, seed): else trainings would start in the
    order in which their images are there. Then come the runs, and last the laboratory,
    (experiment, seed).
    """
    members = runs(study)
    drawn = (tuple(map(str, paths.drawing_of_run(run))) for run in members)
    trained = (run.wildcards for run in members)
    tried = ((experiment, str(seed)) for experiment, seed in experiments(study))
    grid = list(dict.fromkeys(chain(drawn, trained, tried)))
    return {key: len(grid) - place for place, key in enumerate(grid)}


def source_lists(study: Study) -> dict[tuple[str, str], tuple[WeightsSource, ...]]:
    """Ordered sources of pretrained weights by (architecture, folder name)."""
    lists = {}
    for run in runs(study):
        if run.sources:
            architecture = run.settings.architecture
            folder = paths.weights_folder(study.cache, architecture, run.sources)
            lists[architecture, folder.name] = run.sources
    return lists


def source_options(sources: Sequence[WeightsSource]) -> list[str]:
    """Options of `tlstudy weights` that name the sources."""
    texts = (s if isinstance(s, str) else s.model_dump_json() for s in sources)
    return [part for text in texts for part in ("--source", text)]


def target_text(target: Target) -> str:
    """What names a target to `tlstudy images`; a folder with its whole path."""
    if target.folder is None:
        return target.name
    return target.model_copy(update={"folder": target.folder.absolute()}).model_dump_json()


def source_files(sources: Sequence[WeightsSource]) -> list[Path]:
    """The user's own files among the sources; absolute, as no prefix of a module moves them."""
    return [source.file.absolute() for source in sources if not isinstance(source, str)]


def in_words(libraries: Mapping[str, str]) -> str:
    """Libraries with their versions: another version of one runs a job again."""
    return ", ".join(f"{name} {version}" for name, version in libraries.items())


def study_of_report(study: Study, files: Sequence[str | Path]) -> Study:
    """The study that Snakemake's own report shows, which computes nothing.

    It is the configured one; if no file was given and that study has no report, the study whose
    report was made last.

    Args:
        files: configuration files of the call.

    Raises:
        UserError: there is no such report; it says what to type.
    """
    if paths.report_file(study).is_file():
        return study
    made = [file.parent for file in study.results.glob(f"*/{paths.STUDY_FILE}")]
    reports = {found: found / paths.report_file(study).name for found in made}
    latest = sorted(
        (found for found, report in reports.items() if report.is_file()),
        key=lambda found: reports[found].stat().st_mtime,
    )
    if latest and not files:
        return finished_study(latest[-1])
    options = [f"--configfile {shlex.join(map(str, files))}"] if files else []
    call = " ".join(["snakemake", "--cores all", *options])
    others = f" There are reports of {', '.join(found.name for found in latest)}." if latest else ""
    raise UserError(
        f"{paths.report_file(study)}: missing, so there is nothing to show yet; run the study "
        f"first (`{call}`).{others}"
    )


def time_ahead(
    study: Study, settings: Path, keys: Collection[tuple[str, ...]], cores: int, gpus: int
) -> str:
    """Say how long jobs will take that are about to start, by `tlstudy plan`.

    Another process does it, as it may time steps of a training. If it fails, a sentence says so.

    Args:
        settings: configuration that the jobs read.
        keys: (step, folder name of the run, subset size, seed), or (laboratory, experiment, seed),
            or the rule of another job and its wildcards.
        gpus: that the workflow has; with 0 jobs compute on cores.

    Returns:
        A sentence; empty where nothing takes long.
    """
    long = [key for key in keys if key[0] in (*STEPS, "laboratory")]
    if _seconds_at_most(study, long, cores, gpus) < LONG:
        return ""
    command = ["plan", "--config", str(settings), "--cores", str(cores), "--gpus", str(gpus)]
    made = subprocess.run(
        [sys.executable, "-m", "tlstudy.cli", *command, "--before", "-"],
        input="".join(f"{' '.join(key)}\n" for key in keys),
        capture_output=True,
        text=True,
    )
    if made.returncode == 0:
        return made.stdout.strip()
    reason = made.stderr.strip().rpartition("\n")[2]
    return f"How long it will take is not known ({reason}); see `tlstudy plan --config {settings}`."


def _seconds_at_most(study: Study, keys: Iterable[tuple[str, ...]], cores: int, gpus: int) -> float:
    """Seconds that jobs take on a slow machine, by their operations alone."""
    members = runs_by_wildcards(study)
    speed = gpus * GPU_SPEED or cores * CORE_SPEED
    return sum(
        LABORATORY_AT_MOST / cores
        if step == "laboratory"
        else operations(study, members[tuple(run)], step) / speed
        for step, *run in keys
    )


def keep_ended_jobs(workflow: object) -> None:
    """Let Snakemake keep what jobs made that ended well after it was interrupted.

    It waits for them, and does not note their end (9.27): the next call would delete their results
    and start them again. The names are private: a version without them does as it always did.
    """
    scheduler = getattr(workflow, "scheduler", None)
    lock, finish = (getattr(scheduler, name, None) for name in ("_lock", "_finish_jobs"))
    if lock is None or finish is None:
        return
    try:
        with lock:
            finish()
    except Exception as error:
        print(f"Jobs that ended just now may run again ({error}).", file=sys.stderr)


def report_incomplete(study: Study, settings: Path, call: Sequence[str]) -> str:
    """Report the runs that are there if a job failed; if none did, say how to go on.

    A report that fails changes nothing: a sentence says so. A job that still runs here is one
    that the user interrupted. One that was killed after it wrote its results leaves no note.

    Args:
        settings: configuration that the jobs read.
        call: command that goes on with the study.

    Returns:
        What to tell the user.
    """
    found = progress(study)
    again = f"To go on: `{shlex.join(call)}`"
    if all(job.attempt.runs_here() for job in found.unended()):
        return f"Not finished: {found.headline()} {again}"
    print("Writing a report of what is there.", file=sys.stderr)
    command = ["report", "--incomplete", "--config", str(settings)]
    made = subprocess.run(
        [sys.executable, "-m", "tlstudy.cli", *command, "--call", shlex.join([*call, "--"])],
        capture_output=True,
        text=True,
    )
    if made.returncode == 0:
        return f"{made.stdout.strip()}\n{again}"
    reason = made.stderr.strip().rpartition("\n")[2]
    return f"There is no incomplete report ({reason}); see `{shlex.join(['tlstudy', *command])}`."
