"""Questions that need no study of ours."""

import sys
from pathlib import Path

import click


@click.command()
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


@click.command()
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
