"""The report: one HTML file that holds everything a reader needs, and needs no network."""

from tlstudy.report.inputs import ContactSheet, Inputs, load
from tlstudy.report.page.progress import Section, section
from tlstudy.report.page.render import (
    render,
    render_results_table,
    render_without_results,
    write_report,
    write_results_table,
)

__all__ = [
    "ContactSheet",
    "Inputs",
    "Section",
    "load",
    "render",
    "render_results_table",
    "render_without_results",
    "section",
    "write_report",
    "write_results_table",
]
