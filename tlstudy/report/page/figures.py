"""Figures as the page shows them: drawing, words, and landscapes that can be turned by hand."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from markupsafe import Markup

from tlstudy.config.catalogue import BY_ARM, OTHER_RUNGS
from tlstudy.report.figures.captions import caption, title_of
from tlstudy.report.figures.texts import explanation
from tlstudy.report.inputs import Inputs
from tlstudy.report.page.svg import inline_svg
from tlstudy.report.sentences import experiments, landscapes, results
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
    see: str
    caption: str
    svg: Markup
    surfaces: list[dict] = field(default_factory=list)
    numbers: Table | None = None
    more: "PageFigure | None" = None


def figure(inputs: Inputs, size: int, name: str) -> PageFigure | None:
    """A figure of a subset size with its words; None if the study has none."""
    drawing = inputs.figures.get(size, {}).get(name, "")
    groups = list(_surface_groups(inputs, size, name)) if name in LANDSCAPES else []
    if not drawing and not groups:
        return None
    see, numbers = WORDS[name](inputs, size) if name in WORDS else ("", None)
    if groups:
        found = landscapes.surfaces(inputs, size, LANDSCAPES[name])
        numbers = landscapes.comparison_table(found, LANDSCAPES[name])
    other = name.endswith(OTHER_RUNGS)
    key = f"n{size}-figure-{name}"
    return PageFigure(
        key=key,
        title=title_of(inputs.study, name),
        see=see,
        # The figure of the first rungs stands right above and says how to read both.
        caption="" if other else explanation(name),
        svg=_inline(inputs, drawing, key, name, caption(inputs.study, name)),
        surfaces=groups,
        numbers=numbers,
        more=figure(inputs, size, f"{name}{OTHER_RUNGS}") if name in BY_ARM else None,
    )


def study_figure(inputs: Inputs, name: str) -> PageFigure | None:
    """A figure that is not of one subset size; None if the study has none."""
    drawing = inputs.study_figures.get(name)
    if drawing is None:
        return None
    title, text, key = title_of(inputs.study, name), explanation(name), f"figure-{name}"
    svg = _inline(inputs, drawing, key, name, caption(inputs.study, name))
    return PageFigure(key, title, "", text, svg)


def _inline(inputs: Inputs, drawing: str, key: str, name: str, words: str) -> Markup:
    if not drawing:
        return Markup()
    return Markup(inline_svg(drawing, f"{key}-drawing", title_of(inputs.study, name), words))


def _surface_groups(inputs: Inputs, size: int, name: str) -> Iterator[dict]:
    """Landscapes of a plane, group and seed, which share their scales.

    A surface is its label, its text alternative (empty if it is not drawn), and the reason for no
    plane. The payload is what the script draws; empty if there is nothing to draw.
    """
    plane = LANDSCAPES[name]
    found = landscapes.surfaces(inputs, size, plane)
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
