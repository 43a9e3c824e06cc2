"""Commands from finished runs to the report."""

import os
from pathlib import PurePath

import click

from tlstudy.cli.json_text import as_json_text
from tlstudy.cli.options import (
    check_results,
    json_option,
    noted,
    noted_with_study,
    tell,
    with_study,
)
from tlstudy.config.quantities import quantity_data, quantity_list
from tlstudy.config.settings import Study
from tlstudy.jobs import paths


@click.command()
@noted_with_study
def aggregate(study: Study) -> None:
    """Put all runs into tables, with what the sentinels found in them."""
    from tlstudy.steps.aggregate import aggregate_study

    aggregate_study(study)


def _list_quantities(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        as_json = context.params["as_json"]
        tell(as_json_text(quantity_data()) if as_json else quantity_list())
        context.exit()


@click.command()
@click.option(
    "--quantities",
    is_flag=True,
    expose_value=False,  # needs no configuration
    callback=_list_quantities,
    help="List what a claim may be about, with units, and stop.",
)
@json_option
@noted_with_study
def claims(study: Study, as_json: bool) -> None:
    """Judge the claims and compute the ladder, from the tables."""
    from tlstudy.audit.claims import ledger_text
    from tlstudy.audit.ladder import ladder_text
    from tlstudy.steps.claims import make_claims

    ladder, ledger, laboratory = make_claims(study)
    if as_json:
        tables = {"ladder": ladder, "claims": ledger, "laboratory_claims": laboratory}
        click.echo(as_json_text({name: table.to_dict("records") for name, table in tables.items()}))
        return
    texts = (ladder_text(ladder), ledger_text(ledger), ledger_text(laboratory))
    tell("\n".join(filter(None, texts)))


@click.command()
@noted_with_study
def figures(study: Study) -> None:
    """Draw the study's figures from its tables."""
    from tlstudy.steps.figures import draw_figures

    draw_figures(study)


@click.command()
@click.option(
    "--incomplete",
    is_flag=True,
    help="Make tables, figures and report of the runs that are there, in a folder `incomplete`.",
)
@click.option(
    "--call",
    default="",
    metavar="TEXT",
    help="With --incomplete: the call of Snakemake to name, each failed target appended to it.",
)
@with_study
def report(study: Study, incomplete: bool, call: str) -> None:
    """Write the report: one HTML file that needs nothing else."""
    if incomplete:
        from tlstudy.cli.incomplete import make_incomplete_report

        file, found = make_incomplete_report(study, call)
        tell(f"Incomplete report, {found.headline()[:-1]}: {os.path.relpath(file)}")
        return
    check_results(study)
    with noted(paths.study_folder(study), PurePath("report")):
        from tlstudy.steps.report import make_report

        make_report(study)
    tell(f"Report: {os.path.relpath(paths.report_file(study))}")
