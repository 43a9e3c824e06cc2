"""Figures as the page shows them: drawing, words, and landscapes that can be turned by hand."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from markupsafe import Markup

from tlstudy.config.catalogue import BY_ARM, OTHER_RUNGS
from tlstudy.report.figures.captions import caption, title_of
from tlstudy.report.inputs import Inputs
from tlstudy.report.page.svg import inline_svg
from tlstudy.report.sentences import findings, landscapes, results
from tlstudy.report.sentences.experiments import encoder_table
from tlstudy.report.sentences.protocol import Table

LANDSCAPES = {"landscape-trajectory": "trajectory", "landscape-random": "random"}


@dataclass(frozen=True)
class SurfaceGroup:
    """Landscapes that are compared: same plane, group and seed, so same scales.

    Attributes:
        payload: what the script draws; empty if there is nothing to draw.
        surfaces: label, text alternative (empty if not drawn), reason for no plane.
    """

    key: str
    title: str
    payload: Markup
    surfaces: list[tuple[str, str, str]]
    cut: str


@dataclass(frozen=True)
class PageFigure:
    """A figure with its words.

    Attributes:
        see: one sentence, computed, on what there is to see.
        svg: the drawing; empty if the study has none.
        surfaces: the same landscapes as numbers that can be turned by hand.
        more: the same figure of the ladder's other rungs.
    """

    key: str
    title: str
    see: str
    caption: str
    svg: Markup
    surfaces: list[SurfaceGroup] = field(default_factory=list)
    numbers: Table | None = None
    more: "PageFigure | None" = None


def figures(inputs: Inputs, size: int, names: tuple[str, ...]) -> list[PageFigure]:
    """Those of the named figures that a subset size has."""
    return [found for name in names if (found := figure(inputs, size, name)) is not None]


def figure(inputs: Inputs, size: int, name: str) -> PageFigure | None:
    """A figure of a subset size with its words; None if the study has none."""
    drawing = inputs.figures.get(size, {}).get(name, "")
    groups = list(_surface_groups(inputs, size, name)) if name in LANDSCAPES else []
    if not drawing and not groups:
        return None
    key = f"n{size}-figure-{name}"
    title, text = title_of(inputs.study, name), caption(inputs.study, name)
    see = "" if name.endswith(OTHER_RUNGS) else findings.see(inputs, size, name)
    numbers = encoder_table(inputs, size) if name == "encoder" else None
    if groups:
        found = landscapes.surfaces(inputs, size, LANDSCAPES[name])
        numbers = landscapes.comparison_table(found, LANDSCAPES[name])
    svg = _inline(drawing, key, title, see or text)
    more = figure(inputs, size, f"{name}{OTHER_RUNGS}") if name in BY_ARM else None
    return PageFigure(key, title, see, text, svg, groups, numbers, more)


def study_figure(inputs: Inputs, name: str) -> PageFigure | None:
    """A figure that is not of one subset size; None if the study has none."""
    drawing = inputs.study_figures.get(name)
    if drawing is None:
        return None
    title, text = title_of(inputs.study, name), caption(inputs.study, name)
    key = f"figure-{name}"
    return PageFigure(key, title, "", text, _inline(drawing, key, title, text))


def _inline(drawing: str, key: str, title: str, text: str) -> Markup:
    return Markup(inline_svg(drawing, f"{key}-drawing", title, text)) if drawing else Markup()


def _surface_groups(inputs: Inputs, size: int, name: str) -> Iterator[SurfaceGroup]:
    plane = LANDSCAPES[name]
    found = landscapes.surfaces(inputs, size, plane)
    keys = dict.fromkeys((surface.group, surface.seed) for surface in found)
    for group, seed in keys:
        alike = [surface for surface in found if (surface.group, surface.seed) == (group, seed)]
        drawn = [surface for surface in alike if surface.drawn]
        yield SurfaceGroup(
            key=f"n{size}-{plane}-{group}-{seed}",
            title=f"{results.group_title(group)}, seed {seed}",
            payload=Markup(landscapes.payload(drawn)) if drawn else Markup(),
            surfaces=[
                (
                    surface.label,
                    landscapes.alternative(surface, plane) if surface.drawn else "",
                    "" if surface.drawn else surface.reason,
                )
                for surface in alike
            ],
            cut=landscapes.cut(drawn) if drawn else "",
        )
