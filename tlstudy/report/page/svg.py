"""Figures made fit to stand in a page: own ids, page colours, a text alternative."""

import json
from xml.etree import ElementTree

from markupsafe import Markup

from tlstudy.report.figures import style
from tlstudy.report.figures.drawn import Panel


def inline_svg(text: str, prefix: str, title: str, description: str) -> Markup:
    """The SVG as an element of an HTML page, nothing if there is none.

    Two figures of a page must not share ids, and colours given as hexadecimal digits would
    not follow the reader's light or dark page.

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
        if element.tag == "style":  # one rule, for everything: inlined, it would rule the page
            element.text = f"#{prefix} {element.text}"
    # Without its fixed size the figure fits its column; Matplotlib always writes a viewBox.
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("id", prefix)
    root.set("role", "img")
    root.set("aria-labelledby", f"{prefix}-title {prefix}-desc")
    for position, (tag, words) in enumerate((("title", title), ("desc", description))):
        element = ElementTree.Element(tag, {"id": f"{prefix}-{tag}"})
        element.text = words
        root.insert(position, element)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def values_of(text: str) -> list[Panel]:
    """What a figure shows, as numbers: see `tlstudy.report.figures.drawn`; empty if it has none."""
    metadata = ElementTree.fromstring(text).find("{*}metadata") if text else None
    return [] if metadata is None or not metadata.text else json.loads(metadata.text)


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
