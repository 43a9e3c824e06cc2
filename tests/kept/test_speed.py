"""The kept benchmark: the page quotes it as it was measured."""

import json

import pandas as pd
import pytest
from pages import ROOT

from benchmarks.table import table_text

KEPT = sorted((ROOT / "benchmarks" / "kept").glob("*.json"))


@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.stem)
def test_the_page_has_every_figure(file):
    result = json.loads(file.read_text(encoding="utf-8"))
    printed = table_text(result["limits"], pd.DataFrame(result["rows"]))
    assert printed in (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")


def test_there_is_one():
    assert KEPT
