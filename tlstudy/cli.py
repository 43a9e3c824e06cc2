"""Command line: the work of every rule as a command of its own."""

import functools
import json
import logging
import os
import sys
from pathlib import Path

import click

from tlstudy import __version__
from tlstudy.settings import ARCHITECTURES, LABORATORY_EXPERIMENTS, Study

# Heavy imports (torch, pandas, matplotlib) are inside the commands: help must not wait for them.


class Commands(click.Group):
    """Turns what a user can mend into one sentence, without a traceback."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except PermissionError as error:
            raise click.ClickException(f"{error.filename}: permission denied.") from None
        except OSError as error:
            if error.filename is None:
                raise
            raise click.ClickException(f"{error.filename}: {error.strerror}.") from None

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self.commands)  # in the order of the workflow


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Re-run, audit and report a transfer-learning study.

    The commands are the stages of the workflow, in its order; each reads the configuration and
    works on the study's folders, with or without Snakemake.
    """
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr
    )


def with_study(command):
    """Add --config and pass the study on."""

    @functools.wraps(command)
    def wrapped(configs: tuple[Path, ...], **options) -> object:
        from tlstudy.study import load_study

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
    """Add the options that name a run and the resources it may use."""
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
        command = option(command)
    return command


@main.command()
@with_study
def runs(study: Study) -> None:
    """List the runs of a study: arm, subset size, seed and folder."""
    from tlstudy import paths
    from tlstudy.study import runs as all_runs

    for run in all_runs(study):
        folder = paths.folder_of_run(study, run)
        click.echo(f"{run.arm}\t{run.subset_size}\t{run.seed}\t{folder}")


@main.command()
@with_study
def plan(study: Study) -> None:
    """Say what a study will cost before it starts: jobs, hours, disk, memory.

    Hours are of one processor core: from Snakemake's records of jobs on this machine, else from
    operation counts and the machine's own speed.
    """
    from tlstudy import plan as planning

    click.echo(planning.plan_text(study, planning.plan(study)))


@main.command()
def schema() -> None:
    """Print the JSON schema of the configuration."""
    from tlstudy.schema import configuration_schema

    click.echo(json.dumps(configuration_schema(), indent=2))


cache_option = click.option(
    "--cache",
    default="resources",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder of the images and weights that all studies share.",
)


@main.command()
@cache_option
def images(cache: Path) -> None:
    """Get MNIST into the cache, checksums verified."""
    from tlstudy.images import cache_images

    cache_images(cache)


@main.command()
@click.option(
    "--architecture", type=click.Choice(ARCHITECTURES), default="resnet50", show_default=True
)
@click.option(
    "--source",
    "sources",
    multiple=True,
    required=True,
    help="Name of torchvision weights, he2015, or a JSON mapping with `file`; "
    "give more than one to try them in turn.",
)
@cache_option
def weights(sources: tuple[str, ...], architecture: str, cache: Path) -> None:
    """Get pretrained weights into the cache, as safetensors beside a record."""
    from tlstudy import paths
    from tlstudy.study import parse_source
    from tlstudy.weights import cache_weights

    parsed = [parse_source(source) for source in sources]
    folder = paths.weights_folder(cache, architecture, parsed)
    cache_weights(parsed, architecture, folder, paths.downloads_folder(cache))


@main.command()
@click.option("--seed", type=int, required=True)
@click.option("--subset-size", type=int, required=True, help="Number of training images.")
@click.option("--drawing", type=click.Choice(["stratified", "published"]), required=True)
@with_study
def subset(study: Study, drawing: str, subset_size: int, seed: int) -> None:
    """Draw the training images of a seed and write them with a contact sheet."""
    from tlstudy.stages.subset import make_subset
    from tlstudy.study import check_subset

    check_subset(study, drawing, subset_size, seed)
    make_subset(study, drawing, subset_size, seed)


@main.command()
@with_run
@with_study
def train(
    study: Study, arm: str, subset_size: int, seed: int, gpus: int | None, threads: int | None
) -> None:
    """Train one run and measure it at every epoch."""
    from tlstudy.stages.train import train_run
    from tlstudy.study import find_run

    train_run(study, find_run(study, arm, subset_size, seed), gpus, threads)


@main.command()
@with_run
@with_study
def landscape(
    study: Study, arm: str, subset_size: int, seed: int, gpus: int | None, threads: int | None
) -> None:
    """Compute the loss over two planes through a run's final weights."""
    from tlstudy.stages.landscape import landscape_run
    from tlstudy.study import find_run

    landscape_run(study, find_run(study, arm, subset_size, seed), gpus, threads)


@main.command()
@with_run
@with_study
def curvature(
    study: Study, arm: str, subset_size: int, seed: int, gpus: int | None, threads: int | None
) -> None:
    """Measure how sharp the training loss is where a run ended and on its way."""
    from tlstudy.stages.curvature import curvature_run
    from tlstudy.study import find_run

    curvature_run(study, find_run(study, arm, subset_size, seed), gpus, threads)


@main.command()
@with_run
@with_study
def encoder(
    study: Study, arm: str, subset_size: int, seed: int, gpus: int | None, threads: int | None
) -> None:
    """Probe, freeze and put back the stages of a run's network."""
    from tlstudy.stages.encoder import encoder_run
    from tlstudy.study import find_run

    encoder_run(study, find_run(study, arm, subset_size, seed), gpus, threads)


@main.command()
@click.option("--seed", type=int, required=True)
@click.option("--experiment", type=click.Choice(LABORATORY_EXPERIMENTS), required=True)
@with_study
def laboratory(study: Study, experiment: str, seed: int) -> None:
    """Run an experiment on small networks with made data."""
    from tlstudy.stages.laboratory import run_experiment

    run_experiment(study, experiment, seed)


@main.command()
@with_run
@with_study
def reuse(
    study: Study, arm: str, subset_size: int, seed: int, gpus: int | None, threads: int | None
) -> None:
    """Measure how much of its features a run kept, and how far it had to move."""
    from tlstudy.stages.reuse import reuse_run
    from tlstudy.study import find_run

    reuse_run(study, find_run(study, arm, subset_size, seed), gpus, threads)


@main.command()
@with_study
def aggregate(study: Study) -> None:
    """Put all runs into tables, with what the sentinels found in them."""
    from tlstudy.stages.aggregate import aggregate_study

    aggregate_study(study)


def _list_quantities(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from tlstudy.quantities import described

        click.echo(described())
        context.exit()


@main.command()
@click.option(
    "--quantities",
    is_flag=True,
    is_eager=True,  # needs no configuration
    expose_value=False,
    callback=_list_quantities,
    help="List what a claim may be about, with units, and stop.",
)
@with_study
def claims(study: Study) -> None:
    """Judge the claims and compute the ladder, from the tables."""
    from tlstudy.claims import laboratory_text, ledger_text
    from tlstudy.ladder import ladder_text
    from tlstudy.stages.claims import make_claims

    ladder, ledger, laboratory = make_claims(study)
    texts = (ladder_text(ladder), ledger_text(ledger), laboratory_text(laboratory))
    click.echo("\n".join(filter(None, texts)))


@main.command()
@with_study
def figures(study: Study) -> None:
    """Draw the slides' plots from the tables, the published series laid under ours."""
    from tlstudy.stages.figures import draw_figures

    draw_figures(study)


@main.command()
@with_study
def report(study: Study) -> None:
    """Write the report: one HTML file that needs nothing else."""
    from tlstudy import paths
    from tlstudy.stages.report import make_report

    make_report(study)

    click.echo(f"Report: {os.path.relpath(paths.report_file(study))}")


@main.command()
@click.argument(
    "sources", metavar="RUNS...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--classes", type=click.IntRange(2), default=10, show_default=True, help="Number of classes."
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="NAME=THEIRS",
    help="What a column is called in the tables, such as train_loss=loss; may be repeated.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "never"]),
    default="error",
    show_default=True,
    help="Exit with status 1 if there is a finding of this severity or a graver one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def audit(
    sources: tuple[Path, ...], classes: int, columns: tuple[str, ...], fail_on: str, as_json: bool
) -> None:
    """Look for what went wrong in anyone's training runs.

    RUNS are tables of epochs (.csv or .parquet, one or more runs in each), described in
    docs/audit-format.md, or folders of runs of a study. Exit status: 0 if nothing was found, 1 if
    something was (see --fail-on), 2 if the runs cannot be read.
    """
    from tlstudy.audit.command import audit_runs

    text, found = audit_runs(sources, columns, classes, fail_on, as_json)
    click.echo(text)
    sys.exit(1 if found else 0)


@main.command()
@click.option(
    "--draws",
    type=click.IntRange(1),
    default=5000,
    show_default=True,
    help="Random arguments that each formula is tried on.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--table",
    "destination",
    type=click.Path(path_type=Path),
    help="Parquet file to write the table to as well.",
)
def formulas(draws: int, seed: int, destination: Path | None) -> None:
    """Hold the printed variants of Proposition 3 against brute-force minimisation."""
    from tlstudy.formulas import table_text
    from tlstudy.stages.formulas import make_formulas

    click.echo(table_text(make_formulas(draws, seed, destination)))


if __name__ == "__main__":
    main()
