"""Options that several commands share."""

import functools
from pathlib import Path, PurePath

import click


def with_study(command):
    """Add --config and pass the study on."""

    @functools.wraps(command)
    def wrapped(configs: tuple[Path, ...], **options) -> object:
        from tlstudy.config.study import load_study

        return command(load_study(configs), **options)

    return click.option(
        "--config",
        "configs",
        multiple=True,
        default=["config.yaml"],
        show_default=True,
        type=click.Path(path_type=Path),
        help="Configuration file; give more than one to add later ones on top.",
    )(wrapped)


def with_run(command):
    """Add the options that name a run and the resources it may use; pass study and run on.

    The job is noted while it runs, and if it fails: see `tlstudy.jobs.attempts`.
    """

    @functools.wraps(command)
    def wrapped(study, arm: str, subset_size: int, seed: int, **options) -> object:
        from tlstudy.config.study import find_run
        from tlstudy.jobs import paths

        run = find_run(study, arm, subset_size, seed)
        with noted(paths.study_folder(study), paths.job_of_run(command.__name__, run)):
            return command(study, run, **options)

    for option in (
        click.option("--threads", type=click.IntRange(1), help="Processor threads."),
        click.option(
            "--gpus",
            type=click.IntRange(0),
            help="GPUs granted by the workflow; 0 keeps `device: auto` on the processor.",
        ),
        click.option("--seed", type=int, required=True),
        click.option("--subset-size", type=int, required=True, help="Number of training images."),
        click.option("--arm", required=True, help="Name of the arm, or of its run folder."),
    ):
        wrapped = option(wrapped)
    return with_study(wrapped)


def noted(root: Path, job: PurePath):
    """Note a job of a study or of the cache, `root`, while it runs, and if it fails."""
    from tlstudy.jobs import paths
    from tlstudy.jobs.attempts import attempt

    return attempt(paths.attempt_file(root, job))


cache_option = click.option(
    "--cache",
    default="resources",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder of the images and weights that all studies share.",
)
