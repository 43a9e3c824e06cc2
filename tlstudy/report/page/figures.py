"""Figures as the page shows them: drawing, words, and landscapes that can be turned by hand."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from markupsafe import Markup

from tlstudy.config.catalogue import BY_ARM, OTHER_RUNGS
from tlstudy.report.figures.captions import caption, title_of
from tlstudy.report.figures.texts import explanation
from tlstudy.report.inputs import Inputs
from tlstudy.report.page.svg import inline_svg
from tlstudy.report.sentences import experiments, invariance, landscapes, overlap, results
from tlstudy.report.tables import Table

LANDSCAPES = {"landscape-trajectory": "trajectory", "landscape-random": "random"}
# A sentence above a figure, and its numbers in a table.
WORDS = {
    "encoder": lambda *where: ("", experiments.encoder_table(*where)),
    "curvature": lambda *where: (
        experiments.convergence(*where),
        experiments.curvature_table(*where),
    ),
    "reuse": lambda *where: (experiments.about_reuse(*where), experiments.reuse_table(*where)),
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
    see: str = ""
    surfaces: list[dict] = field(default_factory=list)
    numbers: Table | None = None
    more: "PageFigure | None" = None


def figure(inputs: Inputs, size: int, name: str) -> PageFigure | None:
    """A figure of a subset size with its words; None if the study has none."""
    drawing = inputs.figures.get(size, {}).get(name, "")
    found, surfaces = [], []
    if name in LANDSCAPES:
        found = landscapes.surfaces(inputs, size, LANDSCAPES[name])
        surfaces = list(_surface_groups(found, size, LANDSCAPES[name]))
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
    words = "" if other else explanation(name)
    return _figure(inputs, key, name, drawing, words, see, **shown)


def study_figure(inputs: Inputs, name: str) -> PageFigure | None:
    """A figure that is not of one subset size; None if the study has none."""
    drawing = inputs.study_figures.get(name)
    if drawing is None:
        return None
    return _figure(inputs, f"figure-{name}", name, drawing, explanation(name))


def _figure(
    inputs: Inputs, key: str, name: str, drawing: str, words: str, see: str = "", **more: object
) -> PageFigure:
    title = title_of(inputs.study, name)
    svg = inline_svg(drawing, f"{key}-drawing", title, caption(inputs.study, name))
    return PageFigure(key, title, words, svg, see, **more)


def _surface_groups(found: list[landscapes.Surface], size: int, plane: str) -> Iterator[dict]:
    """Landscapes of a plane, group and seed, which share their scales.

    A surface is its label, its text alternative (empty if it is not drawn), and the reason for no
    plane. The payload is what the script draws; empty if there is nothing to draw.
    """
    for group, seed in dict.fromkeys((surface.group, surface.seed) for surface in found):
        alike = [surface for surface in found if (surface.group, surface.seed) == (group, seed)]
        drawn = [surface for surface in alike if surface.drawn]
        yield {
            "key": f"n{size}-{plane}-{group}-{seed}",
            "title": f"{results.group_title(group)}, seed {seed}",
            "payload": Markup(landscapes.payload(drawn)) if drawn else "",
            "surfaces": [
                (surface.label, landscapes.alternative(surface, plane), "")
                if surface.drawn
                else (surface.label, "", surface.reason)
                for surface in alike
            ],
            "cut": landscapes.cut(drawn) if drawn else "",
        }
