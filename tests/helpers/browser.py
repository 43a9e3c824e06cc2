"""Pages in headless Chromium: what a script in them finds, and what they are on paper."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from reports import Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
# Errors come before the answer, and an answer may be a promise.
PROBE = """
window.addEventListener("error", (event) => { document.title = "ERROR " + event.message; });
window.addEventListener("load", () => setTimeout(async () => {
  const found = await (%s)();
  const answer = { title: document.title, ...found };
  document.documentElement.setAttribute("data-probe", JSON.stringify(answer));
}, 200));
"""
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--allow-file-access-from-files",
    "--virtual-time-budget=8000",
)
DARK = "--blink-settings=preferredColorScheme=0"


def probe(html: str, folder: Path, width: int, function: str, dark: bool = False) -> dict:
    """What a function of JavaScript returns in a page, beside the page's title.

    The page stands in a frame of the given width: a headless window is never narrower than 500.
    An error in the page stands in its title, after ERROR.
    """
    page_file, frame = folder / "page.html", folder / "frame.html"
    script = f"<head><script>{PROBE % function}</script>"
    page_file.write_text(html.replace("<head>", script, 1), encoding="utf-8")
    frame.write_text(
        f'<iframe id="f" src="page.html" width="{width}" height="900" style="border:0"></iframe>'
        "<script>setInterval(() => { const probe = document.getElementById('f').contentDocument"
        ".documentElement.dataset.probe; if (probe) document.body.dataset.probe = probe; }, 50)"
        "</script>",
        encoding="utf-8",
    )
    for _ in range(2):  # on a busy machine the browser's own time can end before an answer
        shown = _run(folder, "--dump-dom", *[DARK] * dark, frame.as_uri())
        for attributes in Page(shown).all("body"):
            if "data-probe" in attributes:
                return json.loads(attributes["data-probe"])
    raise AssertionError(f"the page did not answer: {shown[-500:]}")


def printed(html: str, folder: Path) -> Path:
    """The page as PDF."""
    page_file, file = folder / "printed.html", folder / "printed.pdf"
    page_file.write_text(html, encoding="utf-8")
    _run(folder, "--no-pdf-header-footer", f"--print-to-pdf={file}", page_file.as_uri())
    return file


def _run(folder: Path, *options: str) -> str:
    command = [CHROMIUM, *OPTIONS, f"--user-data-dir={folder / 'user'}", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
