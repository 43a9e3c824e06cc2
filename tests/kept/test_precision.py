"""The kept study of precision: the page on speed quotes it."""

from collections.abc import Iterator

import pandas as pd
import pytest
from pages import page

from benchmarks.keep import folder_of, study_of
from tlstudy.audit.statistics import Summary, summarise
from tlstudy.config.ledger import Claim
from tlstudy.config.quantity_table import QUANTITIES

PAGE, STUDY = "docs/speed.md", "precision"
CLAIMS = ("bfloat16-new", "bfloat16-pretrained", "gap-in-bfloat16", "path-in-bfloat16")


def kept(name: str) -> pd.DataFrame:
    return pd.read_parquet(folder_of(STUDY) / f"{name}.parquet")


def test_the_study_has_no_other_claims():
    assert sorted(study_of(STUDY).claims) == sorted(CLAIMS)


@pytest.mark.parametrize("name", CLAIMS)
def test_the_page_quotes_verdict_and_difference(name):
    row = kept("claims").set_index("claim").loc[name]
    told = page(PAGE)
    assert f"{name}: {row['verdict']}" in told
    assert difference(study_of(STUDY).claims[name], Summary.of_row(row)) in told


def difference(claim: Claim, found: Summary) -> str:
    """The comparison of the two arms as it was measured: the claim's side undone."""
    ends = [found.mean, found.low, found.high]
    if claim.direction == "lower":
        ends = [-found.mean, -found.high, -found.low]
    if QUANTITIES[claim.quantity].unit == "doublings":
        mean, low, high = (f"{2**end:.2f}" for end in ends)
    else:
        mean, low, high = (f"{100 * end:.1f}" for end in ends)
    return f"{mean} ({low} to {high})".replace("-", "\u2212")


def of_the_evaluations() -> Iterator[str]:
    table = pd.read_csv(folder_of(STUDY) / "evaluation.csv")
    [images] = table["test_images"].unique()
    yield f"same {images:,} test images".replace(",", " ")
    for arm, rows in table.groupby("arm"):
        assert len(rows) == len(study_of(STUDY).seed), arm
        found = summarise(rows["predictions_that_differ"].to_numpy())
        yield f"{100 * found.mean:.1f} % ({100 * found.low:.1f} to {100 * found.high:.1f})"
        higher = rows["balanced_accuracy_bfloat16"] - rows["balanced_accuracy_float32"]
        yield f"by {100 * higher.abs().max():.1f} points at most"


def test_the_page_quotes_the_evaluations():
    for told in of_the_evaluations():
        assert told in page(PAGE), told
