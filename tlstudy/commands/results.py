"""From finished runs to the report."""

import os

import click

from tlstudy.commands.options import with_study
from tlstudy.settings import Study


@click.command()
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


@click.command()
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


@click.command()
@with_study
def figures(study: Study) -> None:
    """Draw the slides' plots from the tables, the published series laid under ours."""
    from tlstudy.stages.figures import draw_figures

    draw_figures(study)


@click.command()
@with_study
def report(study: Study) -> None:
    """Write the report: one HTML file that needs nothing else."""
    from tlstudy import paths
    from tlstudy.stages.report import make_report

    make_report(study)

    click.echo(f"Report: {os.path.relpath(paths.report_file(study))}")
