"""The study, and what several rules need to know of it."""

import json

from snakemake.exceptions import WorkflowError

from tlstudy import paths
from tlstudy.errors import UserError
from tlstudy.figures.names import figure_files
from tlstudy.files import write_json_atomically
from tlstudy.provenance import source_digest
from tlstudy.study import build_study, digest, runs

try:
    study = build_study(config)
except UserError as error:
    raise WorkflowError(error.message) from None

study_runs = runs(study)
run_of_folder = {
    (run.name, str(run.subset_size), str(run.seed)): run for run in study_runs
}

folder = paths.study_folder(study)
run_path = str(paths.run_folder(study, "{run}", "{n}", "{seed}"))
subset_path = str(paths.subset_folder(study, "{drawing}", "{n}", "{seed}"))
weights_path = str(study.cache / "weights" / "{architecture}" / "{sources}")

image_files = [paths.images_folder(study.cache) / name for name in paths.IMAGE_FILES]
result_table = paths.results_table(study)
drawn_figures = [
    paths.figures_folder(study) / name for name in figure_files(study)
]
contact_sheets = sorted(
    {paths.run_subset_folder(study, run) / "contact-sheet.svg" for run in study_runs}
)


wildcard_constraints:
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


def runs_with_landscape():
    return [run for run in study_runs if run.seed in study.landscape.seeds]


# Not a shell command: a configuration of hundreds of arms is longer than a command may be.
rule settings:
    output:
        paths.settings_file(study),
    params:
        configuration=digest(study.model_dump(mode="json")),
    log:
        folder / "logs" / "settings.log",
    benchmark:
        folder / "benchmarks" / "settings.tsv"
    localrule: True
    run:
        write_json_atomically(output[0], study.model_dump(mode="json"))
