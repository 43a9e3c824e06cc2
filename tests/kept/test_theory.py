"""The laboratory's kept run: today's code draws the same verdicts, and its page quotes them."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from pages import ROOT, numbers_not_looked_up, page

from tlstudy.audit.theory_claims import LABORATORY_CLAIMS_BY_NAME, laboratory_ledger
from tlstudy.audit.theory_statistics import CONDITION, of, ratios
from tlstudy.config.given import given_study
from tlstudy.storage import laboratory_columns
from tlstudy.theory.formulas import check_all

KEPT = ROOT / "docs" / "theory"


def kept(name: str) -> pd.DataFrame:
    return pd.read_parquet(KEPT / f"{name}.parquet")


@pytest.fixture(scope="module")
def study():
    return given_study([ROOT / "config.yaml", ROOT / "studies" / "theory.yaml"])


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


# What is no result: names, definitions and settings.
NO_RESULT = (
    r"--cores 2|Proposition 3|Corollary 2|ReLU|cosine of 0\.9|on 50 of|8 x 8",
    r"29 November 2026|seeds 10 to 19|seeds 0 to 9|5,000 random",
)


def lookups() -> Iterator[str]:
    """Phrases of the page with numbers, each made of the tables."""
    claims = kept("laboratory-claims").set_index("claim")
    ends = claims[["mean", "low", "high"]]

    def told(name: str, write: str, change=lambda value: value, unit: str = "") -> str:
        """1.7 times (1.4 to 2.0: the bracket goes on with the claim's name."""
        mean, *interval = change(ends.loc[name].to_numpy())
        least, most = map(write.format, sorted(interval))
        return f"{write.format(mean)}{unit} ({least} to {most}"

    for verdict, amount in claims["verdict"].value_counts().items():
        yield f"{amount} {verdict}"
    # These two are what is left of an allowance of 0.01, 0.1 and 0.05.
    assert 0.01 - ends.loc["diagonal-penalty", "mean"] < 1e-4
    yield "less than 0.01 % above it"
    paid = 1 + 0.1 - ends.loc["diagonal-change", "mean"]
    yield f"for {100 * (1 - 1 / paid):.0f} % less squared change on average"
    yield f"`relu-units` supported, {100 * (0.05 - ends.loc['relu-units', 'mean']):.0f} % above it"
    more, *interval = 100 * (0.1 - ends.loc["relu-change"])
    yield "by {:.0f} % more ({:.0f} to {:.0f})".format(more, *sorted(interval))
    change = of(ratios(kept("laboratory")), "change", network="relu")
    over_seeds = change.groupby(CONDITION, dropna=False)["value"].mean()
    yield f"{100 * (over_seeds > 1.1).mean():.0f} % of the conditions exceed a tenth"
    for name in ("reuse-shared", "reuse-correlated"):
        yield "to " + told(name, "{:.2f}", lambda x: 2.0**-x)
    yield told("unrelated-harms", "{:.1f}", np.exp2, " times as large")
    yield told("invariance-stored", "{:.1f}", lambda x: 100 * x, " points")
    lost, interval = told("invariance-shown", "{:.1f}", lambda x: -100 * x).split(" ", 1)
    yield f"loses {lost} points on those of the other half {interval}"
    slides, statement, proof = (row for _, row in kept("formulas").iterrows())
    assert proof["exact"] == 1
    yield f"in {100 * slides['exact']:.1f} % of"
    yield f"off by {100 * slides['median_error']:.1f} % at the median"
    yield f"by {100 * slides['large_error']:.0f} % at the 95th percentile"
    yield f"has no solution in {100 * slides['no_root']:.0f} %"
    yield f"right in {100 * statement['exact']:.1f} %"
    yield f"{100 * statement['median_error']:.2f} % and {100 * statement['large_error']:.0f} %"


def test_every_number_of_the_page_is_looked_up():
    assert numbers_not_looked_up("docs/laboratory.md", list(lookups()), NO_RESULT) == []
