"""The kept benchmark: pages quote it as it was measured."""

import json

import pandas as pd
import pytest
from pages import ROOT

from benchmarks.table import limits_text, table_text

KEPT = sorted((ROOT / "benchmarks" / "kept").glob("*.json"))


@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.stem)
def test_the_page_has_every_figure_and_the_readme_those_of_what_computes(file):
    result = json.loads(file.read_text(encoding="utf-8"))
    limits = limits_text(result["limits"])
    printed = table_text(result["limits"], pd.DataFrame(result["rows"]))
    assert printed in (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    of_what_computes = printed.partition("| figure |")[0].strip()
    assert limits in readme
    assert of_what_computes.removeprefix(limits).strip() in readme


def test_there_is_one():
    assert KEPT
