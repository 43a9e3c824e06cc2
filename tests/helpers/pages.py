"""Pages of the repository, for tests that compare what they say with what is there."""

from pathlib import Path

ROOT = Path(__file__).parents[2]


def page(name: str) -> str:
    """Text of a page; any white space is one blank."""
    return " ".join((ROOT / name).read_text(encoding="utf-8").split())
