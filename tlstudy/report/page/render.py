"""From words and numbers to pages."""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tlstudy.report.inputs import Inputs
from tlstudy.report.page import content, laboratory_page
from tlstudy.report.page.progress import Section

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
    """The table of results of each subset size alone, as a page of its own."""
    tables = [content.results_table(inputs, size) for size in inputs.study.subset_size]
    return _fill("results.html.j2", study=inputs.study, sizes=tables)


def _fill(name: str, **values: object) -> str:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name).render(
        style=_own_file("style.css"), policy=_policy(values.get("script", "")), **values
    )


def _policy(script: str) -> str:
    """What a browser may do for the page: run this script, if any, and load nothing.

    Figures come from files that may be somebody else's. Styles may stand at elements, as in
    every drawing; what they could load is forbidden too.
    """
    digest = b64encode(sha256(script.encode()).digest()).decode()
    allowed = f"'sha256-{digest}'" if script else "'none'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _own_file(name: str) -> Markup:
    """A file of this package, which needs no escaping."""
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))
