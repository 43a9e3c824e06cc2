"""The kept benchmark: pages quote it as it was measured."""

import json
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.table import limits_text, table_text

ROOT = Path(__file__).parents[2]
KEPT = sorted((ROOT / "benchmarks" / "kept").glob("*.json"))


def tables(file: Path) -> tuple[str, str]:
    """The limits, and all that the benchmark printed of what it measured."""
    result = json.loads(file.read_text(encoding="utf-8"))
    return limits_text(result["limits"]), table_text(result["limits"], pd.DataFrame(result["rows"]))


@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.stem)
def test_the_page_has_every_figure_and_the_readme_those_of_what_computes(file):
    limits, printed = tables(file)
    assert printed in (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    of_what_computes = printed.partition("| figure |")[0].strip()
    assert limits in readme
    assert of_what_computes.removeprefix(limits).strip() in readme


def test_there_is_one():
    assert KEPT
