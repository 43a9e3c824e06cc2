"""What every step of the workflow makes from what: files, settings and code.

The files of provenance, their verification and the workflow's parameters all follow from it.
Light on purpose: the workflow's rules read it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from tlstudy.config.catalogue import figure_files, states_proposition
from tlstudy.config.measurements import measured_tables, measurements
from tlstudy.config.settings import Study
from tlstudy.config.study import Run, digest, distinct, experiments, runs, selected
from tlstudy.config.study_targets import targets
from tlstudy.jobs import paths
from tlstudy.storage.code_digest import (
    COMPUTING,
    DRAWING,
    SUMMARISING,
    code_digest,
    library_versions,
)

# Which runs a step looks at decides which of them there are, and no number of any.
WHICH_RUNS = {"seeds", "arms"}
# Where files are, which a study that was moved shows.
PLACES = {"results", "cache", "scratch"}
JUDGED_BY = {"ladder", "claims", "laboratory", *measured_tables()}
LONGEST_TEXT = 200
FORMULA_DRAWS, FORMULA_SEED = 5000, 0
# The function of each step but measurements. By name: nothing that computes is imported here.
FUNCTIONS = {
    "subset": "make_subset",
    "train": "train_run",
    "laboratory": "run_experiment",
    "formulas": "make_formulas",
    "aggregate": "aggregate_study",
    "claims": "make_claims",
    "figures": "draw_figures",
    "report": "make_report",
}
# Steps whose results are texts and pictures too.
WITH_REPORT = ("figures", "report")
# Libraries that matter to a step, if it is not the computing ones alone.
LIBRARIES = {
    "aggregate": SUMMARISING,
    "claims": SUMMARISING,
    "figures": DRAWING,
    "report": SUMMARISING,
}


@dataclass(frozen=True)
class Step:
    """One job of the workflow.

    Attributes:
        name: of its command.
        provenance: file that says what its results were made from.
        settings: those that decide its results, as text by name; long ones as a digest.
        code: digest of the code that decides them.
        libraries: versions of the libraries that decide them, by name.
        outputs: files of the study that it makes; the first stands for all.
        inputs: files of the study that it reads; those that are not there are left out.
        cached: files of the cache that it reads.
        passing: outputs that are gone once other steps have read them.
    """

    name: str
    provenance: Path
    settings: Mapping[str, str]
    code: str
    libraries: Mapping[str, str]
    outputs: tuple[Path, ...]
    inputs: tuple[Path, ...] = ()
    cached: tuple[Path, ...] = ()
    passing: tuple[Path, ...] = ()

    @property
    def staying(self) -> tuple[Path, ...]:
        """Outputs that stay."""
        return tuple(file for file in self.outputs if file not in self.passing)


def steps(study: Study) -> Iterator[Step]:
    """All steps of a study in the order of the workflow, from the drawn images to the report."""
    members = runs(study)
    drawn = dict.fromkeys(map(paths.drawing_of_run, members))
    yield from (subset(study, *key) for key in drawn)
    yield from (train(study, run) for run in distinct(members))
    for name in measurements():
        members = distinct(selected(study, getattr(study, name)))
        yield from (measure(study, run, name) for run in members)
    yield from (laboratory(study, *key) for key in experiments(study))
    yield from (formulas(study) for _ in range(states_proposition(study)))
    yield aggregate(study)
    yield claims(study)
    yield figures(study)
    yield report(study)


def kept_files(study: Study) -> list[Path]:
    """All that stays of a study: what readers see first, then what it is made from."""
    made = list(steps(study))
    files = [file for step in reversed(made) for file in step.staying]
    return [*files, *(step.provenance for step in made)]


def subset(study: Study, target: str, drawing: str, size: int, seed: int) -> Step:
    folder = paths.subset_folder(study, target, drawing, size, seed)
    names = (paths.SUBSET_RECORD, "contact-sheet.svg", "contact-sheet.png")
    return _step(
        study,
        paths.job_of_subset(target, drawing, size, seed),
        outputs=[folder / name for name in names],
        cached=paths.image_files(study.cache, targets(study)[target]),
    )


def train(study: Study, run: Run) -> Step:
    folder = paths.folder_of_run(study, run)
    tuned = run.settings.tune_learning_rate
    settings = {
        **_texts(run.settings.training()),
        **_texts(study.evaluation.model_dump(mode="json"), "evaluation."),
        "statistics at the end": " and ".join(run.statistics),
        "statistics after epochs": " and ".join(run.after_epochs) or "none",
        "tuning": _text(study.tuning.model_dump(mode="json")) if tuned else "none",
        "curvature.train_loss": _text(study.curvature.train_loss),
    }
    return _step(
        study,
        paths.job_of_run("train", run),
        settings=settings,
        outputs=[folder / name for name in (*paths.KEPT, paths.PLANE)],
        inputs=[paths.run_subset_record(study, run)],
        cached=_cached(study, run),
        passing=[folder / paths.PLANE],
    )


def measure(study: Study, run: Run, name: str) -> Step:
    """What the measurement `name` makes of a run after its training."""
    folder = paths.folder_of_run(study, run)
    trained = (paths.RUN_RECORD, paths.METRICS, paths.PLANE)
    return _step(
        study,
        paths.job_of_run(name, run),
        settings={
            **_texts(getattr(study, name).model_dump(mode="json", exclude=WHICH_RUNS), f"{name}."),
            **_texts(run.settings.training()),
        },
        outputs=[paths.measured_file(study, name, run)],
        inputs=[
            paths.run_subset_record(study, run),
            *(folder / name for name in trained),
        ],
        cached=_cached(study, run),
    )


def laboratory(study: Study, experiment: str, seed: int) -> Step:
    files = (paths.laboratory_file, paths.laboratory_facts)
    return _step(
        study,
        paths.job_of_laboratory(experiment, seed),
        experiment,
        outputs=[file(study, experiment, seed) for file in files],
    )


def formulas(study: Study) -> Step:
    settings = {"draws": _text(FORMULA_DRAWS), "seed": _text(FORMULA_SEED)}
    return _step(study, "formulas", settings=settings, outputs=[paths.formulas_table(study)])


def aggregate(study: Study) -> Step:
    return _step(
        study,
        "aggregate",
        settings=_texts(study.model_dump(mode="json", include={"arms"})),
        outputs=paths.aggregated_tables(study),
        inputs=_aggregated(study),
    )


def claims(study: Study) -> Step:
    stated = study.model_dump(mode="json", include=JUDGED_BY)
    return _step(
        study,
        "claims",
        settings=_texts(stated),
        outputs=paths.claim_tables(study),
        inputs=paths.aggregated_tables(study),
    )


def figures(study: Study) -> Step:
    return _step(
        study,
        "figures",
        settings=_shown(study),
        outputs=[paths.figures_folder(study) / name for name in figure_files(study)],
        inputs=[*_tables(study), *_measured_files(study, "landscape")],
    )


def report(study: Study) -> Step:
    members = distinct(runs(study))
    sheets = (paths.SUBSET_RECORD, "contact-sheet.svg")
    drawn = [path for path in figures(study).outputs if path.suffix == ".svg"]
    table = [paths.results_table(study)] if study.arms else []
    return _step(
        study,
        "report",
        settings=_shown(study),
        outputs=[paths.report_file(study), *table],
        inputs=[
            *(paths.folder_of_run(study, run) / paths.RUN_RECORD for run in members),
            *_subset_files(study, sheets),
            *_measured_files(study, "landscape"),
            *_tables(study),
            *drawn,
        ],
    )


def code_of(step: str, experiment: str = "") -> str:
    """Digest of the code behind a step, and of the data files of the package that it reads.

    Args:
        experiment: of the laboratory, where a change of one does not run the others again.
    """
    code = code_digest(_entry_points(step, experiment), step in WITH_REPORT)
    # Columns that measurements declare are not in the code of the step that writes them.
    declared = measured_tables()
    if step in declared:
        kinds = {name: kind for name, (kind, _) in declared[step].items()}
        return f"{code}-{digest(kinds)}"
    return f"{code}-{digest(declared)}" if step == "aggregate" else code


def libraries_of(step: str, experiment: str = "") -> dict[str, str]:
    """Versions of the libraries that decide a step's results, by name."""
    libraries = LIBRARIES.get(step, COMPUTING)
    return library_versions(_entry_points(step, experiment), libraries, step in WITH_REPORT)


def _entry_points(step: str, experiment: str = "") -> list[str]:
    """The functions that a step runs, by name."""
    if step in measurements():
        measure = measurements()[step].measure
        return [
            "tlstudy.steps.measure:measure_run",
            f"{measure.__module__}:{measure.__qualname__}",
        ]
    of_experiment = [f"tlstudy.theory.{experiment}_experiment:rows"] if experiment else []
    return [f"tlstudy.steps.{step}:{FUNCTIONS[step]}", *of_experiment]


def _step(
    study: Study,
    job: PurePath | str,
    experiment: str = "",
    settings: Mapping[str, str] | None = None,
    **files: Iterable[Path],
) -> Step:
    """A step with its provenance, and the code and the libraries that decide it."""
    step = PurePath(job).parts[0]
    return Step(
        name=step,
        provenance=paths.provenance_file(study, job),
        settings=settings or {},
        code=code_of(step, experiment),
        libraries=libraries_of(step, experiment),
        **{name: tuple(listed) for name, listed in files.items()},
    )


def _texts(settings: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    return {f"{prefix}{key}": _text(value) for key, value in settings.items()}


def _text(value: object) -> str:
    """A value as it is written, or its digest if it is long."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= LONGEST_TEXT else digest(value)


def _cached(study: Study, run: Run) -> tuple[Path, ...]:
    """Images, and the pretrained weights of a run that starts from them."""
    images = paths.image_files(study.cache, run.settings.target)
    if not run.sources:
        return tuple(images)
    folder = paths.weights_folder(study.cache, run.settings.architecture, run.sources)
    return (*images, *paths.weights_files(folder))


def _aggregated(study: Study) -> Iterator[Path]:
    """All that the tables of a study are made from; the sentinels read some of it."""
    yield from _subset_files(study, (paths.SUBSET_RECORD,))
    for run in distinct(runs(study)):
        for name in paths.KEPT:
            yield paths.folder_of_run(study, run) / name
    for name in measurements():
        yield from _measured_files(study, name)
    for key in experiments(study):
        yield from laboratory(study, *key).outputs


def _subset_files(study: Study, names: tuple[str, ...]) -> list[Path]:
    folders = dict.fromkeys(paths.run_subset_folder(study, run) for run in runs(study))
    return [folder / name for folder in folders for name in names]


def _measured_files(study: Study, name: str) -> list[Path]:
    """What a measurement leaves of all runs that are measured."""
    members = distinct(selected(study, getattr(study, name)))
    return [paths.measured_file(study, name, run) for run in members]


def _tables(study: Study) -> list[Path]:
    of_proposition = [paths.formulas_table(study)] if states_proposition(study) else []
    return [*paths.aggregated_tables(study), *paths.claim_tables(study), *of_proposition]


def _shown(study: Study) -> dict[str, str]:
    """All of the configuration but places: the report prints it."""
    return _texts(study.model_dump(mode="json", exclude=PLACES))
