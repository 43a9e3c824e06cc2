"""Commands on the runs, the cost and the progress of a study."""

import json

import click

from tlstudy.cli.options import with_study
from tlstudy.config.reference import configuration_reference
from tlstudy.config.schema import configuration_schema
from tlstudy.config.settings import Study
from tlstudy.jobs.study_files import runs_table


@click.command()
@with_study
def runs(study: Study) -> None:
    """List the runs of a study in the order of its grid: with their folders and logs."""
    click.echo(runs_table(study), nl=False)


@click.command()
@with_study
def plan(study: Study) -> None:
    """Say what a study will cost before it starts: jobs, hours, disk, memory.

    Hours are of one processor core, or of a GPU where the study runs on one: from Snakemake's
    records of jobs on this machine, else from operation counts and the machine's own speed.
    """
    from tlstudy.jobs import plan as planning

    click.echo(planning.plan_text(study, *planning.plan(study)))


@click.command()
@with_study
def status(study: Study) -> None:
    """Show which runs of a study are there, which failed and why, and which are missing."""
    from tlstudy.jobs.progress import progress, progress_text

    click.echo(progress_text(progress(study)))


@click.command()
@click.option("--markdown", is_flag=True, help="Print tables for readers instead.")
def schema(markdown: bool) -> None:
    """Print the JSON schema of the configuration."""
    if markdown:
        click.echo(configuration_reference(), nl=False)
    else:
        click.echo(json.dumps(configuration_schema(), indent=2))
