"""State of every job of a study, from the files on disk."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePath

from tlstudy.config.catalogue import figure_files, states_proposition
from tlstudy.config.settings import Study
from tlstudy.config.study import STEPS, Run, experiments, runs, runs_of_step
from tlstudy.config.study_targets import image_sources
from tlstudy.jobs import paths
from tlstudy.jobs.attempts import Attempt, read_attempt
from tlstudy.jobs.left import results_left
from tlstudy.jobs.run_record import read_run_record
from tlstudy.storage.errors import UserError

# From the best to the worst. A running job on another machine may have been killed there.
STATES = ("done", "diverged", "missing", "running", "failed")
LETTERS = dict(zip(STATES, "+d.rF", strict=True))
THERE = ("done", "diverged")
UNENDED = ("running", "failed")
FETCHED = ("images", "weights")  # steps whose results lie in the cache


@dataclass(frozen=True)
class Job:
    """One job and its state.

    Attributes:
        key: (step, arm, subset size, seed), ("laboratory", experiment, seed), ("images",) of MNIST
            or ("images", target), ("weights", architecture), ("subset", target, drawing, size,
            seed), or a name alone.
        files: its results; the first is its target in Snakemake.
        log: its log, if Snakemake ran it.
        attempt: its note, if it began and did not end well.
    """

    key: tuple
    files: list[Path]
    log: Path
    state: str
    attempt: Attempt | None

    @property
    def again(self) -> str:
        """The command that runs it again; empty of a job that is seen to run."""
        return "" if self.attempt is None or self.attempt.runs_here() else self.attempt.command


@dataclass(frozen=True)
class Cell:
    """One run with all its jobs; its state is that of its worst job."""

    row: tuple[str, ...]
    seed: int
    jobs: list[Job]

    @property
    def state(self) -> str:
        return max((job.state for job in self.jobs), key=STATES.index)


@dataclass(frozen=True)
class Progress:
    """The grid of a study.

    Attributes:
        cells: runs of the arms, in rows (arm, subset size), then the laboratory's, in rows
            (experiment,).
        others: jobs that cells share (images, weights, subsets), and those after all runs.
    """

    study: Study
    cells: list[Cell]
    others: list[Job]

    def counts(self) -> dict[str, int]:
        """Number of runs by state, those that occur."""
        found = Counter(cell.state for cell in self.cells)
        return {state: found[state] for state in STATES if found[state]}

    @property
    def complete(self) -> bool:
        """Whether all runs are there; tables and report may be lacking all the same."""
        return set(self.counts()) <= set(THERE)

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do: all runs are there, and so is the report."""
        report = next(job for job in self.others if job.key == ("report",))
        there = self.complete and report.state == "done" and not self.unended()
        return there and not self.left

    def unended(self) -> list[Job]:
        """Jobs that failed or may be running; a job that arms share is there once."""
        jobs = [*self.others, *(job for cell in self.cells for job in cell.jobs)]
        found: dict[Path, Job] = {}
        for job in jobs:
            if job.state in UNENDED:
                found.setdefault(job.log, job)
        return list(found.values())

    @cached_property
    def left(self) -> set[Path]:
        """Results that Snakemake would make: of files that are there, those of other settings."""
        jobs = (job for job in self.by_file().values() if job.state not in THERE)
        return results_left(self.study, {file for job in jobs for file in job.files})

    def is_done(self, job: Job) -> bool:
        """Whether its results are there, and Snakemake would not make them again.

        Or nothing that is left needs them, as images and weights of runs that are there.
        """
        if job.key[0] in FETCHED and job.state not in UNENDED:
            return job.state in THERE or job.files[0] not in self._needed
        return job.state in THERE and job.files[0] not in self.left

    @cached_property
    def _needed(self) -> set[Path]:
        """Files that runs need which are left."""
        folder = paths.folder_of_run
        left = {file.parent for file in self.left}
        needing = (run for run in runs(self.study) if folder(self.study, run) in left)
        return {file for run in needing for file in files_needed(self.study, run)}

    def waiting(self, job: Job) -> int:
        """Number of runs that cannot begin before a job has ended well."""
        return self._waiting[job.files[0]]

    @cached_property
    def _waiting(self) -> Counter[Path]:
        """Number of missing runs by the files that they need."""
        missing = {cell.jobs[0].key[1:] for cell in self.cells if cell.state == "missing"}
        needing = (run for run in runs(self.study) if run.key in missing)
        return Counter(file for run in needing for file in files_needed(self.study, run))

    def waiting_told(self, job: Job) -> str:
        """The same in a sentence; empty where none waits."""
        number = self.waiting(job)
        return f"{number} missing {'run waits' if number == 1 else 'runs wait'} for it." * (
            number > 0
        )

    def by_file(self) -> dict[Path, Job]:
        """All jobs by their first file: a job that arms share is there once."""
        of_cells = (job for cell in self.cells for job in cell.jobs)
        return {job.files[0]: job for job in (*self.others, *of_cells)}

    def lacking(self) -> list[tuple]:
        """Keys for `Study.without`: jobs without results, and jobs that need those results."""
        return [
            job.key
            for cell in self.cells
            for job in cell.jobs
            if cell.jobs[0].state not in THERE or job.state not in THERE
        ]

    def headline(self) -> str:
        """37 of 40 runs are there; 2 failed, 1 missing."""
        counts = self.counts()
        there = sum(counts.get(state, 0) for state in THERE)
        rest = [f"{number} {state}" for state, number in counts.items() if state not in THERE]
        verb = "is" if there == 1 else "are"
        text = f"{there} of {len(self.cells)} runs {verb} there"
        return f"{text}; {', '.join(reversed(rest))}." if rest else f"{text}."


def files_needed(study: Study, run: Run) -> list[Path]:
    """What a training waits for: the first file of its images, weights and drawing."""
    files = [
        paths.image_files(study.cache, run.settings.target)[0],
        paths.run_subset_record(study, run),
    ]
    if run.sources:
        folder = paths.weights_folder(study.cache, run.settings.architecture, run.sources)
        files.append(paths.weights_files(folder)[0])
    return files


def progress(study: Study) -> Progress:
    """The state of a study's jobs."""
    asked = {step: {run.key for run in runs_of_step(study, step)} for step in STEPS}
    cells = [
        Cell(
            (run.arm, str(run.subset_size)),
            run.seed,
            [_run_job(study, step, run) for step in STEPS if run.key in asked[step]],
        )
        for run in runs(study)
    ]
    cells += [
        Cell((experiment,), seed, [_laboratory_job(study, experiment, seed)])
        for experiment, seed in experiments(study)
    ]
    return Progress(study, cells, list(_other_jobs(study)))


def _run_job(study: Study, step: str, run: Run) -> Job:
    files, place = paths.step_files(study, step, run), paths.job_of_run(step, run)
    job = _job(paths.study_folder(study), (step, *run.key), place, files)
    if step == "train" and job.state == "done":
        return replace(job, state=_outcome(study, run))
    return job


def _outcome(study: Study, run: Run) -> str:
    """State of a run that has its record: a record of other evaluations is of another run."""
    try:
        record = read_run_record(paths.folder_of_run(study, run))
    except UserError:  # is told where the run is used
        return "missing"
    if record["evaluation"] != study.evaluation.model_dump(mode="json"):
        return "missing"
    return "diverged" if record["status"] == "diverged" else "done"


def _laboratory_job(study: Study, experiment: str, seed: int) -> Job:
    files = [
        file(study, experiment, seed) for file in (paths.laboratory_file, paths.laboratory_facts)
    ]
    place = paths.job_of_laboratory(experiment, seed)
    return _job(paths.study_folder(study), ("laboratory", experiment, seed), place, files)


def _other_jobs(study: Study) -> Iterator[Job]:
    folder, needed = paths.study_folder(study), runs(study)
    for target in image_sources(study).values():
        place = paths.job_of_images(target)
        yield _job(study.cache, place.parts, place, paths.image_files(study.cache, target))
    for place in dict.fromkeys(
        paths.job_of_weights(run.settings.architecture, run.sources)
        for run in needed
        if run.sources
    ):
        files = list(paths.weights_files(study.cache / place))
        yield _job(study.cache, place.parts[:2], place, files)  # ("weights", architecture)
    for drawn in dict.fromkeys(map(paths.drawing_of_run, needed)):
        files = [paths.subset_folder(study, *drawn) / paths.SUBSET_RECORD]
        yield _job(folder, ("subset", *drawn), paths.job_of_subset(*drawn), files)
    formulas = {"formulas": paths.formulas_table(study)} if states_proposition(study) else {}
    for step, file in {
        **formulas,
        "aggregate": paths.tables_folder(study) / "runs.parquet",
        "claims": paths.tables_folder(study) / "claims.parquet",
        "figures": paths.figures_folder(study) / figure_files(study)[0],
        "report": paths.report_file(study),
    }.items():
        yield _job(folder, (step,), PurePath(step), [file])


def _job(root: Path, key: tuple, place: PurePath, files: list[Path]) -> Job:
    noted = read_attempt(paths.attempt_file(root, place))
    if noted and noted.may_run():
        state = "running"
    elif all(file.is_file() for file in files):
        state = "done"
    else:
        state = "failed" if noted else "missing"
    return Job(key, files, paths.log_file(root, place), state, noted)


def progress_data(found: Progress) -> dict[str, object]:
    """The grid for programs."""
    return {
        "study": found.study.study,
        "folder": str(paths.study_folder(found.study)),
        "complete": found.complete,
        "runs": len(found.cells),
        "states": found.counts(),
        "grid": [
            {
                "row": list(cell.row),
                "seed": cell.seed,
                "state": cell.state,
                "steps": {str(job.key[0]): job.state for job in cell.jobs},
            }
            for cell in found.cells
        ],
        "unended": [
            {
                "job": list(job.key),
                "state": job.state,
                "told": job.attempt.told() if job.attempt else "",
                "waiting": found.waiting(job),
                "log": str(job.log),
                "again": job.again,
            }
            for job in found.unended()
        ],
    }


def progress_text(found: Progress, told: str) -> str:
    """The grid for a terminal: a row for each arm and size, a column for each seed.

    Args:
        told: lines that come before it.
    """
    rows: dict[str, list[str]] = {"": list(map(str, found.study.seed))}
    for cell in found.cells:
        rows.setdefault(", ".join(cell.row), []).append(LETTERS[cell.state])
    width, columns = max(map(len, rows)), [len(seed) for seed in rows[""]]
    lines = [
        f"{name:{width}}  {' '.join(map(str.rjust, letters, columns))}"
        for name, letters in rows.items()
    ]
    lines += ["", ", ".join(f"{LETTERS[state]} {state}" for state in found.counts())]
    for job in found.unended():
        lines += [
            "",
            f"{job.state}: {', '.join(map(str, job.key))}",
            f"    {job.attempt.told()}",
            *([f"    {waiting}"] if (waiting := found.waiting_told(job)) else []),
            f"    log: {job.log}",
            *([f"    again: {job.again}"] if job.again else []),
        ]
    folder = paths.study_folder(found.study)
    none = [] if folder.is_dir() else [f"There is no folder {folder.absolute()} yet."]
    return "\n".join([found.headline(), *none, *([told] if told else []), "", *lines])
