"""Options that several commands share, and notes of their jobs."""

import functools
import logging
import shlex
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path, PurePath
from typing import Any

import click

from tlstudy.cli.group import begin_lines_with
from tlstudy.config.architectures import let_be_called
from tlstudy.config.given import BASE, given_study, is_of_results
from tlstudy.config.named_runs import find_run
from tlstudy.config.settings import Study
from tlstudy.config.yaml_files import parsed
from tlstudy.jobs import paths
from tlstudy.jobs.attempts import attempt
from tlstudy.jobs.calls import going_on
from tlstudy.jobs.one_code import in_workflow
from tlstudy.jobs.provenance import check_inside
from tlstudy.jobs.study_files import has_results
from tlstudy.jobs.workflow import run_titles
from tlstudy.storage.errors import UserError
from tlstudy.storage.terminal import printable

log = logging.getLogger(__name__)

PATH = click.Path(path_type=Path)
CHANGES = "changes.yaml"  # a name for a file with what --set changes


class NewFile(click.Path):
    """A file to write, in a folder that is there: another one is a slip of the pen."""

    name = "file"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> Path:
        file = super().convert(value, parameter, context)
        if not file.parent.is_dir():
            raise UserError(f"{file}: there is no folder {file.parent}; make it first.")
        return file


NEW_FILE = NewFile(path_type=Path)

study_argument = click.argument("files", metavar="[STUDY]...", nargs=-1, type=PATH)
config_option = click.option(
    "--config",
    "configs",
    metavar="STUDY",
    multiple=True,
    type=PATH,
    help="The same as an argument STUDY; it comes before those.",
)
set_option = click.option(
    "--set",
    "changes",
    metavar="KEY=VALUE",
    multiple=True,
    help="Change a key on top of the files, such as arms.new.epochs=3; may be repeated.",
)
json_option = click.option(
    # Before others: some print and stop.
    *("--json", "as_json"),
    is_flag=True,
    is_eager=True,
    help="Print JSON instead of text.",
)
cache_option = click.option(
    "--cache",
    type=PATH,
    help="Folder of the images and weights that all studies share, if no STUDY names it; "
    "resources if none is given.",
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
    """Add what names a study, and pass the study on."""

    @functools.wraps(command)
    def wrapped(files: tuple[Path, ...], configs: tuple[Path, ...], changes, **options) -> object:
        study = given_study([*configs, *files], changes)
        if in_workflow():  # its settings were written from the files that the user named
            let_be_called(arm.architecture for arm in study.arms.values())
        return command(study, **options)

    for add in (config_option, set_option, study_argument):
        wrapped = add(wrapped)
    return wrapped


def with_run(command: Callable) -> Callable:
    """Add the options that name a run and its resources; pass study and run on, noted as a job."""

    @functools.wraps(command)
    def wrapped(study, arm: str, subset_size: int, seed: int, **options) -> object:
        run = find_run(study, arm, subset_size, seed)
        title = run_titles(study)[run.wildcards]
        log.info("%s: %s", command.__name__, title)
        begin_lines_with(f"{run.arm}, n = {subset_size}, seed {seed}")
        with noted(paths.study_folder(study), paths.job_of_run(command.__name__, run)):
            try:
                return command(study, run, **options)
            except RuntimeError as error:  # of pooling in AlexNet and VGG on a GPU, for example
                if "deterministic implementation" not in str(error):
                    raise
                raise UserError(
                    f"{run.settings.architecture}: has an operation that PyTorch cannot repeat to "
                    f"the last digit on this device ({error}); write `device: cpu` into the study."
                ) from error

    for option in run_options:
        wrapped = option(wrapped)
    return with_study(wrapped)


def noted_with_study(command: Callable) -> Callable:
    """Add what names a study and pass it on, noted as a job that is named like the command."""

    @functools.wraps(command)
    def wrapped(study, **options) -> object:
        check_results(study)
        with noted(paths.study_folder(study), PurePath(command.__name__)):
            return command(study, **options)

    return with_study(wrapped)


def check_results(study: Study) -> None:
    """Refuse to work on results before there are any: nothing is left on disk then.

    Raises:
        UserError: it names the call that makes them.
    """
    if not has_results(study):
        raise UserError(
            f"{paths.study_folder(study)}: there are no results yet; {how_to_start(study)} "
            "(without Snakemake: run `tlstudy train` for each run)."
        )


def how_to_start(study: Study) -> str:
    """The call of Snakemake for the study that this command was given, in words."""
    given = click.get_current_context().params
    named, changes = (*given["configs"], *given["files"]), given["changes"]
    if any(map(is_of_results, named)):
        return f"go on with {going_on(study)}"
    files, first, options = [str(file) for file in named if str(file) != BASE], "", []
    if all(map(_snakemake_takes, changes)):
        options = ["--config", *changes] if changes else []
    else:
        first = f"write what --set changes into a file, such as {CHANGES}, and "
        files.append(CHANGES)
    added = ["--configfile", *files] if files else []
    return f"{first}run `{shlex.join(['snakemake', '--cores', 'all', *added, *options])}`"


def _snakemake_takes(change: str) -> bool:
    """Whether Snakemake's `--config` takes a change: of no key in a group, to no list."""
    key, _, value = change.partition("=")
    return "." not in key and isinstance(parsed(value)[0], str | int | float)


def noted(root: Path, job: PurePath) -> AbstractContextManager[None]:
    """Note a job of a study or of the cache, `root`: see `tlstudy.jobs.attempts`."""
    file = paths.attempt_file(root, job)
    check_inside(root, [file])
    return attempt(file)
