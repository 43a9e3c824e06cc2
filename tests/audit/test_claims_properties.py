"""What may never happen to a verdict, whatever the values are."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import CLAIM, CONTROL, SHARED, judged, made_tables
from known import make_study

from tlstudy.audit import statistics
from tlstudy.audit.claims import ledger

RESAMPLES = 500


@pytest.fixture(autouse=True, scope="module")
def _fewer_resamples():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "RESAMPLES", RESAMPLES)
        yield


GAPS = st.lists(st.floats(-0.3, 0.6), min_size=6, max_size=6)
EFFECTS = st.sampled_from([0, 0.1, 0.3])
properties = settings(max_examples=40, deadline=None)


@properties
@given(GAPS, EFFECTS, st.lists(st.floats(0, 0.02), min_size=6, max_size=6))
def test_never_a_verdict_on_a_failed_control(gaps, effect, moved):
    found = judged(gaps, {"effect": effect, "controls": [CONTROL]}, moved=moved)
    assert (found["verdict"] == "not testable") == (min(moved) < 0.01)


@properties
@given(GAPS, EFFECTS)
def test_the_verdict_follows_the_interval(gaps, effect):
    found = judged(gaps, {"effect": effect})
    assert found["low"] <= found["mean"] <= found["high"]
    assert (found["verdict"] == "supported") == (found["low"] > effect)
    assert (found["verdict"] == "refuted") == (found["high"] < 0)


@properties
@given(GAPS, st.sampled_from([0.05, 0.2]))
def test_a_claim_of_no_difference_is_decided_by_its_margin_alone(gaps, margin):
    found = judged(gaps, {"effect": 0, "margin": margin})
    plain = judged(gaps, {"effect": 0})
    assert found["effect"] == -margin
    assert (found["mean"], found["low"], found["high"]) == (
        plain["mean"],
        plain["low"],
        plain["high"],
    )
    assert (found["verdict"] == "supported") == (found["low"] > -margin)
    assert (found["verdict"] == "refuted") == (found["high"] < -margin)
    assert ("the margin" in found["because"]) or found["verdict"] == "not testable"


@properties
@given(GAPS, EFFECTS, st.randoms())
def test_the_order_of_the_rows_changes_nothing(gaps, effect, random):
    study = make_study({"C": CLAIM | {"effect": effect, "controls": [CONTROL]}}, groups=("first",))
    tables = made_tables(study, gaps)
    shuffled = {
        name: table.sample(frac=1, random_state=random.randrange(1000))
        for name, table in tables.items()
    }
    for one, other in zip(ledger(study, tables), ledger(study, shuffled), strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)


@properties
@given(GAPS, EFFECTS, st.floats(-0.2, 0.2))
def test_a_turned_direction_turns_the_values_and_what_both_arms_share_cancels(
    gaps, effect, constant
):
    higher = judged(gaps, {"effect": effect})
    shared = 0.3 + SHARED + constant
    lower = judged(gaps, {"effect": effect, "direction": "lower"}, shared=shared)
    # The same resamples: what they leave below one end they leave above the other.
    for one, other in (("mean", "mean"), ("smallest", "largest"), ("low", "high")):
        np.testing.assert_allclose(lower[one], -higher[other], atol=1e-12)
    turned = judged(-np.array(gaps), {"effect": effect, "direction": "lower"})
    np.testing.assert_allclose(turned["mean"], higher["mean"], atol=1e-12)


def settled_share(mean: float, deviation: float, effect: float, verdict: str) -> float:
    """Share of a hundred studies of ten seeds that end in a verdict."""
    generator = np.random.default_rng(8)
    study = make_study({"C": CLAIM | {"effect": effect}}, seeds=10, groups=("first",))
    found = [
        judged(generator.normal(mean, deviation, 10), study=study)["verdict"] for _ in range(100)
    ]
    return np.mean([one == verdict for one in found])


def test_a_claim_at_its_effect_size_is_rarely_supported(monkeypatch):
    """One side of a 95 % interval: 2.5 % of studies, and of a hundred seldom more than eight."""
    monkeypatch.setattr(statistics, "RESAMPLES", 200)
    assert settled_share(0.1, 0.1, 0.1, "supported") <= 0.08
    assert settled_share(0.3, 0.1, 0.1, "supported") >= 0.95
