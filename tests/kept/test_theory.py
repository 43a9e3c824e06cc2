"""The laboratory's kept run: today's code draws the same verdicts, and its page quotes them."""

import pandas as pd
import pytest
from pages import ROOT, page

from tlstudy.audit.theory_claims import LABORATORY_CLAIMS_BY_NAME, laboratory_ledger
from tlstudy.config.study import load_study
from tlstudy.storage import laboratory_columns
from tlstudy.theory.formulas import check_all

KEPT = ROOT / "docs" / "theory"


def kept(name: str) -> pd.DataFrame:
    return pd.read_parquet(KEPT / f"{name}.parquet")


@pytest.fixture(scope="module")
def study():
    return load_study([ROOT / "config.yaml", ROOT / "studies" / "theory.yaml"])


def test_every_seed_of_every_experiment_is_there(study):
    table = kept("laboratory")
    assert list(table.columns) == list(laboratory_columns.LABORATORY)
    found = set(zip(table["experiment"], table["seed"], strict=True))
    assert found == {(one, seed) for one in study.laboratory.experiments for seed in study.seed}


def test_verdicts_follow_from_the_table_and_the_effect_sizes_of_today(study):
    claims, values = laboratory_ledger(kept("laboratory"), study.laboratory.experiments)
    stored = kept("laboratory-claims")
    assert list(claims["claim"]) == list(stored["claim"]) == list(LABORATORY_CLAIMS_BY_NAME)
    assert list(claims["verdict"]) == list(stored["verdict"])
    kept_values = kept("laboratory-claim-values")
    pd.testing.assert_frame_equal(values, kept_values, check_dtype=False, rtol=1e-9)


def test_the_printed_formulas_fare_as_they_did():
    stored = kept("formulas")
    found = check_all(int(stored["draws"].iloc[0]), int(stored["seed"].iloc[0]))
    for column in ("no_root", "exact"):
        assert list(found[column]) == pytest.approx(list(stored[column]), abs=1e-9)


def test_the_page_quotes_its_verdicts():
    told = page("docs/laboratory.md")
    claims = kept("laboratory-claims")
    for name, verdict in claims.set_index("claim")["verdict"].items():
        assert f"`{name}` {verdict}" in told, name
    for verdict, amount in claims["verdict"].value_counts().items():
        assert f"{amount} {verdict}" in told
