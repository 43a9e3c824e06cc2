"""Commands on a study's own files: a new study file, and what may be removed of a study."""

import shlex
from pathlib import Path

import click

from tlstudy.cli.options import PATH, tell, with_study
from tlstudy.config.settings import Study
from tlstudy.jobs import paths
from tlstudy.storage.errors import UserError


@click.command()
@click.argument("file", type=PATH, default="studies/mine.yaml")
def init(file: Path) -> None:
    """Write a study file to begin with, its keys explained; studies/mine.yaml if none is named."""
    from tlstudy.config.new_study import new_study
    from tlstudy.storage.files import write_bytes_atomically

    if file.exists():
        raise UserError(f"{file}: is there already; name another file, or edit this one.")
    write_bytes_atomically(file, new_study(file.stem, str(file)).encode())
    tell(f"{file}: edit it, then `tlstudy plan {shlex.quote(str(file))}`.")


@click.command()
@click.option("--yes", is_flag=True, help="Remove it; without this it is only listed.")
@with_study
def clean(study: Study, yes: bool) -> None:
    """List what a study's results do not need in its folder; --yes removes it.

    These are checkpoints of unfinished trainings, runs that are no longer in the study, and
    weights that no measurement will read. A training whose checkpoint is removed starts again
    from the beginning. Nothing outside the study's folder is removed. To delete a whole study,
    remove its folder: rm -r results/NAME.
    """
    from tlstudy.jobs.cleaning import leftovers, remove

    folder = paths.study_folder(study)
    found = leftovers(study)
    if study.scratch:
        tell(f"{study.scratch} is not the study's own folder; what is there is left alone.")
    if not found:
        tell(f"{folder}: nothing to remove.")
        return
    for each in found:
        tell(f"{each.what} ({each.count}): {each.bytes / 1e6:,.1f} MB")
        for path in each.paths[: each.count]:
            tell(f"    {path}")
    if yes:
        remove(study, found)
    tell("Removed." if yes else "Nothing was removed; --yes removes it.")
