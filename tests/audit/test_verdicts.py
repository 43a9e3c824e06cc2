"""Verdicts of several claims together, and of bounds that a search found."""

import numpy as np
import pandas as pd
import pytest
from judging import AROUND, CLAIM, NEW, PRETRAINED
from known import SIZE, make_study

from tlstudy.audit.claims import Case
from tlstudy.audit.statistics import summarise
from tlstudy.audit.verdicts import by_interval, with_holm


def three_claims(p_values, verdicts, effect=0.1, mean=0.2) -> pd.DataFrame:
    rows = [
        {"seeds": 6, "mean": mean, "low": mean - 0.05, "high": mean + 0.05, "df": 5.0}
        | {"p_value": p, "verdict": verdict, "effect": effect}
        for p, verdict in zip(p_values, verdicts, strict=True)
    ]
    return pd.DataFrame(rows)


def test_holm_counts_the_smallest_p_most_often():
    """Adjusted: 3 x 0.01, then 2 x 0.03, and 0.04, which is not less than the one before."""
    claims = three_claims([0.01, 0.04, 0.03], ["supported"] * 3)
    held = with_holm(claims)["verdict_by_holm"]
    assert held.tolist() == ["supported", "inconclusive", "inconclusive"]
    claims = three_claims([0.01, 0.04, 0.02], ["supported"] * 3)
    assert with_holm(claims)["verdict_by_holm"].tolist() == ["supported"] * 3


def test_holm_leaves_out_what_was_not_tested():
    claims = three_claims([0.03, 0.02, np.nan], ["supported", "not testable", "open"])
    assert with_holm(claims)["verdict_by_holm"].tolist() == ["supported", "", ""]


def test_what_is_refuted_alone_can_be_contradicted_together():
    """Below the effect by far, below zero by little."""
    claims = three_claims([1e-6] * 3, ["refuted"] * 3, effect=0.5, mean=-0.051)
    assert claims["high"].max() < 0
    assert set(with_holm(claims)["verdict_by_holm"]) == {"refuted", "contradicted"}


def test_what_is_refuted_by_a_margin_alone_can_be_inconclusive_together():
    claims = three_claims([0.001, 0.03, 0.2], ["refuted"] * 3, effect=-0.05, mean=-0.2)
    assert with_holm(claims)["verdict_by_holm"].tolist() == ["refuted"] + ["inconclusive"] * 2


@pytest.mark.parametrize(
    ("bound", "verdict"), [("", "refuted"), ("lower", "inconclusive"), ("upper", "refuted")]
)
def test_a_margin_is_decided_by_a_bound_on_its_side_only(bound, verdict):
    values = -0.3 + AROUND
    assert by_interval(summarise(values), values, -0.05, bound).verdict == verdict


@pytest.mark.parametrize(
    ("bound", "mean", "verdict"),
    [
        ("lower", 0.3, "supported"),
        ("lower", -0.3, "inconclusive"),
        ("upper", 0.3, "inconclusive"),
        ("upper", -0.3, "refuted"),
        ("both", 0.3, "inconclusive"),
        ("both", -0.3, "inconclusive"),
    ],
)
def test_a_bound_decides_on_its_side_only(bound, mean, verdict):
    values = mean + AROUND
    assert by_interval(summarise(values), values, 0.1, bound).verdict == verdict


@pytest.mark.parametrize(
    ("claim", "bound"),
    [
        ({"direction": "higher"}, "lower"),
        ({"direction": "lower"}, "upper"),
        ({"against": NEW}, "both"),
        ({"quantity": "displacement"}, ""),
    ],
)
def test_the_bound_of_a_claim_follows_from_its_quantities(claim, bound):
    quantity = {"quantity": "log2_drift_excess.training", "against": "", "arm": PRETRAINED}
    study = make_study({"C": CLAIM | quantity | claim}, groups=("first",), reuse={"seeds": [26]})
    assert Case("C", study, SIZE, {}, {}).bound() == bound
