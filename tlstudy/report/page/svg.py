"""Figures made fit to stand in a page: own ids, page colours, a text alternative."""

import re
from xml.etree import ElementTree

INK, GRID = "#1b1b1e", "#8a8a93"
PAGE_COLOURS = {INK: "currentColor", GRID: "var(--grid)"}
REFERENCE = re.compile(r"url\(#([^)]+)\)")
LONG_DECIMALS = re.compile(r"\d+\.\d{3,}")
DROPPED = ("metadata", "script", "title", "desc")


def inline_svg(text: str, prefix: str, title: str, description: str) -> str:
    """The SVG as an element of an HTML page.

    Two figures of a page must not share ids, and colours given as hexadecimal digits would
    not follow the reader's light or dark page.

    Args:
        text: a standalone SVG document.
        prefix: start of all ids in the figure; also the id of the figure itself.
        title, description: what a screen reader says in place of the drawing.
    """
    root = ElementTree.fromstring(text)
    for parent in list(root.iter()):
        _drop_children(parent)
    for element in root.iter():
        _make_local(element, prefix)
    _keep_style_inside(root, prefix)
    # Without its fixed size the figure fits its column; Matplotlib always writes a viewBox.
    for name in ("width", "height", "aria-label", "version"):
        root.attrib.pop(name, None)
    root.set("id", prefix)
    _describe(root, prefix, title, description)
    return ElementTree.tostring(root, encoding="unicode")


def _drop_children(parent: ElementTree.Element) -> None:
    for child in list(parent):
        if _local(child.tag) in DROPPED:
            parent.remove(child)


def _local(name: str) -> str:
    """The name without its namespace: HTML's parser knows where SVG begins."""
    return name.rsplit("}", 1)[-1] if isinstance(name, str) else ""


def _make_local(element: ElementTree.Element, prefix: str) -> None:
    element.tag = _local(element.tag)
    attributes = {_local(name): value for name, value in element.attrib.items()}
    if "id" in attributes:
        attributes["id"] = f"{prefix}-{attributes['id']}"
    if attributes.get("href", "").startswith("#"):
        attributes["href"] = f"#{prefix}-{attributes['href'][1:]}"
    element.attrib.clear()
    for name, value in attributes.items():
        element.set(name, _page_colours(REFERENCE.sub(rf"url(#{prefix}-\1)", value)))
    _colours_to_style(element)
    if "d" in attributes:
        element.set("d", _shorter(attributes["d"]))


def _shorter(path: str) -> str:
    """A hundredth of a point is finer than any screen, and halves the file."""
    return " ".join(LONG_DECIMALS.sub(lambda found: f"{float(found[0]):.2f}", path).split())


def _page_colours(value: str) -> str:
    for colour, replacement in PAGE_COLOURS.items():
        value = re.sub(re.escape(colour), replacement, value, flags=re.IGNORECASE)
    return value


def _colours_to_style(element: ElementTree.Element) -> None:
    """CSS variables are sure to work in style attributes only."""
    for name in ("fill", "stroke"):
        if "var(" in element.get(name, ""):
            colour = element.attrib.pop(name)
            element.set("style", f"{name}: {colour}; {element.get('style', '')}".strip())


def _keep_style_inside(root: ElementTree.Element, prefix: str) -> None:
    """Limit the figure's own style sheet to the figure: inlined, it would rule the page."""
    for element in root.iter("style"):
        rules = re.findall(r"([^{}]+)\{([^{}]*)\}", element.text or "")
        element.text = " ".join(
            ", ".join(f"#{prefix} {part.strip()}" for part in selector.split(",")) + f" {{{body}}}"
            for selector, body in rules
        )


def _describe(root: ElementTree.Element, prefix: str, title: str, description: str) -> None:
    root.set("role", "img")
    for position, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ElementTree.Element(tag, {"id": f"{prefix}-{tag}"})
        element.text = text
        root.insert(position, element)
    root.set("aria-labelledby", f"{prefix}-title {prefix}-desc")
