"""Every path of a study, in one place: used by the commands and by the workflow's rules."""

from collections.abc import Sequence
from pathlib import Path, PurePath

from tlstudy.config.measurements import measurements
from tlstudy.config.settings import Study, WeightsSource
from tlstudy.config.study import SETTINGS_FOLDER, STUDY_FILE, Run, digest
from tlstudy.config.tables import AGGREGATED_TABLES, CLAIM_TABLES
from tlstudy.config.targets import Target

# Images as `data.stored` keeps them.
IMAGE_FILES = (
    "train-images.npy",
    "train-labels.npy",
    "test-images.npy",
    "test-labels.npy",
)
IMAGES_RECORD = "record.json"

SUBSET_RECORD = "subset.json"  # which images were drawn
# What a training leaves in a run's folder; the plane only until measurements have read it.
RUN_RECORD, METRICS, LAYERS = "run.json", "metrics.parquet", "layers.parquet"
PLANE = "plane.safetensors"
# Bytes of a name before its digest: file systems end at 255, with a suffix and what marks a
# temporary file.
LONGEST_NAME = 200
# Folders of a study.
RUNS, SUBSETS, LABORATORY = "runs", "subsets", "laboratory"
TABLES, FIGURES, INCOMPLETE = "tables", "figures", "incomplete"
PROVENANCE, ATTEMPTS, LOGS, BENCHMARKS = "provenance", "attempts", "logs", "benchmarks"
SCRATCH = "scratch"
RUNS_INDEX = "runs.tsv"
CLAIMS_SEEN = "claims-seen.json"
ANSWERS = "answers.parquet"
KEPT = (RUN_RECORD, METRICS, LAYERS, ANSWERS)


def study_folder(study: Study) -> Path:
    return study.results / study.study


def settings_file(study: Study) -> Path:
    """The study's configuration with all sweeps expanded and defaults filled in.

    One file for each configuration that the study was run with, named by its content.
    """
    name = f"{digest(study.model_dump(mode='json'))}.json"
    return study_folder(study) / SETTINGS_FOLDER / name


def study_file(study: Study) -> Path:
    """The study's configuration, written at every start of the workflow and by `aggregate`."""
    return study_folder(study) / STUDY_FILE


def claims_seen_file(study: Study) -> Path:
    """When each claim was first seen."""
    return study_folder(study) / CLAIMS_SEEN


def runs_index(study: Study) -> Path:
    """Where each run of the grid has its results and its logs, for readers."""
    return study_folder(study) / RUNS_INDEX


def images_folder(cache: Path, target: Target) -> Path:
    return cache / target.place


def image_files(cache: Path, target: Target) -> list[Path]:
    return [images_folder(cache, target) / name for name in IMAGE_FILES]


def images_record(cache: Path, target: Target) -> Path:
    """Where the images came from, with checksums."""
    return images_folder(cache, target) / IMAGES_RECORD


def downloads_folder(cache: Path) -> Path:
    """Files that the user places by hand where no network is to be had."""
    return cache / "downloads"


def weights_folder(cache: Path, architecture: str, sources: Sequence[WeightsSource]) -> Path:
    """Cached weights: one folder for each architecture and ordered list of sources."""
    return cache / job_of_weights(architecture, sources)


def weights_files(folder: Path) -> tuple[Path, Path]:
    """The record and the weights in a folder of cached weights."""
    return folder / "record.json", folder / "weights.safetensors"


def subset_folder(
    study: Study, target: str, drawing: str, subset_size: int | str, seed: int | str
) -> Path:
    """Training images that were drawn of a target, by its key."""
    return subset_folder_in(study_folder(study), target, drawing, subset_size, seed)


def subset_folder_in(
    folder: Path, target: str, drawing: str, subset_size: int | str, seed: int | str
) -> Path:
    """The same in the folder of a study."""
    return folder / SUBSETS / target / drawing / f"n~{subset_size}" / f"seed~{seed}"


def run_subset_folder(study: Study, run: Run) -> Path:
    return subset_folder(study, *drawing_of_run(run))


def run_subset_record(study: Study, run: Run) -> Path:
    return run_subset_folder(study, run) / SUBSET_RECORD


def drawing_of_run(run: Run) -> tuple[str, str, int, int]:
    """What names a run's training images: target, drawing, size and seed."""
    return run.settings.target.key, run.settings.drawing, run.subset_size, run.seed


def run_folder(study: Study, name: str, subset_size: int | str, seed: int | str) -> Path:
    return study_folder(study) / RUNS / name / f"n~{subset_size}" / f"seed~{seed}"


def folder_of_run(study: Study, run: Run) -> Path:
    return run_folder(study, run.name, run.subset_size, run.seed)


def step_files(study: Study, step: str, run: Run) -> list[Path]:
    """What a step leaves in a run's folder for good; the file that it writes last comes first."""
    if step != "train":
        return [measured_file(study, step, run)]
    return [folder_of_run(study, run) / name for name in KEPT]


def measured_file(study: Study, name: str, run: Run) -> Path:
    """What a measurement leaves of a run."""
    return folder_of_run(study, run) / measurements()[name].file


def incomplete_folder(study: Study) -> Path:
    """What is made of a study before it is complete, so that it never mixes with the whole."""
    return study_folder(study) / INCOMPLETE


def products_folder(study: Study) -> Path:
    """Where tables, figures and report go: apart while the study is incomplete."""
    return incomplete_folder(study) if study.incomplete else study_folder(study)


def scratch_folder(study: Study, run: Run) -> Path:
    """What an unfinished training keeps."""
    scratch = study.scratch / study.study if study.scratch else study_folder(study) / SCRATCH
    return scratch / f"{run.name}~n~{run.subset_size}~seed~{run.seed}"


def tables_folder(study: Study) -> Path:
    return products_folder(study) / TABLES


def aggregated_tables(study: Study) -> list[Path]:
    return [tables_folder(study) / f"{name}.parquet" for name in AGGREGATED_TABLES]


def claim_tables(study: Study) -> list[Path]:
    return [tables_folder(study) / f"{name}.parquet" for name in CLAIM_TABLES]


def formulas_table(study: Study) -> Path:
    return tables_folder(study) / "formulas.parquet"


def results_table(study: Study) -> Path:
    """The table of results as a page of its own, for Snakemake's report."""
    return tables_folder(study) / "results.html"


def figures_folder(study: Study) -> Path:
    return products_folder(study) / FIGURES


def report_file(study: Study) -> Path:
    return products_folder(study) / "report.html"


def laboratory_file(study: Study, experiment: str, seed: int | str) -> Path:
    return study_folder(study) / LABORATORY / experiment / f"seed~{seed}.parquet"


def laboratory_facts(study: Study, experiment: str, seed: int | str) -> Path:
    """What an experiment was run with, and how long it took."""
    return laboratory_file(study, experiment, seed).with_suffix(".json")


# Places of jobs among the logs, the benchmarks, the attempts and the provenance; without suffix.
def job_of_run(step: str, run: Run) -> PurePath:
    return job_of_folder(step, run.name, run.subset_size, run.seed)


def job_of_folder(step: str, name: str, subset_size: int | str, seed: int | str) -> PurePath:
    return PurePath(step, name, f"n~{subset_size}", f"seed~{seed}")


def job_of_subset(target: str, drawing: str, subset_size: int | str, seed: int | str) -> PurePath:
    return job_of_folder("subset", f"{target}/{drawing}", subset_size, seed)


def job_of_images(target: Target) -> PurePath:
    """Of MNIST as it always was; of another target with its name."""
    return PurePath("images") if target.name == "mnist" else PurePath("images", target.source)


def job_of_laboratory(experiment: str, seed: int | str) -> PurePath:
    return PurePath("laboratory", experiment, f"seed~{seed}")


def job_of_weights(architecture: str, sources: Sequence[WeightsSource]) -> PurePath:
    """Named after the sources; where that is too long for a folder, after their digest too."""
    parts = [
        source
        if isinstance(source, str)
        else f"{source.file.stem}-{digest(source.model_dump(mode='json'))}"
        for source in sources
    ]
    name = "+".join(parts)
    if len(name.encode()) > LONGEST_NAME:
        # Whole characters only: a part of one is no text.
        start = name.encode()[:LONGEST_NAME].decode(errors="ignore")
        name = f"{start}-{digest(parts)}"
    return PurePath("weights", architecture, name)


def benchmark_file(root: Path, job: PurePath) -> Path:
    """Snakemake's measurement of a job, times and memory; root as for `log_file`."""
    return root / BENCHMARKS / f"{job}.tsv"


def log_file(root: Path, job: PurePath) -> Path:
    """What a job said; root is the study's folder, or the cache for what fills it."""
    return root / LOGS / f"{job}.log"


def attempt_file(root: Path, job: PurePath) -> Path:
    """There from a job's start until it ends well: see `tlstudy.jobs.attempts`."""
    return root / ATTEMPTS / f"{job}.json"


def maker(inside: PurePath) -> PurePath | None:
    """The job that makes a file of a study, by its place in the study's folder; None of others."""
    match inside.parts:
        case ("subsets", target, drawing, size, seed, _):
            return PurePath("subset", target, drawing, size, seed)
        case ("runs", name, size, seed, file):
            kinds = {measurement.file: step for step, measurement in measurements().items()}
            step = "train" if file in (*KEPT, PLANE) else kinds.get(file)
            return PurePath(step, name, size, seed) if step else None
        case ("laboratory", experiment, file):
            return PurePath("laboratory", experiment, PurePath(file).stem)
        case ("tables", "formulas.parquet"):
            return PurePath("formulas")
        case ("tables", file):
            return PurePath("claims" if PurePath(file).stem in CLAIM_TABLES else "aggregate")
        case ("figures", *_):
            return PurePath("figures")
    return None


def provenance_file(study: Study, job: PurePath | str) -> Path:
    """What the results of a job were made from."""
    return study_folder(study) / PROVENANCE / f"{job}.json"
