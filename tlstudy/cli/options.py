"""Options that several commands share, and notes of their jobs."""

import functools
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path, PurePath

import click

from tlstudy.config.study import find_run, load_study
from tlstudy.jobs import paths
from tlstudy.jobs.attempts import attempt
from tlstudy.jobs.provenance import check_inside
from tlstudy.jobs.workflow import run_titles
from tlstudy.storage.terminal import printable

log = logging.getLogger(__name__)

PATH = click.Path(path_type=Path)

folder_argument = click.argument("folder", type=PATH)
cache_option = click.option(
    "--cache",
    default="resources",
    show_default=True,
    type=PATH,
    help="Folder of the images and weights that all studies share.",
)
seed_option = click.option("--seed", type=int, required=True)
size_option = click.option(
    "--subset-size", type=int, required=True, help="Number of training images."
)
run_options = (
    click.option("--threads", type=click.IntRange(1), help="Processor threads."),
    click.option(
        "--gpus",
        type=click.IntRange(0),
        help="GPUs granted by the workflow; 0 keeps `device: auto` on the processor.",
    ),
    seed_option,
    size_option,
    click.option("--arm", required=True, help="Name of the arm, or of its run folder."),
)


def tell(text: str, nl: bool = True) -> None:
    """Print a text that may hold names from anybody's files."""
    click.echo(printable(text), nl=nl)


def with_study(command: Callable) -> Callable:
    """Add --config and pass the study on."""

    @functools.wraps(command)
    def wrapped(configs: tuple[Path, ...], **options) -> object:
        return command(load_study(configs), **options)

    return click.option(
        "--config",
        "configs",
        multiple=True,
        default=["config.yaml"],
        show_default=True,
        type=PATH,
        help="Configuration file; give more than one to add later ones on top.",
    )(wrapped)


def with_run(command: Callable) -> Callable:
    """Add the options that name a run and its resources; pass study and run on, noted as a job."""

    @functools.wraps(command)
    def wrapped(study, arm: str, subset_size: int, seed: int, **options) -> object:
        run = find_run(study, arm, subset_size, seed)
        title = run_titles(study)[run.name, str(subset_size), str(seed)]
        log.info("%s: %s", command.__name__, title)
        with noted(paths.study_folder(study), paths.job_of_run(command.__name__, run)):
            return command(study, run, **options)

    for option in run_options:
        wrapped = option(wrapped)
    return with_study(wrapped)


def noted_with_study(command: Callable) -> Callable:
    """Add --config and pass the study on, noted as a job that is named like the command."""

    @functools.wraps(command)
    def wrapped(study, **options) -> object:
        with noted(paths.study_folder(study), PurePath(command.__name__)):
            return command(study, **options)

    return with_study(wrapped)


def noted(root: Path, job: PurePath) -> AbstractContextManager[None]:
    """Note a job of a study or of the cache, `root`: see `tlstudy.jobs.attempts`."""
    file = paths.attempt_file(root, job)
    check_inside(root, [file])
    return attempt(file)
