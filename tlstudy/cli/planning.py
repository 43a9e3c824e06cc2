"""Commands on the runs, the cost and the progress of a study."""

import json
import shutil
import time
from dataclasses import asdict
from typing import TextIO

import click

from tlstudy.cli.json_text import as_json_text
from tlstudy.cli.options import json_option, tell, with_study
from tlstudy.config.given import is_of_results
from tlstudy.config.reference import configuration_reference
from tlstudy.config.schema import configuration_schema
from tlstudy.config.settings import Study
from tlstudy.jobs.study_files import run_rows, runs_table


@click.command()
@json_option
@with_study
def runs(study: Study, as_json: bool) -> None:
    """List the runs of a study in the order of its grid: with their folders and logs."""
    if as_json:
        click.echo(as_json_text(run_rows(study)))
    else:
        tell(runs_table(study), nl=False)


@click.command()
@click.option("--cores", type=click.IntRange(1), help="Cores for the workflow; all if not given.")
@click.option("--gpus", type=click.IntRange(0), hidden=True)
@click.option("--before", type=click.File(), hidden=True)
@json_option
@with_study
def plan(
    study: Study, cores: int | None, gpus: int | None, before: TextIO | None, as_json: bool
) -> None:
    """Say what a study will cost before it starts: jobs, hours, disk, memory.

    Hours are hours of one processor core, or of a GPU if the study runs on one. They are
    estimated from recorded runs on this machine. If no recorded run is similar, some steps are
    timed once, for half a minute.
    """
    from tlstudy.jobs import plan as planning
    from tlstudy.jobs import plan_text

    if before:  # the workflow asks: a line for each job that is about to start
        keys = [tuple(line.split()) for line in before]
        if told := planning.ahead(study, keys, cores, gpus):
            tell(told)
        return
    # The cache that a folder of results names may be anywhere: nothing is written there.
    given = click.get_current_context().params
    keep = not any(map(is_of_results, (*given["configs"], *given["files"])))
    found = planning.plan(study, cores, gpus, keep=keep)
    if as_json:
        click.echo(as_json_text(plan_text.plan_data(found)))
    else:
        tell(plan_text.plan_text(found))


@click.command()
@click.option("--watch", is_flag=True, help="Show it on one screen until the study is done.")
@click.option(
    "--every",
    type=click.FloatRange(min=0.1),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="With --watch: how often.",
)
@json_option
@with_study
def status(study: Study, watch: bool, every: float, as_json: bool) -> None:
    """Show how far a study is and how long it will take, which runs failed and why."""
    from tlstudy.jobs.progress import progress, progress_data, progress_text
    from tlstudy.jobs.time_left import ahead_of

    if watch and as_json:
        raise click.UsageError("Name --watch or --json, not both.")
    if watch:
        _watch(study, every)
        return
    found = progress(study)
    ahead = ahead_of(found)
    if as_json:
        click.echo(as_json_text(progress_data(found) | asdict(ahead)))
    else:
        tell(progress_text(found, ahead.text()))


def _watch(study: Study, every: float) -> None:
    """Show the state of a study until its report is there; Ctrl-C ends it too."""
    from tlstudy.jobs.progress import progress
    from tlstudy.jobs.screen import screen
    from tlstudy.jobs.time_left import ahead_of

    try:
        while True:
            found = progress(study)
            size = shutil.get_terminal_size()
            text = screen(found, ahead_of(found), size.columns, size.lines)
            click.clear()  # only a terminal
            tell(text)
            if found.finished:
                return
            time.sleep(every)
    except KeyboardInterrupt:
        click.echo()


@click.command()
@click.option("--markdown", is_flag=True, help="Print tables for readers instead.")
def schema(markdown: bool) -> None:
    """Print the JSON schema of the configuration."""
    if markdown:
        tell(configuration_reference(), nl=False)
    else:
        tell(json.dumps(configuration_schema(), indent=2))
