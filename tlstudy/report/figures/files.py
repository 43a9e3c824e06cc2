"""How figures are written: as PNG, and as SVG that can stand in a page."""

import io
import re
from pathlib import Path

from matplotlib.figure import Figure

from tlstudy.storage.files import write_bytes_atomically

DOTS_PER_INCH = 200
PICTURE_DOTS_PER_INCH = (160, 100, 72)  # of what is a picture inside an SVG, by preference
LARGEST_SVG = 400_000  # characters: reports hold all figures of a study in one page


def write(figure: Figure, stem: Path) -> None:
    """Write `stem`.svg (transparent) and `stem`.png (white); the layout is solved once."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=DOTS_PER_INCH, facecolor="white")
    write_bytes_atomically(stem.parent / f"{stem.name}.png", picture.getvalue())
    write_bytes_atomically(stem.parent / f"{stem.name}.svg", svg_text(figure).encode())


def svg_text(figure: Figure) -> str:
    """The figure as SVG, with its values; see `tlstudy.report.figures.drawn`.

    Pictures in it are made coarser where it would exceed LARGEST_SVG.
    """
    from tlstudy.report.figures.drawn import with_values

    for dpi in PICTURE_DOTS_PER_INCH:
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None}, dpi=dpi)
        text = _for_pages(buffer.getvalue())
        if len(text) < LARGEST_SVG:
            break
    return with_values(text, figure)


def _for_pages(svg: str) -> str:
    """Make an SVG fit to stand in a page beside others: few bytes, the page's sans-serif font,
    and no ids but those that are referred to, which matplotlib makes of the name in `look`."""
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\n\s+", "\n", svg)
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', svg))
    svg = re.sub(r' id="([^"]+)"', lambda item: item[0] * (item[1] in used), svg)
    svg = re.sub(r"'DejaVu Sans'[^;\"]*sans-serif", "sans-serif", svg)
    return re.sub(r'(?<= d=")[^"]+', _shorten, svg)


def _shorten(path: re.Match) -> str:
    """A path's coordinates to a hundredth of a point, and without repeated commands."""
    text = " ".join(re.sub(r"(\.\d\d)\d+", r"\1", path[0]).split())
    return text if re.search("[CQ]", text) else text.replace(" L ", " ")
