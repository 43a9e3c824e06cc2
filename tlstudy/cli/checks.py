"""Checks of finished runs, of results folders and of formulas."""

import sys
from pathlib import Path

import click

from tlstudy.cli.options import PATH, folder_argument, tell
from tlstudy.config.study import load_study


@click.command()
@click.argument("sources", metavar="RUNS...", nargs=-1, required=True, type=PATH)
@click.option(
    "--classes",
    type=click.IntRange(2),
    help="Number of classes; else it is taken from the losses where they tell.",
)
@click.option(
    "--test-images", type=click.IntRange(1), help="Test images behind the values of every epoch."
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="NAME=THEIRS",
    help="Read a column under another name, such as train_loss=objective; may be repeated.",
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
    sources: tuple[Path, ...],
    classes: int | None,
    test_images: int | None,
    columns: tuple[str, ...],
    fail_on: str,
    as_json: bool,
) -> None:
    """Look for the published study's mistakes in training runs.

    RUNS are files that training programs leave (CSV and the like, JSON, JSON lines, parquet,
    events of TensorBoard), folders of them, or folders of runs of a study: docs/audit-format.md
    lists them. Exit status: 0 if there is no error, 1 if there is one (--fail-on warning: or a
    warning), 2 if the runs cannot be read, 3 if a run has nothing that can be judged.
    """
    from tlstudy.audit.own_runs.command import audit_runs

    text, status = audit_runs(sources, columns, classes, test_images, fail_on, as_json)
    tell(text)
    sys.exit(status)


@click.command()
@folder_argument
@click.option("--all", "everything", is_flag=True, help="List all problems, not only the first.")
def verify(folder: Path, everything: bool) -> None:
    """Compare a results folder with its provenance and name the first problem.

    FOLDER is a study's, such as results/quick; docs/integrity.md says what is checked. Exit
    status: 0 if all is as the provenance says, 1 if something was altered, truncated, is
    missing, or was made by other code, from other settings or from other inputs.
    """
    from tlstudy.jobs.verify import verify_folder

    text, holds = verify_folder(folder, everything)
    tell(text)
    sys.exit(0 if holds else 1)


@click.command()
@folder_argument
@click.option(
    "--output",
    "destination",
    type=PATH,
    help="File to write; <study>.tar.gz if not given.",
)
def pack(folder: Path, destination: Path | None) -> None:
    """Verify a results folder and pack it into one file, without logs.

    Unpacked with `tar xzf` anywhere, it can be verified, and its claims, figures and report made
    again with `--config <folder>`.
    """
    from tlstudy.jobs.pack import pack_study

    tell(pack_study(folder, destination))


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
    "--config",
    "configs",
    multiple=True,
    type=PATH,
    help="Configuration of a study whose table is to be written as well.",
)
def formulas(draws: int, seed: int, configs: tuple[Path, ...]) -> None:
    """Compare the printed variants of Proposition 3 with brute-force minimisation."""
    from tlstudy.steps.formulas import make_formulas
    from tlstudy.theory.formulas import check_all, table_text

    study = load_study(configs) if configs else None
    table = make_formulas(study, draws, seed) if study else check_all(draws, seed)
    tell(table_text(table))
