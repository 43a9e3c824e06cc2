"""The study, and what several rules need to know of it."""

import os
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

# The package beside these rules is the one that belongs to them, whatever is installed.
if os.path.isfile(os.path.join(checkout, "tlstudy", "__init__.py")):
    sys.path.insert(0, checkout)
if find_spec("tlstudy") is None:
    raise WorkflowError(
        f"tlstudy: not installed for {sys.executable}, which runs Snakemake; "
        "install this workflow's repository there with pip."
    )

from tlstudy.config.catalogue import RESULTS, base_name
from tlstudy.config.fields import unprintable_in_path
from tlstudy.config.given import study_of_workflow
from tlstudy.config.measurements import measurements
from tlstudy.config.study import digest
from tlstudy.config.study_targets import image_sources, targets
from tlstudy.config.targets import MNIST
from tlstudy.jobs import graph, paths
from tlstudy.jobs.calls import forget_call
from tlstudy.jobs.dry_run import list_by_priority
from tlstudy.jobs.graph import code_of, libraries_of
from tlstudy.jobs.one_code import let_jobs_run_this_package
from tlstudy.jobs.study_files import check_places, check_records, write_settings
from tlstudy.jobs.workflow import (
    in_words,
    keep_ended_jobs,
    name_user,
    priorities,
    report_incomplete,
    run_titles,
    runs_by_wildcards,
    source_files,
    source_lists,
    source_options,
    study_of_report,
    target_text,
)
from tlstudy.report.figures.captions import report_labels
from tlstudy.storage.code_digest import code_digest
from tlstudy.storage.errors import UserError

if not os.access(os.curdir, os.W_OK):
    raise WorkflowError(f"{os.getcwd()}: this folder cannot be written to.")
if unprintable := unprintable_in_path(os.getcwd()):
    raise WorkflowError(
        f"{os.getcwd()!r}: this folder's path {unprintable}; rename it."
    )


def makes_report():
    """Whether this call makes Snakemake's own report, which runs no job."""
    return any(option.partition("=")[0] == "--report" for option in sys.argv)


def is_own_workflow():
    """Whether no other workflow has this one as a module."""
    own = (
        os.path.join(checkout, *parts)
        for parts in (["Snakefile"], ["workflow", "Snakefile"])
    )
    return os.path.realpath(workflow.main_snakefile) in map(os.path.realpath, own)


def in_a_sentence(error):
    """What Snakemake shows without a traceback; of a file that may not be read, which."""
    if isinstance(error, UserError):
        return WorkflowError(error.message)
    return WorkflowError(
        f"{error.filename}: {error.strerror}; it needs to be readable for whoever runs Snakemake."
    )


# Those of the command line come first there, but override the workflow's own.
given = workflow.overwrite_configfiles
config_files = [name for name in workflow.configfiles if name not in given]

try:
    name_user()
    let_jobs_run_this_package()
    study = study_of_workflow(
        config, [Path(name) for name in (*config_files, *given)], Path(base)
    )
    if makes_report() and is_own_workflow():
        shown = study_of_report(study, given)
        if shown is not study:
            study = shown
            config.clear()  # captions read it
            config.update(study.model_dump(mode="json"))
except (UserError, OSError) as error:
    raise in_a_sentence(error) from None

run_of_folder = runs_by_wildcards(study)
titles_of_runs = run_titles(study)
priority_of_job = priorities(study)
sources_of_folder = source_lists(study)

folder = paths.study_folder(study)
run_path = paths.run_folder(study, "{run}", "{n}", "{seed}")
subset_path = paths.subset_folder(study, "{target}", "{drawing}", "{n}", "{seed}")
job_of_weights = paths.job_of_weights("{architecture}", ["{sources}"])

# Those of a study without arms are MNIST's, which nothing asks for.
image_targets = list(image_sources(study).values()) or [MNIST]
targets_by_key = targets(study)


wildcard_constraints:
    experiment=r"[a-z]+",
    run=r"[A-Za-z0-9._~-]+",
    target=r"[A-Za-z0-9._~-]+",
    drawing=r"[a-z]+",
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
    images = getattr(rules, image_rule(image_targets[0])).output[0]
    subset, declared = (
        rules.subset.output[0],
        paths.image_files(study.cache, image_targets[0])[0],
    )
    folders = {
        "results": moved(study.results, subset_path / paths.SUBSET_RECORD, subset),
        "cache": moved(study.cache, declared, images),
    }
    return study.model_copy(update=folders)


def look_at_places():
    """Whether files can lie where they are to; once all rules are there, as a prefix moves them."""
    try:
        check_records(Path.cwd())
        check_places(moved_study())
    except (UserError, OSError) as error:
        raise in_a_sentence(error) from None


def moved(place, declared, actual):
    """Where a folder is, by a file in it as it was declared and as Snakemake has it."""
    return Path(actual).parents[len(declared.relative_to(place).parts) - 1]


if workflow.output_settings.dryrun:
    list_by_priority(logger)


def in_order(wildcards):
    """Priority of a job: jobs start in the order of the study's grid."""
    return priority_of_job[tuple(wildcards)]


def before_all(wildcards):
    """Priority of what many jobs wait for."""
    return len(priority_of_job) + 1


def the_run(wildcards):
    return run_of_folder[wildcards.run, wildcards.n, wildcards.seed]


def run_title(wildcards, output):
    """A run by the names of its arms; a parameter that takes `output` makes nothing run again."""
    return titles_of_runs[wildcards.run, wildcards.n, wildcards.seed]


def job_of_run(step):
    """Place of a run's job among logs and the like, by wildcards."""
    return paths.job_of_folder(step, "{run}", "{n}", "{seed}")


def provenance_of_run(step):
    """The file in which a step tells what it made a run's results from."""
    return paths.provenance_file(study, job_of_run(step))


def training(wildcards):
    return graph.train(study, the_run(wildcards))


def measuring(name):
    """The step of a measurement, by wildcards."""
    return lambda wildcards: graph.measure(study, the_run(wildcards), name)


def inputs_of(step):
    """Files of the study that a job reads, by wildcards."""
    return lambda wildcards: step(wildcards).inputs


def settings_of(step):
    """Settings that decide a job's results, a parameter each: Snakemake then tells which changed."""

    @cache
    def told(*key):
        run = run_of_folder[key]
        made = (
            graph.train(study, run)
            if step == "train"
            else graph.measure(study, run, step)
        )
        return made.settings

    # Of the jobs that are asked for only, as there may be thousands. All have the same names.
    names = told(*next(iter(run_of_folder))) if run_of_folder else {}
    return [
        lambda wildcards, name=name: f"{name} {told(wildcards.run, wildcards.n, wildcards.seed)[name]}"
        for name in names
    ]


def run_weights(wildcards):
    """The run's pretrained weights: none for a random start.

    The weights themselves are ancient: only another record (another source or checksum) makes
    runs anew.
    """
    run = the_run(wildcards)
    if not run.sources:
        return []
    weights = paths.weights_folder(study.cache, run.settings.architecture, run.sources)
    record, tensors = paths.weights_files(weights)
    return [record, ancient(tensors)]


def image_rule(target):
    """Name of the rule that gets a target's images."""
    return (
        "_".join(paths.job_of_images(target).parts).replace("-", "_").replace(".", "_")
    )


def target_option(target):
    """What names a target to `tlstudy images`; where a folder lies makes nothing run again."""
    return lambda wildcards, output: target_text(target)


def images_of(wildcards):
    """Images of a run, or of a choice of training images.

    They are ancient: getting the same bytes again is no reason to train again.
    """
    key = wildcards.get("target")
    target = targets_by_key[key] if key else the_run(wildcards).settings.target
    return [ancient(file) for file in paths.image_files(study.cache, target)]


def cache_folder(wildcards):
    return str(moved_study().cache)


def sources_of(wildcards):
    return sources_of_folder[wildcards.architecture, wildcards.sources]


def weights_title(wildcards, output):
    """Sources in words, in the order in which they are tried; likewise runs nothing again."""
    sources = sources_of(wildcards)
    return ", or else ".join(str(getattr(source, "file", source)) for source in sources)


def reported(path):
    """A file with its caption and labels in Snakemake's report, if it is shown there."""
    if path in (paths.report_file(study), paths.results_table(study)):
        whole = path == paths.report_file(study)
        return report(
            path,
            caption=f"../../report/{'report' if whole else 'results-table'}.rst",
            category="0. Report" if whole else "2. Results",
            labels={"Document": "The whole report" if whole else "Table of results"},
        )
    if path.suffix != ".svg":
        return path
    return report(
        path,
        caption=f"../../tlstudy/report/figures/explanations/{base_name(path.stem)}.rst",
        category="2. Results" if path.stem in RESULTS else "3. Figures",
        labels=report_labels(path),
    )
