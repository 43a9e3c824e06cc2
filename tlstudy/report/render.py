"""From words and numbers to one file."""

import os
import tempfile
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tlstudy.report.content import page
from tlstudy.report.inputs import Inputs

TEMPLATES = Path(__file__).parent / "templates"


def render(inputs: Inputs) -> str:
    """The report as HTML with style, drawings and script inside."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("report.html.j2")
    return template.render(
        page(inputs), style=_own_file("style.css"), script=_own_file("landscape.js")
    )


def _own_file(name: str) -> Markup:
    """A file of this package, which needs no escaping."""
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))


def write_report(inputs: Inputs, destination: Path) -> Path:
    """Write the report to `destination`, whole or not at all.

    A reader who has the previous report open must never reload half a file.
    """
    text = render(inputs)
    destination.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=destination.parent, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, destination)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return destination
