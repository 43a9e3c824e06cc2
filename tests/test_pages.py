"""The pages: short where they must be, every link leads somewhere, every page is found."""

import re

import pytest
from pages import ROOT, page

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "config" / "README.md"]
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#([^)\s]+))?\)")


def anchors(text: str) -> set[str]:
    """Names of a page's headings in links, as GitHub makes them."""
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("file", PAGES, ids=lambda file: str(file.relative_to(ROOT)))
def test_links_lead_somewhere(file):
    for target, anchor in LINK.findall(file.read_text(encoding="utf-8")):
        found = file.parent / target
        assert found.exists(), target
        if anchor:
            assert anchor in anchors(found.read_text(encoding="utf-8")), f"{target}#{anchor}"


def test_the_index_has_every_page():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for file in sorted((ROOT / "docs").glob("*.md")):
        assert file.name == "README.md" or f"]({file.name})" in index, file.name


def test_the_readme_is_short_and_so_are_the_findings():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
    assert len(page("docs/findings.md").split()) <= 1500
