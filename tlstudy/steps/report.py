"""Step `report`: the report, and the table of results of the arms as a page of its own."""

import shutil

from tlstudy.config.settings import Study
from tlstudy.jobs import graph, paths
from tlstudy.jobs.progress import progress
from tlstudy.jobs.provenance import with_provenance
from tlstudy.report.inputs import load
from tlstudy.report.page.render import render, render_results_table
from tlstudy.report.sentences.progress import section
from tlstudy.storage.files import write_bytes_atomically


@with_provenance(graph.report)
def make_report(study: Study) -> None:
    """Write report.html and results.html from what the other steps left.

    They take the place of what was made of the study while it was incomplete.
    """
    inputs = load(study, section(progress(study)))
    write_bytes_atomically(paths.report_file(study), render(inputs).encode())
    if study.arms:
        table = render_results_table(inputs)
        write_bytes_atomically(paths.results_table(study), table.encode())
    shutil.rmtree(paths.incomplete_folder(study), ignore_errors=True)
