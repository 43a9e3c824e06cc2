"""How long a browser takes to open a page."""

import re
import shutil
import subprocess
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--dump-dom")
# From the start of the navigation until the page is loaded and laid out.
CLOCK = """<script>addEventListener("load", () => {
  const height = document.documentElement.scrollHeight;
  document.documentElement.dataset.opened = performance.now() + " " + height;
});</script>"""


def seconds_to_open(page: Path, folder: Path) -> float:
    """Seconds until a page is loaded and laid out in headless Chromium, its own start apart.

    Raises:
        RuntimeError: the page does not answer.
    """
    copy = folder / "timed.html"
    html = page.read_text(encoding="utf-8").replace("<head>", f"<head>{CLOCK}", 1)
    copy.write_text(html, encoding="utf-8")
    command = [CHROMIUM, *OPTIONS, f"--user-data-dir={folder / 'browser'}", copy.as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout
    answer = re.search(r'data-opened="([\d.]+) (\d+)"', shown)
    if not answer or int(answer[2]) < 100:
        raise RuntimeError(f"{page}: the browser did not open it: {shown[:500]}")
    return float(answer[1]) / 1000
