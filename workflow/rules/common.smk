"""The study, and what several rules need to know of it."""

import os
import shlex
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from snakemake.exceptions import WorkflowError

if find_spec("tlstudy") is None:
    raise WorkflowError(
        f"tlstudy: not installed for {sys.executable}, which runs Snakemake; "
        "install this workflow's repository there with pip."
    )

from tlstudy.jobs import steps, paths
from tlstudy.jobs.steps import experiment_code, stage_code
from tlstudy.storage.errors import UserError
from tlstudy.config.catalogue import RESULTS, base_name, figure_files, states_proposition
from tlstudy.report.figures.captions import report_labels
from tlstudy.jobs.memory import memory_mb
from tlstudy.jobs.progress import progress
from tlstudy.storage.provenance import PLUMBING, source_digest
from tlstudy.jobs.runtime import runtime_minutes
from tlstudy.jobs.study_files import check_places, write_settings
from tlstudy.config.study import (
    build_study,
    digest,
    read_configuration,
    runs,
    selected,
    values_after_epochs,
)

if not os.access(os.curdir, os.W_OK):
    raise WorkflowError(f"{os.getcwd()}: this folder cannot be written to.")

try:
    # Snakemake itself lets the last of a key's values win where it stands twice.
    read_configuration([Path(name) for name in workflow.configfiles])
    study = build_study(config)
except UserError as error:
    raise WorkflowError(error.message) from None

study_runs = runs(study)
after_epochs = values_after_epochs(study)
run_of_folder = {
    (run.name, str(run.subset_size), str(run.seed)): run for run in study_runs
}

folder = paths.study_folder(study)
run_path = paths.run_folder(study, "{run}", "{n}", "{seed}")
subset_path = paths.subset_folder(study, "{drawing}", "{n}", "{seed}")
weights_path = study.cache / "weights" / "{architecture}" / "{sources}"
logs, benchmarks = folder / "logs", folder / "benchmarks"

# Rules take these as ancient: getting the same bytes again is no reason to train again.
image_files = paths.image_files(study.cache)
# Of arms: a study of the laboratory alone has none.
result_tables = [paths.results_table(study)] if study.arms else []
formulas_table = [paths.formulas_table(study)] if states_proposition(study) else []
drawn_figures = [paths.figures_folder(study) / name for name in figure_files(study)]
contact_sheets = sorted(
    {paths.run_subset_folder(study, run) / "contact-sheet.svg" for run in study_runs}
)


wildcard_constraints:
    experiment=r"[a-z]+",
    run=r"[A-Za-z0-9.-]+",
    n=r"\d+",
    seed=r"\d+",


def settings_of_jobs(wildcards, output):
    """The file in which a job reads the configuration; it is there before a job starts.

    A parameter that takes `output` never makes a job run again: what a job depends on is in its
    other parameters. A module's `onstart` is not called, hence here.
    """
    really_runs = workflow.executor_plugin is not None and not workflow.dryrun
    return written_settings() if really_runs else planned_settings


planned_settings = paths.settings_file(study)


@cache
def written_settings():
    return write_settings(moved_study())


def moved_study():
    """The study with the folders that Snakemake has for it: a module's prefix moves them."""
    subset, images = rules.subset.output[0], rules.images.output[0]
    folders = {
        "results": moved(study.results, subset_path / "subset.json", subset),
        "cache": moved(study.cache, image_files[0], images),
    }
    return study.model_copy(update=folders)


def look_at_places():
    """Whether files can lie where they are to; once all rules are there, as a prefix moves them."""
    try:
        check_places(moved_study())
    except UserError as error:
        raise WorkflowError(error.message) from None


def moved(place, declared, actual):
    """Where a folder is, by a file in it as it was declared and as Snakemake has it."""
    return Path(actual).parents[len(declared.relative_to(place).parts) - 1]


def the_run(wildcards):
    return run_of_folder[wildcards.run, wildcards.n, wildcards.seed]


# Jobs ask for a GPU where the study may use one and the workflow has one to give.
gpu_limit = workflow.global_resources.get("gpu")
gpus = 0 if study.device == "cpu" or (gpu_limit and gpu_limit.value == 0) else 1


def granted_gpus(wildcards, resources):
    """GPUs that a job has, under whichever name a profile asks for them.

    What follows from resources makes nothing run again.
    """
    return max(resources.gpu, int("gpu" in resources.get("gres", "")))


def minutes_of(stage):
    """What a job of the stage asks for; after each failure it asks for as much again."""
    return lambda wildcards, threads, attempt: attempt * runtime_minutes(
        study, the_run(wildcards), stage, threads, gpus
    )


def memory_of(stage):
    """Likewise, in MB."""
    return lambda wildcards, attempt: attempt * memory_mb(the_run(wildcards), stage)


def provenance_of_run(stage):
    """The record that a stage leaves of what it made a run's results from."""
    return paths.provenance_file(study, stage, "{run}", "n~{n}", "seed~{seed}")


def decided_by(step):
    """Settings that decide a step's results: those that its record holds, in one digest."""
    return digest(step.settings)


def training_decided_by(wildcards):
    return decided_by(steps.train(study, the_run(wildcards), after_epochs))


def measurement_decided_by(step):
    """The same for what is measured on a run after its training."""
    return lambda wildcards: decided_by(step(study, the_run(wildcards)))


def run_weights(wildcards):
    """The run's pretrained weights: none for a random start.

    The weights themselves are ancient: only another record (another source or checksum) makes
    runs anew.
    """
    run = the_run(wildcards)
    if not run.sources:
        return []
    weights = paths.weights_folder(study.cache, run.settings.architecture, run.sources)
    return [weights / "record.json", ancient(weights / "weights.safetensors")]


def run_subset(wildcards):
    return paths.run_subset_folder(study, the_run(wildcards)) / "subset.json"


def cache_folder(wildcards):
    return str(moved_study().cache)


def cached_sources():
    """Ordered source lists by (architecture, folder name)."""
    lists = {}
    for run in study_runs:
        if run.sources:
            weights = paths.weights_folder(
                study.cache, run.settings.architecture, run.sources
            )
            lists[run.settings.architecture, weights.name] = run.sources
    return lists


source_lists = cached_sources()


def source_options(wildcards):
    texts = [
        source if isinstance(source, str) else source.model_dump_json()
        for source in source_lists[wildcards.architecture, wildcards.sources]
    ]
    return [part for text in texts for part in ("--source", text)]


def source_files(wildcards):
    """The user's own files among the sources; absolute, as no prefix of a module moves them."""
    sources = source_lists[wildcards.architecture, wildcards.sources]
    return [source.file.absolute() for source in sources if not isinstance(source, str)]


laboratory_files = [
    file(study, experiment, seed)
    for file in (paths.laboratory_file, paths.laboratory_record)
    for experiment in study.laboratory.experiments
    for seed in study.seed
]


landscape_files = [
    paths.landscape_file(study, run) for run in selected(study, study.landscape)
]


def reported_results(path):
    """The table of results with its caption in Snakemake's report."""
    return report(
        path,
        caption="../../report/results-table.rst",
        category="2. Results",
        labels={"Document": "Table of results"},
    )


def reported_figure(path):
    """An SVG with its caption and labels in Snakemake's report; a PNG as it is."""
    if path.suffix != ".svg":
        return path
    return report(
        path,
        caption=f"../../tlstudy/report/figures/explanations/{base_name(path.stem)}.rst",
        category="2. Results" if path.stem in RESULTS else "3. Figures",
        labels=report_labels(path),
    )


def report_incomplete():
    """Report what is there if a job failed: jobs that are interrupted call for no report.

    Its own failure is told in a sentence and changes nothing.
    """
    if not progress(study).unended():
        return
    command = ["tlstudy", "report", "--incomplete"]
    settings = ["--config", str(written_settings())]
    # Appended targets would be taken for configuration files without the dashes.
    call = ["--call", shlex.join(["snakemake", *sys.argv[1:], "--"])]
    made = subprocess.run(
        [sys.executable, "-m", "tlstudy.cli", *command[1:], *settings, *call],
        capture_output=True,
        text=True,
    )
    if made.returncode == 0:
        print(made.stdout.strip(), file=sys.stderr)
    else:
        reason = made.stderr.strip().rpartition("\n")[2]
        print(
            f"There is no incomplete report ({reason}); see `{shlex.join(command + settings)}`.",
            file=sys.stderr,
        )
