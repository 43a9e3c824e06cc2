"""From the runs that are there to tables, figures and a report, in a place of their own."""

import shutil
from pathlib import Path

from tlstudy import paths
from tlstudy.errors import UserError
from tlstudy.figures.names import states_proposition
from tlstudy.files import write_bytes_atomically
from tlstudy.formulas import DRAWS, SEED
from tlstudy.progress import Progress, progress
from tlstudy.report import load, render_without_results, section, write_report
from tlstudy.settings import Study
from tlstudy.stages.aggregate import aggregate_study
from tlstudy.stages.claims import make_claims
from tlstudy.stages.figures import draw_figures
from tlstudy.stages.formulas import make_formulas
from tlstudy.study import experiments, runs_of_stage


def make_incomplete_report(study: Study, call: str = "") -> tuple[Path, Progress]:
    """Write the report of the runs that are there into the study's folder `incomplete`.

    A report is written whatever is there: without results, if none can be had.

    Args:
        call: the call of Snakemake that a target can be appended to; empty outside of it.

    Returns:
        The report, and the state of the study that it tells.
    """
    found = progress(study)
    part = part_that_is_there(study, found)
    shutil.rmtree(paths.incomplete_folder(study), ignore_errors=True)
    try:
        _make_products(part)
    except UserError as error:
        shown = section(found, incomplete=True, call=call, problem=error.message)
        page = render_without_results(shown)
        write_bytes_atomically(paths.report_file(part), page.encode())
    else:
        inputs = load(part, section(found, incomplete=True, call=call))
        write_report(inputs, paths.report_file(part))
    return paths.report_file(part), found


def part_that_is_there(study: Study, found: Progress) -> Study:
    """The study, incomplete, with the subset sizes and experiments that there are results of."""
    part = study.without(found.lacking())
    sizes = {run.subset_size for run in runs_of_stage(part, "train")}
    named = {experiment for experiment, _ in experiments(part)}
    laboratory = study.laboratory.model_copy(
        update={"experiments": [name for name in study.laboratory.experiments if name in named]}
    )
    kept = [size for size in study.subset_size if size in sizes]
    return part.model_copy(update={"subset_size": kept, "laboratory": laboratory})


def _make_products(part: Study) -> None:
    """Tables and figures.

    Raises:
        UserError: nothing is there that they could be made of.
    """
    if not part.subset_size if part.arms else not part.laboratory.experiments:
        raise UserError("No run is there yet, so there are no results.")
    aggregate_study(part)
    make_claims(part)
    if states_proposition(part):
        make_formulas(DRAWS, SEED, paths.tables_folder(part) / "formulas.parquet")
    draw_figures(part)
