"""From words and numbers to pages."""

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from tlstudy.report.figures import style
from tlstudy.report.inputs import Inputs
from tlstudy.report.page import content, laboratory_page
from tlstudy.report.sentences.progress import Section

TEMPLATES = Path(__file__).with_name("templates")


def render(inputs: Inputs) -> str:
    """The report as HTML with style, drawings and script inside.

    Without arms it is the laboratory's alone.
    """
    if not inputs.study.arms:
        scripts = [_own_file("figures.js")]
        return _fill("laboratory.html.j2", scripts=scripts, **laboratory_page.page(inputs))
    scripts = [_own_file(f"{name}.js") for name in ("landscape", "figures", "runs")]
    return _fill("report.html.j2", scripts=scripts, **content.page(inputs))


def render_without_results(progress: Section) -> str:
    """The page of a study that is not far enough for results: its grid and its failures."""
    return _fill("incomplete.html.j2", study=progress.study, progress=progress)


def render_results_table(inputs: Inputs) -> str:
    """The table of results of each subset size alone, as a page of its own."""
    tables = [content.results_table(inputs, size) for size in inputs.study.subset_size]
    return _fill("results.html.j2", study=inputs.study, sizes=tables)


class Numbers:
    """Numbers of the page's figures, in the order in which they are laid out."""

    def __init__(self):
        self._found: dict[str, int] = {}

    def __call__(self, key: str) -> int:
        return self._found.setdefault(key, len(self._found) + 1)

    def of(self, key: str) -> int | None:
        """The number of a figure that may stand further down; None before the page is laid out."""
        return self._found.get(key)


def _fill(name: str, **values: object) -> str:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["number"] = Numbers()
    values = {**_look(), "policy": _policy(values.get("scripts", ())), **values}
    template = environment.get_template(name)
    template.render(values)  # numbers the figures, so that a text can name one that comes later
    return template.render(values)


def _look() -> dict[str, Markup]:
    """The style, and what its colours are in a file that a reader keeps of a figure."""
    colours = {name: colour for colour, name in style.PAGE_COLOURS.items()}
    return {"style": _own_file("style.css"), "light_colours": htmlsafe_json_dumps(colours)}


def _policy(scripts: Sequence[str]) -> str:
    """What a browser may do for the page: run these scripts and load nothing.

    Figures come from files that may be somebody else's. Styles may stand at elements, as in
    every drawing; what they could load is forbidden too.
    """
    digests = (b64encode(sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _own_file(name: str) -> Markup:
    """A file of this package, which needs no escaping."""
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))
