"""Stage `report`: the report, and the table of results of the arms as a page of its own."""

from tlstudy import artefacts, paths
from tlstudy.records import recorded
from tlstudy.report import load, write_report, write_results_table
from tlstudy.settings import Study


@recorded(artefacts.report)
def make_report(study: Study) -> None:
    """Write report.html and results.html from what the other stages left."""
    inputs = load(study)
    write_report(inputs, paths.report_file(study))
    if study.arms:
        write_results_table(inputs, paths.results_table(study))
