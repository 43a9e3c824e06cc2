"""Figures as the page shows them: drawing, words, and landscapes that can be turned by hand."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from tlstudy.config.catalogue import BY_ARM, OTHER_RUNGS
from tlstudy.config.settings import Study
from tlstudy.report.figures.captions import caption, explained, title_of
from tlstudy.report.format import number
from tlstudy.report.inputs import Inputs
from tlstudy.report.page.svg import inline_svg, values_of
from tlstudy.report.sentences import experiments, invariance, landscapes, overlap, results
from tlstudy.report.sentences.shown import in_words
from tlstudy.report.tables import Table

LANDSCAPES = {"landscape-trajectory": "trajectory", "landscape-random": "random"}
# Least height over width of a figure that is printed alone on a page, or beside one other. Flatter
# ones are printed three on a page. Smaller than so, their text could not be read on paper.
SHAPES = {"tall": 0.85, "square": 0.6}
# A sentence above a figure, and its numbers in a table.
WORDS = {
    "encoder": lambda *where: ("", experiments.encoder_table(*where)),
    "curvature": lambda *where: (
        experiments.convergence(*where),
        experiments.curvature_table(*where),
    ),
    "reuse": lambda *where: (experiments.about_reuse(*where), experiments.reuse_table(*where)),
    "features": lambda *where: ("", experiments.features_table(*where)),
    "invariance-transfer": lambda *where: (
        invariance.about_index(*where),
        invariance.invariance_table(*where),
    ),
    "overlap": lambda *where: ("", overlap.overlap_table(*where)),
}


@dataclass(frozen=True)
class PageFigure:
    """A figure with its words.

    Attributes:
        file: name of what a reader keeps of it, without an ending.
        command: what draws it again.
        values: what the drawing shows, as JSON for the script; empty if that is not known.
        see: a sentence above it on its numbers.
        caption: how to read it.
        svg: the drawing; empty if the study has none.
        surfaces: the same landscapes as numbers that can be turned by hand.
        more: the same figure of the ladder's other rungs.
    """

    key: str
    title: str
    caption: str
    svg: Markup
    file: str
    command: str
    values: str = ""
    see: str = ""
    surfaces: list[dict] = field(default_factory=list)
    numbers: Table | None = None
    more: "PageFigure | None" = None

    @property
    def shape(self) -> str:
        """How it is printed: tall, square or, if it is flat or not drawn, empty."""
        found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', self.svg)
        ratio = float(found[2]) / float(found[1]) if found else 0.0
        return next((shape for shape, least in SHAPES.items() if ratio > least), "")


def figure(inputs: Inputs, size: int, name: str) -> PageFigure | None:
    """A figure of a subset size with its words; None if the study has none."""
    drawing = inputs.figures.get(size, {}).get(name, "")
    found, surfaces = [], []
    if name in LANDSCAPES:
        found = landscapes.surfaces(inputs, size, LANDSCAPES[name])
        surfaces = list(_surface_groups(inputs.study, found, size, LANDSCAPES[name]))
    if not drawing and not surfaces:
        return None
    see, numbers = WORDS[name](inputs, size) if name in WORDS else ("", None)
    if surfaces:
        numbers = landscapes.comparison_table(found, LANDSCAPES[name])
    # The figure of the first rungs stands right above and says how to read both.
    other = name.endswith(OTHER_RUNGS)
    key = f"n{size}-figure-{name}"
    shown = {
        "surfaces": surfaces,
        "numbers": numbers,
        "more": figure(inputs, size, f"{name}{OTHER_RUNGS}") if name in BY_ARM else None,
    }
    words = "" if other else explained(inputs.study, name)
    file = f"{inputs.study.study}-{name}-n{size}"
    return _figure(inputs, key, name, drawing, words, file=file, see=see, **shown)


def folder_told(study: Study) -> str:
    """The study's folder as a command takes it where studies lie by default.

    Where it really lies would make the report another one when the folder is moved.
    """
    return shlex.quote(f"results/{study.study}")


def study_figure(inputs: Inputs, name: str) -> PageFigure | None:
    """A figure that is not of one subset size; None if the study has none."""
    drawing = inputs.study_figures.get(name)
    if drawing is None:
        return None
    file = f"{inputs.study.study}-{name}"
    words = explained(inputs.study, name)
    return _figure(inputs, f"figure-{name}", name, drawing, words, file=file)


def _figure(
    inputs: Inputs, key: str, name: str, drawing: str, words: str, **more: object
) -> PageFigure:
    title, values = title_of(inputs.study, name), values_of(drawing)
    made_by = "report --incomplete" if inputs.study.incomplete else "figures"
    told = f"{in_words(values)} {caption(inputs.study, name)}".strip()
    return PageFigure(
        key=key,
        title=title,
        caption=words,
        svg=inline_svg(drawing, f"{key}-drawing", title, told),
        values=htmlsafe_json_dumps(values) if values else "",
        command=f"tlstudy {made_by} {folder_told(inputs.study)}",
        **more,
    )


def _surface_groups(
    study: Study, found: list[landscapes.Surface], size: int, plane: str
) -> Iterator[dict]:
    """Landscapes of a plane, group and seed, which share their scales.

    `lowest` and `highest` are the ends of the colours. A surface is its label, its text
    alternative (empty if it is not drawn), and the reason for no plane. The payload is what the
    script draws; empty if there is nothing to draw.
    """
    for group, seed in dict.fromkeys((surface.group, surface.seed) for surface in found):
        alike = [surface for surface in found if (surface.group, surface.seed) == (group, seed)]
        drawn = [surface for surface in alike if surface.drawn]
        yield {
            "key": f"n{size}-{plane}-{group}-{seed}",
            "title": f"{results.group_title(study, group)}, seed {seed}",
            "payload": Markup(landscapes.payload(drawn)) if drawn else "",
            "surfaces": [
                (surface.label, landscapes.alternative(surface, plane), "")
                if surface.drawn
                else (surface.label, "", surface.reason)
                for surface in alike
            ],
            **_ends(drawn),
            "cut": landscapes.cut(drawn) if drawn else "",
        }


def _ends(drawn: list[landscapes.Surface]) -> dict[str, str]:
    scale = landscapes.scale(drawn) if drawn else {"low": None, "high": None}
    return {"lowest": number(scale["low"]), "highest": number(scale["high"])}
