"""The report: one HTML file that holds everything a reader needs, and needs no network."""

from tlstudy.report.inputs import ContactSheet, Inputs, load
from tlstudy.report.render import render, write_report

__all__ = ["ContactSheet", "Inputs", "load", "render", "write_report"]
