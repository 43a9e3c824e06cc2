"""The study, and what several rules need to know of it."""

import os
from pathlib import Path

from snakemake.exceptions import WorkflowError

from tlstudy import paths
from tlstudy.errors import UserError
from tlstudy.figures.names import (
    RESULTS,
    base_name,
    figure_files,
    report_labels,
    states_proposition,
)
from tlstudy.files import write_json_atomically
from tlstudy.provenance import PLUMBING, data_digest, source_digest
from tlstudy.memory import training_memory_mb
from tlstudy.study import (
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
image_files = [paths.images_folder(study.cache) / name for name in paths.IMAGE_FILES]
# Of arms: a study of the laboratory alone has none.
result_tables = [paths.results_table(study)] if study.arms else []
formulas_table = (
    [paths.tables_folder(study) / "formulas.parquet"]
    if states_proposition(study)
    else []
)
drawn_figures = [paths.figures_folder(study) / name for name in figure_files(study)]
contact_sheets = sorted(
    {paths.run_subset_folder(study, run) / "contact-sheet.svg" for run in study_runs}
)


wildcard_constraints:
    experiment=r"[a-z]+",
    run=r"[A-Za-z0-9.-]+",
    n=r"\d+",
    seed=r"\d+",


def the_run(wildcards):
    return run_of_folder[wildcards.run, wildcards.n, wildcards.seed]


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


def effective_training(wildcards):
    """All settings of a run: a default that changes makes a run anew, as its name cannot."""
    return digest(the_run(wildcards).settings.training())


def tuning_of_run(wildcards):
    """How a learning rate is chosen, for runs that choose one."""
    tuned = the_run(wildcards).settings.tune_learning_rate
    return digest(study.tuning.model_dump()) if tuned else "none"


def cache_folder(wildcards):
    return str(study.cache)


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
    """The user's own files among the sources."""
    sources = source_lists[wildcards.architecture, wildcards.sources]
    return [source.file for source in sources if not isinstance(source, str)]


laboratory_files = [
    file(study, experiment, seed)
    for file in (paths.laboratory_file, paths.laboratory_record)
    for experiment in study.laboratory.experiments
    for seed in study.seed
]


def experiment_code(wildcards):
    """Each experiment by itself: mending one does not run the others again."""
    return source_digest(
        f"tlstudy.laboratory.{wildcards.experiment}_experiment", PLUMBING
    )


landscape_files = [
    paths.folder_of_run(study, run) / "landscape.json"
    for run in selected(study, study.landscape)
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
        caption=f"../../report/{base_name(path.stem)}.rst",
        category="2. Results" if path.stem in RESULTS else "3. Figures",
        labels=report_labels(path),
    )
