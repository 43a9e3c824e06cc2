"""Checks of finished runs, of results folders and of formulas."""

import sys
from dataclasses import asdict
from pathlib import Path, PurePath

import click

from tlstudy.cli.json_text import as_json_text
from tlstudy.cli.options import (
    NEW_FILE,
    PATH,
    config_option,
    json_option,
    noted,
    set_option,
    study_argument,
    tell,
    with_study,
)
from tlstudy.config.given import given_study
from tlstudy.config.settings import Study
from tlstudy.config.study import STUDY_FILE, distinct, runs
from tlstudy.jobs import paths
from tlstudy.jobs.graph import FORMULA_DRAWS, FORMULA_SEED
from tlstudy.jobs.study_files import check_named
from tlstudy.storage.errors import UserError


@click.command()
@click.argument("sources", metavar="RUNS...", nargs=-1, required=True, type=PATH)
@click.option(
    "--classes",
    type=click.IntRange(2),
    help="Number of classes. Default: derived from the losses where they determine it.",
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
@json_option
def audit(
    sources: tuple[Path, ...],
    classes: int | None,
    test_images: int | None,
    columns: tuple[str, ...],
    fail_on: str,
    as_json: bool,
) -> None:
    """Look for the published study's mistakes in training runs.

    RUNS are log files of training programs (CSV and similar tables, JSON, JSON lines, parquet,
    TensorBoard event files), folders of such files, or a STUDY, which stands for all its runs.
    docs/audit-format.md lists the formats. Exit status: 0 if no error was found, 1 if one was
    (--fail-on warning: or a warning), 2 if a file or folder cannot be read, 3 if a run has
    nothing that can be judged.
    """
    from tlstudy.audit.own_runs.command import audit_runs

    every: list[Path] = []
    refused: list[UserError] = []
    for source in sources:
        try:
            every += _runs_of(source)
        except UserError as error:
            refused.append(error)
    text, status = audit_runs(every, refused, columns, classes, test_images, fail_on, as_json)
    tell(text)
    sys.exit(status)


def _runs_of(source: Path) -> list[Path]:
    """The folders of a study's runs, if it is a study; else the source itself."""
    if source.suffix not in (".yaml", ".yml") and not (source / STUDY_FILE).is_file():
        return [source]
    study = given_study([source])
    folders = [paths.folder_of_run(study, run) for run in distinct(runs(study))]
    records = [folder / paths.RUN_RECORD for folder in sorted(folders)]
    records = [file for file in records if file.exists()]
    if not records:
        folder = paths.study_folder(study)
        raise UserError(f"{folder}: has no run yet, so there is nothing to audit.")
    if odd := next((file for file in records if not file.is_file()), None):
        raise UserError(f"{odd}: is no file; remove it and run the study again.")
    return [file.parent for file in records]


@click.command()
@click.option("--all", "everything", is_flag=True, help="List all problems, not only the first.")
@json_option
@with_study
def verify(study: Study, everything: bool, as_json: bool) -> None:
    """Compare a study's results with their provenance and name the first problem.

    docs/integrity.md says what is checked. Exit status: 0 if all is as the provenance says, 1 if
    something was altered, truncated, is missing, or was made by other code, from other settings or
    from other inputs.
    """
    from tlstudy.jobs.verify import verdict, verdict_text

    check_named(study)
    found = verdict(paths.study_folder(study), everything)
    tell(as_json_text(asdict(found)) if as_json else verdict_text(found, everything))
    sys.exit(0 if found.holds else 1)


@click.command()
@click.option(
    "--output",
    "destination",
    type=NEW_FILE,
    help="File to write; <study>.tar.gz if not given.",
)
@with_study
def pack(study: Study, destination: Path | None) -> None:
    """Verify a study's results and pack them into one file, without logs.

    The file can be unpacked anywhere with `tar xzf`. Every command takes the unpacked folder as
    its STUDY: verify the results there, or make the claims, figures and report again.
    """
    from tlstudy.jobs.pack import pack_study

    check_named(study)
    tell(pack_study(paths.study_folder(study), destination))


@click.command()
@config_option
@set_option
@study_argument
def formulas(files: tuple[Path, ...], configs: tuple[Path, ...], changes: tuple[str, ...]) -> None:
    """Compare the printed variants of Proposition 3 with brute-force minimisation.

    With a STUDY its table is written as well.
    """
    from tlstudy.steps.formulas import make_formulas
    from tlstudy.theory.formulas import check_all, table_text

    named = [*configs, *files]
    if changes and not named:
        raise UserError(f"--set {changes[0]}: changes no study; name one, whose table is written.")
    if named:
        study = given_study(named, changes)
        with noted(paths.study_folder(study), PurePath("formulas")):
            table = make_formulas(study)
    else:
        table = check_all(FORMULA_DRAWS, FORMULA_SEED)
    tell(table_text(table))
