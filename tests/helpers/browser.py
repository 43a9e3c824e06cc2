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
  const found = await Promise.resolve().then(%s).catch((error) => {
    document.title = "ERROR " + error.message;
  });
  const answer = { title: document.title, ...found };
  document.documentElement.setAttribute("data-probe", JSON.stringify(answer));
}, 200));
"""
# The browser gives its page back once it is loaded. A document that is being written holds that up
# until there is an answer, however long a busy machine takes for it.
FRAME = """
<body><iframe id="held"></iframe>
<iframe id="page" src="page.html" width="%d" height="900" style="border:0"></iframe>
<script>
const held = document.getElementById("held").contentDocument;
held.open();
const asked = setInterval(() => {
  const page = document.getElementById("page").contentDocument.documentElement;
  if (!page || !page.dataset.probe) return;
  document.body.dataset.probe = page.dataset.probe;
  clearInterval(asked);
  held.close();
}, 50);
</script></body>
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
    frame.write_text(FRAME % width, encoding="utf-8")
    shown = _run(folder, "--dump-dom", *[DARK] * dark, frame.as_uri())
    for attributes in Page(shown).all("body"):
        if "data-probe" in attributes:
            return json.loads(attributes["data-probe"])
    raise AssertionError(f"the page did not answer: {shown[-500:]}")


def printed(html: str, folder: Path) -> Path:
    """The page as PDF."""
    page_file, file = folder / "printed.html", folder / "printed.pdf"
    page_file.write_text(html, encoding="utf-8")
    _run(
        folder,
        "--virtual-time-budget=8000",
        "--no-pdf-header-footer",
        f"--print-to-pdf={file}",
        page_file.as_uri(),
    )
    return file


def _run(folder: Path, *options: str) -> str:
    command = [CHROMIUM, *OPTIONS, f"--user-data-dir={folder / 'user'}", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
