"""What may be removed of a study's folder: what unfinished trainings keep, and runs of before."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tlstudy.config.settings import Study
from tlstudy.config.study import distinct, runs
from tlstudy.jobs import paths
from tlstudy.jobs.attempts import read_attempt
from tlstudy.jobs.calls import JOB, read_call
from tlstudy.jobs.graph import kept_files
from tlstudy.storage.errors import UserError

# Folders of a study that hold something of each run: <step>/<run>/n~<size>/seed~<seed>.<suffix>.
BESIDE_RUNS = (paths.PROVENANCE, paths.LOGS, paths.BENCHMARKS, paths.ATTEMPTS)


@dataclass(frozen=True)
class Leftover:
    """Something that may be removed.

    Attributes:
        what: it is, in words.
        count: how many of these there are.
        paths: files and folders, all within the study's folder.
    """

    what: str
    count: int
    paths: tuple[Path, ...]
    bytes: int


def leftovers(study: Study) -> list[Leftover]:
    """What a study's folder holds that its results do not need.

    What lies elsewhere, by a link or by `scratch`, is left alone.

    Raises:
        UserError: a job of the study may be running.
    """
    folder = paths.study_folder(study)
    if running := _running(study):
        raise UserError(
            f"{folder}: {running} may be running, so nothing is removed; wait until it ends."
        )
    unfinished = _own(folder, (folder / paths.SCRATCH).glob("*"))
    old = _own(folder, _old_runs(study))
    beside = _own(folder, (file for run in old for file in _beside(folder, run)))
    read = _own(folder, (run / paths.PLANE for run in _finished_runs(study)))
    found = [
        _leftover("Checkpoints, from which unfinished trainings would go on", unfinished),
        _leftover("Runs that are no longer in the study", old, beside),
        # As of `tlstudy train` given by hand: Snakemake removes them.
        _leftover("Weights for measurements that are all made", [p for p in read if p.is_file()]),
    ]
    return [each for each in found if each.paths]


def remove(study: Study, found: Iterable[Leftover]) -> None:
    """Remove them, and the folders that are empty then; a link is removed, not what it leads to."""
    kept = paths.study_folder(study)
    for path in [path for each in found for path in each.paths]:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        parent = path.parent
        while parent != kept and not any(parent.iterdir()):
            parent.rmdir()
            parent = parent.parent


def _running(study: Study) -> str:
    """What may be running, of an arm that left the study too; empty where nothing is."""
    call = read_call(study)
    if call and call.runs_here():
        return f"`{call.command}`"
    notes = paths.study_folder(study) / paths.ATTEMPTS
    for file in sorted(notes.rglob("*.json")):
        job, note = file.relative_to(notes).with_suffix(""), read_attempt(file)
        if job != JOB and note and note.may_run():
            elsewhere = f" (on {note.host}; if it was killed there, delete {file})"
            return " ".join(job.parts) + elsewhere * (not note.runs_here())
    return ""


def _old_runs(study: Study) -> Iterator[Path]:
    wanted = {paths.folder_of_run(study, run) for run in runs(study)}
    found = (paths.study_folder(study) / paths.RUNS).glob("*/n~*/seed~*")
    return (run for run in found if run not in wanted)


def _finished_runs(study: Study) -> list[Path]:
    """Folders of all runs, once nothing of the study is left to be made."""
    if not all(file.is_file() for file in kept_files(study)):
        return []
    return [paths.folder_of_run(study, run) for run in distinct(runs(study))]


def _beside(folder: Path, run: Path) -> Iterator[Path]:
    """What other folders hold of a run."""
    name, size, seed = run.relative_to(folder / paths.RUNS).parts
    for kind in BESIDE_RUNS:
        for step in (folder / kind).glob("*"):
            yield from (step / name / size).glob(f"{seed}.*")


def _own(folder: Path, candidates: Iterable[Path]) -> list[Path]:
    """Those within the folder, with no link above them that leads out of it."""
    inside = folder.resolve()
    return sorted(path for path in candidates if path.parent.resolve().is_relative_to(inside))


def _leftover(what: str, found: list[Path], beside: list[Path] | None = None) -> Leftover:
    every = (*found, *(beside or []))
    return Leftover(what, len(found), every, sum(map(_size, every)))


def _size(path: Path) -> int:
    if path.is_symlink() or path.is_file():
        return path.lstat().st_size
    return sum(file.lstat().st_size for file in path.rglob("*") if not file.is_dir())
