"""Every path of a study, in one place: used by the commands and by the workflow's rules."""

from collections.abc import Sequence
from pathlib import Path

from tlstudy.settings import Study, WeightsSource
from tlstudy.study import Run, digest

IMAGE_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def study_folder(study: Study) -> Path:
    return study.results / study.study


def settings_file(study: Study) -> Path:
    """The study's configuration with all sweeps expanded and defaults filled in."""
    return study_folder(study) / "study.json"


def images_folder(cache: Path) -> Path:
    return cache / "mnist"


def downloads_folder(cache: Path) -> Path:
    """Files that the user places by hand where no network is to be had."""
    return cache / "downloads"


def weights_folder(cache: Path, architecture: str, sources: Sequence[WeightsSource]) -> Path:
    """Cached weights: one folder for each architecture and ordered list of sources."""
    return cache / "weights" / architecture / "+".join(map(_folder_part, sources))


def _folder_part(source: WeightsSource) -> str:
    if isinstance(source, str):
        return source
    return f"{source.file.stem}-{digest(source.model_dump(mode='json'))}"


def subset_folder(study: Study, drawing: str, subset_size: int | str, seed: int | str) -> Path:
    return study_folder(study) / "subsets" / drawing / f"n~{subset_size}" / f"seed~{seed}"


def run_subset_folder(study: Study, run: Run) -> Path:
    return subset_folder(study, run.settings.drawing, run.subset_size, run.seed)


def run_folder(study: Study, name: str, subset_size: int | str, seed: int | str) -> Path:
    return study_folder(study) / "runs" / name / f"n~{subset_size}" / f"seed~{seed}"


def folder_of_run(study: Study, run: Run) -> Path:
    return run_folder(study, run.name, run.subset_size, run.seed)


def scratch_folder(study: Study, run: Run) -> Path:
    """What an unfinished training keeps."""
    scratch = study.scratch / study.study if study.scratch else study_folder(study) / "scratch"
    return scratch / f"{run.name}~n~{run.subset_size}~seed~{run.seed}"


def tables_folder(study: Study) -> Path:
    return study_folder(study) / "tables"


def results_table(study: Study) -> Path:
    """The table of results as a page of its own, for Snakemake's report."""
    return tables_folder(study) / "results.html"


def figures_folder(study: Study) -> Path:
    return study_folder(study) / "figures"


def report_file(study: Study) -> Path:
    return study_folder(study) / "report.html"


def encoder_file(study: Study, run: Run) -> Path:
    return folder_of_run(study, run) / "encoder.parquet"


def laboratory_file(study: Study, experiment: str, seed: int | str) -> Path:
    return study_folder(study) / "laboratory" / experiment / f"seed~{seed}.parquet"


def laboratory_record(study: Study, experiment: str, seed: int | str) -> Path:
    """What an experiment was run with, and how long it took."""
    return laboratory_file(study, experiment, seed).with_suffix(".json")


def reuse_file(study: Study, run: Run) -> Path:
    return folder_of_run(study, run) / "reuse.parquet"


def curvature_file(study: Study, run: Run) -> Path:
    return folder_of_run(study, run) / "curvature.parquet"


def benchmark_file(study: Study, stage: str, run: Run) -> Path:
    """Snakemake's record of a job: times and memory."""
    place = Path(stage, run.name, f"n~{run.subset_size}", f"seed~{run.seed}.tsv")
    return study_folder(study) / "benchmarks" / place
