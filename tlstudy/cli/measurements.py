"""What takes long: training runs, and what is measured on them."""

import click

from tlstudy.cli.imports import slow_imports
from tlstudy.cli.options import noted, with_run, with_study
from tlstudy.config.settings import LABORATORY_EXPERIMENTS, Study
from tlstudy.config.study import Run


@click.command()
@with_run
def train(study: Study, run: Run, gpus: int | None, threads: int | None) -> None:
    """Train one run and measure it at every epoch."""
    with slow_imports():
        from tlstudy.stages.train import train_run

    train_run(study, run, gpus, threads)


@click.command()
@with_run
def landscape(study: Study, run: Run, gpus: int | None, threads: int | None) -> None:
    """Compute the loss over two planes through a run's final weights."""
    with slow_imports():
        from tlstudy.stages.landscape import landscape_run

    landscape_run(study, run, gpus, threads)


@click.command()
@with_run
def curvature(study: Study, run: Run, gpus: int | None, threads: int | None) -> None:
    """Measure how sharp the training loss is where a run ended and on its way."""
    with slow_imports():
        from tlstudy.stages.curvature import curvature_run

    curvature_run(study, run, gpus, threads)


@click.command()
@with_run
def encoder(study: Study, run: Run, gpus: int | None, threads: int | None) -> None:
    """Probe, freeze and put back the stages of a run's network."""
    with slow_imports():
        from tlstudy.stages.encoder import encoder_run

    encoder_run(study, run, gpus, threads)


@click.command()
@with_run
def reuse(study: Study, run: Run, gpus: int | None, threads: int | None) -> None:
    """Measure how much of its features a run kept, and how far it had to move."""
    with slow_imports():
        from tlstudy.stages.reuse import reuse_run

    reuse_run(study, run, gpus, threads)


@click.command()
@click.option("--seed", type=int, required=True)
@click.option("--experiment", type=click.Choice(LABORATORY_EXPERIMENTS), required=True)
@with_study
def laboratory(study: Study, experiment: str, seed: int) -> None:
    """Run an experiment on small networks with made data."""
    from tlstudy.jobs import paths

    with noted(paths.study_folder(study), paths.job_of_laboratory(experiment, seed)):
        from tlstudy.stages.laboratory import run_experiment

        run_experiment(study, experiment, seed)
