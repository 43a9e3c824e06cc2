"""Commands on finished results: comparisons, tables for papers."""

from pathlib import Path

import click

from tlstudy.cli.json_text import as_json_text
from tlstudy.cli.options import NEW_FILE, check_results, json_option, tell, with_study
from tlstudy.config.given import given_study
from tlstudy.config.named_runs import check_arm
from tlstudy.config.quantities import USUAL, known_quantity
from tlstudy.config.settings import Study
from tlstudy.storage.errors import UserError

TEXT_FORMATS = {".csv": "csv", ".tex": "latex", ".md": "markdown"}  # by ending of the file


def _check_quantities(
    context: click.Context, parameter: click.Parameter, names: tuple[str, ...]
) -> tuple[str, ...]:
    for name in names:
        known_quantity(name)
    return names


@click.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option(
    "--quantity",
    "quantities",
    metavar="NAME",
    multiple=True,
    default=USUAL,
    show_default=True,
    callback=_check_quantities,
    help="What is compared: any of `tlstudy claims --quantities`; may be repeated.",
)
@json_option
def compare(first: str, second: str, quantities: tuple[str, ...], as_json: bool) -> None:
    """Compare two studies, or two arms, seed by seed.

    A and B are each a folder of results or a study file, such as results/quick, or one of its
    arms, such as results/quick:new. Two studies are compared arm by arm, for all arms that have
    the same name in both. A difference is B minus A in the same seed. Intervals are computed as
    in the report.
    """
    from tlstudy.audit.compared import Side
    from tlstudy.jobs.tables import TablesOnDemand
    from tlstudy.report.compared import comparison_data, comparison_text, missing_arms

    (one, arm), (other, against) = map(_parsed, (first, second))
    if arm or against:
        check_arm(one, arm)
        check_arm(other, against)
        pairs = [(arm, against)]
    else:
        for name, study in ((first, one), (second, other)):
            if not study.arms:
                raise UserError(
                    f"{name}: {study.study} trains no networks; it has no arms to compare."
                )
        pairs = [(name, name) for name in one.arms if name in other.arms]
        if not pairs:
            raise UserError(
                f"{first} and {second} have no arm of the same name; name one of each, such as "
                f"{first}:{next(iter(one.arms))} {second}:{next(iter(other.arms))}."
            )
    tables, others = TablesOnDemand(one), TablesOnDemand(other)
    sides = [(Side(one, name, tables), Side(other, also, others)) for name, also in pairs]
    if as_json:
        click.echo(as_json_text([comparison_data(*pair, quantities) for pair in sides]))
        return
    texts = [comparison_text(*pair, quantities) for pair in sides]
    if not (arm or against):
        texts += missing_arms(one.arms, other.arms)
    tell("\n\n".join(texts))


def _parsed(text: str) -> tuple[Study, str]:
    """A study, and the arm that is named after a colon; empty if none is."""
    place, _, arm = (text, "", "") if Path(text).exists() else text.partition(":")
    return given_study([Path(place)]), arm


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(list(TEXT_FORMATS.values())),
    help="csv has all numbers; latex and markdown have the table as it is printed. Default: taken "
    "from the file's ending (.csv, .tex, .md), or csv if no file is given.",
)
@click.option("--output", type=NEW_FILE, help="File to write; printed if not given.")
@with_study
def export(study: Study, form: str | None, output: Path | None) -> None:
    """Write the table of results: each arm's values and differences, with 95 % intervals."""
    check_results(study)
    if not study.arms:
        raise UserError(f"{study.study}: trains no networks, so it has no table of results.")
    from tlstudy.jobs.pack import check_destination
    from tlstudy.report.exported import exported
    from tlstudy.storage.files import write_bytes_atomically

    if output is not None:
        check_destination(output, study)
        form = form or TEXT_FORMATS.get(output.suffix.lower())
        if form is None:
            endings = ", ".join(TEXT_FORMATS)
            raise UserError(f"{output}: say which --format, or end the name with {endings}.")
        if output.exists() and TEXT_FORMATS.get(output.suffix.lower()) != form:
            raise UserError(
                f"{output}: is there and is no {form} file by its name; remove it first."
            )
    text = exported(study, form or "csv")
    if output is None:
        tell(text, nl=False)
        return
    write_bytes_atomically(output, text.encode())
    tell(f"{output}: {form}, {len(study.arms) * len(study.subset_size)} rows.")
