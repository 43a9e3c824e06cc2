"""From words and numbers to files."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tlstudy.report.inputs import Inputs
from tlstudy.report.page import content, laboratory_page
from tlstudy.report.page.progress import Section
from tlstudy.storage.files import write_bytes_atomically

TEMPLATES = Path(__file__).with_name("templates")


def render(inputs: Inputs) -> str:
    """The report as HTML with style, drawings and script inside.

    Without arms it is the laboratory's alone, and needs no script.
    """
    if not inputs.study.arms:
        return _fill("laboratory.html.j2", **laboratory_page.page(inputs))
    return _fill("report.html.j2", script=_own_file("landscape.js"), **content.page(inputs))


def render_without_results(progress: Section) -> str:
    """The page of a study that is not far enough for results: its grid and its failures."""
    return _fill("incomplete.html.j2", study=progress.study, progress=progress)


def render_results_table(inputs: Inputs) -> str:
    """The table of results alone, as a page of its own."""
    return _fill("results.html.j2", study=inputs.study, sizes=content.tables(inputs))


def _fill(name: str, **values: object) -> str:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name).render(style=_own_file("style.css"), **values)


def _own_file(name: str) -> Markup:
    """A file of this package, which needs no escaping."""
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))


def write_report(inputs: Inputs, destination: Path) -> None:
    """Write the report: one file that needs no other and no network."""
    write_bytes_atomically(destination, render(inputs).encode())


def write_results_table(inputs: Inputs, destination: Path) -> None:
    """Write the table of results as a page of its own."""
    write_bytes_atomically(destination, render_results_table(inputs).encode())
