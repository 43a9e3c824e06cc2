"""The report: one HTML file that holds everything a reader needs, and needs no network."""

from tlstudy.report.inputs import ContactSheet, Inputs, load
from tlstudy.report.render import (
    render,
    render_results_table,
    write_report,
    write_results_table,
)

__all__ = [
    "ContactSheet",
    "Inputs",
    "load",
    "render",
    "render_results_table",
    "write_report",
    "write_results_table",
]
