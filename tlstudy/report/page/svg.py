"""Figures made fit to stand in a page: cleaned, with own ids, page colours, a text alternative."""

from xml.etree import ElementTree

import nh3
from markupsafe import Markup
from pydantic import TypeAdapter, ValidationError

from tlstudy.report.figures import style
from tlstudy.report.figures.drawn import Panel

# All that Matplotlib draws with: no element that runs, links or loads something.
ELEMENTS = {
    *("svg", "title", "desc", "defs", "clipPath", "g", "path", "rect", "image", "use"),
    *("text", "tspan"),
}
ATTRIBUTES = {
    *("id", "role", "aria-labelledby", "viewBox", "width", "height", "x", "y", "d", "href"),
    *("style", "transform", "clip-path", "stroke-linecap", "stroke-linejoin"),
}
STYLES = {
    *("fill", "fill-opacity", "fill-rule", "opacity", "image-rendering", "text-anchor"),
    *("font-family", "font-size", "font-style", "font-weight"),
    *("stroke", "stroke-dasharray", "stroke-dashoffset", "stroke-linecap", "stroke-linejoin"),
    *("stroke-miterlimit", "stroke-opacity", "stroke-width"),
}
# Of elements that are dropped with what is in them; of others only the tags are.
DROPPED = {"foreignObject", "metadata", "script", "style"}
PANELS = TypeAdapter(list[Panel])
PICTURE = "data:image/png;base64,"
# What Matplotlib says in a style sheet of its own, which would rule the whole page.
LINES = {"stroke-linejoin": "round", "stroke-linecap": "butt"}


def inline_svg(text: str, prefix: str, title: str, description: str) -> Markup:
    """The SVG as an element of an HTML page, nothing if there is none.

    Two figures of a page must not share ids, and colours given as hexadecimal digits would
    not follow the reader's light or dark page. The file may be somebody else's: a sanitiser has
    the last word, and only what Matplotlib draws with passes it.

    Args:
        text: a standalone SVG document, as figures are written.
        prefix: start of all ids in the figure; also the id of the figure itself.
        title, description: what a screen reader says in place of the drawing.
    """
    if not text:
        return Markup()
    root = ElementTree.fromstring(text)
    for metadata in root.findall("{*}metadata"):  # the page has it beside the drawing
        root.remove(metadata)
    for element in root.iter():
        element.tag = _local(element.tag)
        for name, value in list(element.attrib.items()):
            del element.attrib[name]
            element.set(_local(name), _on_page(_local(name), value, prefix))
    # Without its fixed size the figure fits its column; Matplotlib always writes a viewBox.
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.attrib |= LINES
    root.set("id", prefix)
    root.set("role", "img")
    root.set("aria-labelledby", f"{prefix}-title {prefix}-desc")
    for position, (tag, words) in enumerate((("title", title), ("desc", description))):
        element = ElementTree.Element(tag, {"id": f"{prefix}-{tag}"})
        element.text = words
        root.insert(position, element)
    return Markup(_cleaned(ElementTree.tostring(root, encoding="unicode")))


def _cleaned(svg: str) -> str:
    return nh3.clean(
        svg,
        tags=ELEMENTS,
        clean_content_tags=DROPPED,
        attributes={"*": ATTRIBUTES},
        attribute_filter=_harmless,
        filter_style_properties=STYLES,
        url_schemes={"data"},
        link_rel=None,
    )


def _harmless(element: str, name: str, value: str) -> str | None:
    """The value of an attribute; None if it leads out of the drawing."""
    if name == "href":
        own = element == "use" and value.startswith("#")
        return value if own or (element == "image" and value.startswith(PICTURE)) else None
    return None if "url(" in value.replace("url(#", "") else value


def values_of(text: str) -> list[Panel]:
    """What a figure shows, as numbers: see `tlstudy.report.figures.drawn`; empty if it has none."""
    metadata = ElementTree.fromstring(text).find("{*}metadata") if text else None
    if metadata is None or not metadata.text:
        return []
    try:
        return PANELS.validate_json(metadata.text)
    except ValidationError:  # of a file that is not ours
        return []


def _local(name: str) -> str:
    """The name without its namespace: HTML's parser knows where SVG begins."""
    return name.rsplit("}", 1)[-1]


def _on_page(name: str, value: str, prefix: str) -> str:
    """An attribute's value with ids of the page and its colours."""
    if name == "id":
        return f"{prefix}-{value}"
    if name == "href":
        return value.replace("#", f"#{prefix}-", 1)
    value = value.replace("url(#", f"url(#{prefix}-")
    for colour, replacement in style.PAGE_COLOURS.items():
        value = value.replace(colour, replacement)
    return value
