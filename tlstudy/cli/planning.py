"""Commands on the runs, the cost and the progress of a study."""

import json
from typing import TextIO

import click

from tlstudy.cli.options import tell, with_study
from tlstudy.config.reference import configuration_reference
from tlstudy.config.schema import configuration_schema
from tlstudy.config.settings import Study
from tlstudy.jobs.study_files import runs_table


@click.command()
@with_study
def runs(study: Study) -> None:
    """List the runs of a study in the order of its grid: with their folders and logs."""
    tell(runs_table(study), nl=False)


@click.command()
@click.option("--cores", type=click.IntRange(1), help="Cores for the workflow; all if not given.")
@click.option("--gpus", type=click.IntRange(0), hidden=True)
@click.option("--before", type=click.File(), hidden=True)
@with_study
def plan(study: Study, cores: int | None, gpus: int | None, before: TextIO | None) -> None:
    """Say what a study will cost before it starts: jobs, hours, disk, memory.

    Hours are of one processor core, or of a GPU where the study runs on one: from records of runs
    on this machine. Where there is none like it, some steps are timed once, for half a minute.
    """
    from tlstudy.jobs import plan as planning

    if before:  # the workflow asks: a line for each job that is about to start
        keys = [tuple(line.split()) for line in before]
        if told := planning.ahead(study, keys, cores, gpus):
            tell(told)
        return
    tell(planning.plan_text(study, *planning.plan(study, cores, gpus)))


@click.command()
@with_study
def status(study: Study) -> None:
    """Show how far a study is and how long it will take, which runs failed and why."""
    from tlstudy.jobs.progress import progress, progress_text
    from tlstudy.jobs.time_left import time_left

    found = progress(study)
    tell(progress_text(found, time_left(found)))


@click.command()
@click.option("--markdown", is_flag=True, help="Print tables for readers instead.")
def schema(markdown: bool) -> None:
    """Print the JSON schema of the configuration."""
    if markdown:
        tell(configuration_reference(), nl=False)
    else:
        tell(json.dumps(configuration_schema(), indent=2))
