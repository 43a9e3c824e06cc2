"""The incomplete report: tables, figures and a page of the runs that are there."""

import logging
import shutil
from functools import partial
from pathlib import Path

from tlstudy.config.catalogue import states_proposition
from tlstudy.config.settings import Study
from tlstudy.config.study import experiments, runs_of_step
from tlstudy.jobs import paths
from tlstudy.jobs.progress import Progress, progress
from tlstudy.jobs.provenance import check_inside
from tlstudy.report.inputs import load
from tlstudy.report.page.render import render, render_without_results
from tlstudy.report.sentences.progress import section
from tlstudy.steps.aggregate import aggregate_study
from tlstudy.steps.claims import make_claims
from tlstudy.steps.figures import draw_figures
from tlstudy.steps.formulas import make_formulas
from tlstudy.storage.errors import UserError
from tlstudy.storage.files import write_bytes_atomically

log = logging.getLogger(__name__)


def make_incomplete_report(study: Study, call: str) -> tuple[Path, Progress]:
    """Write the report of the runs that are there into the study's folder `incomplete`.

    It has the grid and the failures whatever is there, and results if any can be had.

    Args:
        call: the call of Snakemake that a target can be appended to; empty outside of it.

    Returns:
        The report, and the state of the study that it tells.

    Raises:
        UserError: nothing is lacking.
    """
    found = progress(study)
    if found.complete and not found.unended():
        raise UserError(f"study {study.study}: {found.headline()} Run `tlstudy report`.")
    part = part_that_is_there(study, found)
    check_inside(paths.study_folder(study), [paths.report_file(part)])
    shutil.rmtree(paths.incomplete_folder(study), ignore_errors=True)
    shown = partial(section, found, incomplete=True, call=call)
    try:
        _make_products(part)
        page = render(load(part, shown()))
    except Exception as error:  # whatever it is, it must not hide what failed before
        if not isinstance(error, UserError):
            log.exception("The incomplete report has no results")
        page = render_without_results(shown(problem=f"There are no results: {error}"))
    write_bytes_atomically(paths.report_file(part), page.encode())
    return paths.report_file(part), found


def part_that_is_there(study: Study, found: Progress) -> Study:
    """The study, incomplete, with the subset sizes and experiments that there are results of."""
    part = study.without(found.lacking())
    sizes = {run.subset_size for run in runs_of_step(part, "train")}
    named = {experiment for experiment, _ in experiments(part)}
    kept = [name for name in study.laboratory.experiments if name in named]
    return part.model_copy(
        update={
            "subset_size": [size for size in study.subset_size if size in sizes or not study.arms],
            "laboratory": study.laboratory.model_copy(update={"experiments": kept}),
        }
    )


def _make_products(part: Study) -> None:
    """Tables and figures.

    Raises:
        UserError: nothing is there that they could be made of.
    """
    if not (part.subset_size if part.arms else part.laboratory.experiments):
        raise UserError("no run is there yet.")
    aggregate_study(part)
    make_claims(part)
    if states_proposition(part):
        make_formulas(part)
    draw_figures(part)
