"""The report in a browser: it fits a telephone, runs without errors, and its landscapes turn."""

import json
import shutil
import subprocess
from pathlib import Path

import laboratory_study
import pytest
from reports import Page, report_of

from tlstudy.report.page.render import render

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PROBE = """
window.addEventListener("error", (event) => { document.title = "ERROR " + event.message; });
window.addEventListener("load", () => setTimeout(() => {
  const root = document.documentElement, canvases = [...document.querySelectorAll("canvas")];
  const ink = (canvas) => {
    const pen = canvas.getContext("2d");
    return pen.getImageData(0, 0, canvas.width, canvas.height).data.reduce((a, b) => a + b, 0);
  };
  const before = canvases.map(ink);
  const press = { key: "ArrowLeft", bubbles: true, cancelable: true };
  if (canvases.length) canvases[0].dispatchEvent(new KeyboardEvent("keydown", press));
  let looks = 0;
  const look = () => {
    const turned = canvases.filter((canvas, i) => ink(canvas) !== before[i]).length;
    looks += 1;
    if (turned < 3 && looks < 10) return setTimeout(look, 200);
    root.setAttribute("data-probe", JSON.stringify({
      title: document.title, width: root.scrollWidth, viewport: window.innerWidth,
      drawn: before.filter((sum) => sum > 0).length, canvases: canvases.length, turned,
    }));
  };
  setTimeout(look, 200);
}, 200));
"""


def probe(html: str, folder: Path, width: int) -> dict:
    """Open a page in Chromium, press a key on a landscape, and read what came of it.

    The page stands in a frame of the given width: a headless window is never narrower than 500.
    """
    page_file, frame = folder / "page.html", folder / "frame.html"
    script = f"<head><script>{PROBE}</script>"
    page_file.write_text(html.replace("<head>", script, 1), encoding="utf-8")
    frame.write_text(
        f'<iframe id="f" src="page.html" width="{width}" height="900" style="border:0"></iframe>'
        "<script>setInterval(() => { const probe = document.getElementById('f').contentDocument"
        ".documentElement.dataset.probe; if (probe) document.body.dataset.probe = probe; }, 50)"
        "</script>",
        encoding="utf-8",
    )
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--allow-file-access-from-files",
        f"--user-data-dir={folder / 'user'}",
        "--virtual-time-budget=8000",
        "--dump-dom",
        frame.as_uri(),
    ]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    found = [
        attributes["data-probe"]
        for attributes in Page(shown).all("body")
        if "data-probe" in attributes
    ]
    assert found, f"the page did not answer: {shown[-500:]}"
    return json.loads(found[0])


needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


@pytest.mark.browser
@needs_chromium
@pytest.mark.parametrize("case", ["one seed", "sizes", "sweep", "audit", "laboratory"])
def test_a_telephone_shows_it_without_sideways_scrolling_or_errors(case, tmp_path):
    laboratory = case == "laboratory"
    html = render(laboratory_study.make_inputs()) if laboratory else report_of(case).html
    answer = probe(html, tmp_path, 320)
    assert not answer["title"].startswith("ERROR")
    assert answer["viewport"] == 320
    assert answer["width"] <= 320


@pytest.mark.browser
@needs_chromium
def test_landscapes_are_drawn_and_turn_together(tmp_path):
    answer = probe(report_of("one seed").html, tmp_path, 1200)
    assert answer["canvases"] == 7
    assert answer["drawn"] == 7
    assert answer["turned"] == 3  # the three of the figure whose surface got the key
