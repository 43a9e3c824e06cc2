"""Commands that take long: training, measurements of runs, and the laboratory."""

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import click

from tlstudy.cli.options import noted, seed_option, with_run, with_study
from tlstudy.config.measurements import Measurement
from tlstudy.config.named_runs import check_experiment
from tlstudy.config.settings import LABORATORY_EXPERIMENTS, Study
from tlstudy.config.study import Run
from tlstudy.jobs import paths
from tlstudy.jobs.one_code import in_workflow
from tlstudy.jobs.sharing import take_measurement, take_training

log = logging.getLogger(__name__)


@contextmanager
def _slow_imports() -> Iterator[None]:
    """Import without garbage collection: a fifth of the time of PyTorch's modules."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@click.command()
@with_run
def train(study: Study, run: Run, gpus: int | None, threads: int | None) -> None:
    """Train one run and measure it at every epoch.

    If another study in the same results folder has the same run, the run is copied from there.
    """
    if other := take_training(study, run, for_workflow=in_workflow()):
        log.info("taken from study %s, which has the same run", other)
        return
    with _slow_imports():
        from tlstudy.steps.train import train_run

    train_run(study, run, gpus, threads)


def measurement_command(measurement: Measurement) -> click.Command:
    """The command that makes a measurement of one run."""

    def command(study: Study, run: Run, gpus: int | None, threads: int | None) -> None:
        if other := take_measurement(study, run, measurement.name):
            log.info("taken from study %s, which has the same", other)
            return
        with _slow_imports():
            from tlstudy.steps.measure import measure_run

        measure_run(study, run, measurement.name, gpus, threads)

    command.__name__ = measurement.name
    return click.command(measurement.name, help=measurement.help)(with_run(command))


@click.command()
@seed_option
@click.option("--experiment", type=click.Choice(LABORATORY_EXPERIMENTS), required=True)
@with_study
def laboratory(study: Study, experiment: str, seed: int) -> None:
    """Run an experiment on small networks with made data."""
    check_experiment(study, experiment, seed)
    log.info("laboratory: %s, seed %d", experiment, seed)
    with noted(paths.study_folder(study), paths.job_of_laboratory(experiment, seed)):
        from tlstudy.steps.laboratory import run_experiment

        run_experiment(study, experiment, seed)
