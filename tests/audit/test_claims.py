"""Verdicts that are known by construction, and what may never happen to them."""

import numpy as np
import pandas as pd
import pytest
from judging import AROUND, CLAIM, CONTROL, NEW, PRETRAINED, SHARED, judged, made_tables
from known import SIZE, accuracies, encoder_table, make_study
from scipy.stats import norm, t

from tlstudy.audit import statistics
from tlstudy.audit.claims import ledger, statistic
from tlstudy.storage.columns import CLAIMS

RESAMPLES = 500


@pytest.fixture(autouse=True, scope="module")
def _fewer_resamples():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "RESAMPLES", RESAMPLES)
        yield


@pytest.mark.parametrize(
    ("gaps", "verdict", "because"),
    [
        (0.3 + AROUND, "supported", "The interval lies wholly above the effect size."),
        (-0.3 + AROUND, "refuted", "The interval lies wholly below zero."),
        (0.05 + AROUND, "contradicted", "The interval lies wholly below the effect size."),
        (0.11 + AROUND, "inconclusive", "The interval contains the effect size; about"),
        (-0.005 + AROUND, "contradicted", "The interval lies wholly below the effect size."),
        (0.1 + AROUND - AROUND.mean(), "inconclusive", "no number of seeds would settle"),
        (0.3 + AROUND[:4], "inconclusive", "Only 4 seeds with a value; an interval needs 5, so 1"),
        (np.full(6, np.nan), "not testable", "There is no value: "),
    ],
)
def test_verdicts(gaps, verdict, because):
    found = judged(gaps)
    assert found["verdict"] == verdict
    assert because in found["because"]


def test_a_row_of_the_ledger():
    found = judged(0.3 + AROUND)
    assert list(found.index) == list(CLAIMS)
    given = ["claim", "subset_size", "slide", "unit", "effect", "seeds", "figure"]
    assert found[given].tolist() == ["C", SIZE, "Best Loss", "share", 0.1, 6, "ladder"]
    ends = found[["mean", "smallest", "largest"]].astype(float)
    np.testing.assert_allclose(ends, [0.3, 0.28, 0.33])
    assert np.isnan(found["more_seeds"])


def test_seeds_that_would_settle_it():
    gaps = 0.11 + AROUND
    found = judged(gaps)
    total = int(found["more_seeds"]) + 6
    distance = gaps.mean() - 0.1
    enough = [
        (t.ppf(0.975, count - 1) + norm.ppf(0.8)) * gaps.std(ddof=1) / np.sqrt(count) <= distance
        for count in (total - 1, total)
    ]
    assert enough == [False, True]
    assert f"about {found['more_seeds']:.0f} more seeds would settle" in found["because"]
    for settled in (0.3, 0.05, -0.3):
        assert np.isnan(judged(settled + AROUND)["more_seeds"])


AGAINST_A_NUMBER = {"against": "", "above": 0.2, "effect": 0, "arm": NEW}


@pytest.mark.parametrize(
    ("gaps", "claim", "verdict", "mean"),
    [
        (np.zeros(6), AGAINST_A_NUMBER, "supported", 0.3),
        (np.zeros(6), AGAINST_A_NUMBER | {"direction": "lower"}, "refuted", -0.3),
        # A margin is a shortfall that the claim allows.
        (-0.04 + AROUND, {"effect": 0}, "refuted", -0.04),
        (-0.04 + AROUND, {"effect": 0, "margin": 0.1}, "supported", -0.04),
        (0.04 - AROUND, {"effect": 0, "margin": 0.1, "direction": "lower"}, "supported", -0.04),
        (-0.2 + AROUND, {"effect": 0, "margin": 0.1}, "refuted", -0.2),
    ],
)
def test_numbers_directions_and_margins(gaps, claim, verdict, mean):
    found = judged(gaps, claim, shared=0.5 + AROUND)
    assert found["verdict"] == verdict
    assert found["mean"] == pytest.approx(mean)


MINUS = {"minus": {"arm": "pretrained-second", "against": "new-second"}}


@pytest.mark.parametrize(
    ("claim", "mean", "verdict"),
    [
        ({}, 0.3, "supported"),
        ({"effect": 0.35}, 0.3, "contradicted"),
        ({"direction": "lower"}, -0.3, "refuted"),
        ({"direction": "lower", "effect": 0, "margin": 0.5}, -0.3, "supported"),
    ],
)
def test_a_difference_of_differences_is_taken_seed_by_seed(claim, mean, verdict):
    study = make_study({"C": CLAIM | MINUS | claim}, groups=("first", "second"))
    first, second = 0.4 + AROUND + SHARED, 0.1 + SHARED
    runs = accuracies(
        study,
        {
            NEW: 0.2 + SHARED,
            PRETRAINED: 0.2 + SHARED + first,
            "new-second": 0.3 - SHARED,
            "pretrained-second": 0.3 - SHARED + second,
        },
    )
    claims, values = ledger(study, {"runs": runs})
    assert claims.iloc[0]["verdict"] == verdict
    sign = -1 if claim.get("direction") == "lower" else 1
    np.testing.assert_allclose(values["value"], sign * (first - second))
    assert claims.iloc[0]["mean"] == pytest.approx(mean)


def test_a_seed_without_one_of_the_four_values_is_left_out():
    study = make_study({"C": CLAIM | MINUS}, groups=("first", "second"))
    arms = (NEW, PRETRAINED, "new-second", "pretrained-second")
    runs = accuracies(study, {arm: list(0.3 + SHARED) for arm in arms})
    lost = (runs["arm"] == "new-second") & (runs["seed"] == 28)
    runs.loc[lost, "status"] = "diverged"
    row = ledger(study, {"runs": runs})[0].iloc[0]
    assert row["seeds"] == 5
    assert "'new-second' (the run diverged) in seed 28" in row["because"]


def test_one_quantity_against_another():
    claim = {"quantity": "probe.layer4", "against": PRETRAINED, "against_quantity": "probe.layer3"}
    study = make_study({"C": CLAIM | claim}, groups=("first",))
    levels = {"layer4": 0.8, "layer3": 0.5}
    found = {
        (PRETRAINED, seed, "probe", stage): level + wobble
        for seed, wobble in zip(study.seed, SHARED, strict=True)
        for stage, level in levels.items()
    }
    tables = {**made_tables(study, np.zeros(6)), "encoder": encoder_table(found)}
    row = ledger(study, tables)[0].iloc[0]
    assert row["verdict"] == "supported"
    np.testing.assert_allclose([row["low"], row["high"]], 0.3)


WORDS = [
    ({}, "balanced accuracy of 'pretrained-first' minus that of 'new-first' (share)"),
    ({"against": ""}, "balanced accuracy of 'pretrained-first' (share)"),
    ({"against": "", "above": 0.2}, "balanced accuracy of 'pretrained-first' minus 0.2 (share)"),
    (
        {"against": "", "above": 0.2, "direction": "lower", "effect": 0, "margin": 0.05},
        "0.2 minus balanced accuracy of 'pretrained-first' (share)",
    ),
    (
        {"quantity": "probe.stem", "against": PRETRAINED, "against_quantity": "fine-tuned"},
        "balanced accuracy, read off stem linearly, of 'pretrained-first' minus balanced "
        "accuracy, fine-tuned, of 'pretrained-first' (share)",
    ),
    (
        MINUS,
        "balanced accuracy of 'pretrained-first' minus that of 'new-first', minus the same "
        "difference of 'pretrained-second' and 'new-second' (share)",
    ),
    (
        MINUS | {"direction": "lower", "effect": 0, "margin": 0.1},
        "balanced accuracy of 'pretrained-second' minus that of 'new-second', minus the same "
        "difference of 'pretrained-first' and 'new-first' (share)",
    ),
    ({"open": "Later."}, ""),
]


@pytest.mark.parametrize(("claim", "expected"), WORDS)
def test_the_statistic_in_words(claim, expected):
    study = make_study({"C": CLAIM | claim}, groups=("first", "second"))
    assert statistic(study, study.claims["C"]) == expected


@pytest.mark.parametrize(
    ("controls", "moved", "told"),
    [
        ([CONTROL], [0.5] * 6, []),
        ([CONTROL], [0.01] * 6, []),
        (
            [CONTROL],
            [0.5, 0.5, 0.0, 0.5, 0.001, 0.5],
            ["must be at least 0.01; found 0 in seed 28; 0.001 in seed 30."],
        ),
        (
            [CONTROL],
            [0.5, np.nan, *[0.5] * 4],
            ["no value, as it cannot be computed from what was measured, in seed 27"],
        ),
        ([CONTROL], [0.0] * 6, ["found 0 in seeds 26, 27, 28, 29, 30, 31."]),
    ],
)
def test_a_control_that_fails_in_one_seed_leaves_nothing_tested(controls, moved, told):
    found = judged(0.3 + AROUND, {"controls": controls}, moved=moved)
    assert found["verdict"] == ("not testable" if told else "supported")
    assert all(text in found["because"] for text in told)
    assert found["seeds"] == 6  # what was measured is still shown


def test_a_seed_that_diverged_is_left_out_and_named():
    study = make_study({"C": CLAIM}, groups=("first",))
    tables = made_tables(study, 0.3 + AROUND)
    lost = (tables["runs"]["arm"] == PRETRAINED) & (tables["runs"]["seed"] == 29)
    tables["runs"].loc[lost, "status"] = "diverged"
    claims, values = ledger(study, tables)
    found = claims.iloc[0]
    assert (found["verdict"], found["seeds"]) == ("supported", 5)
    assert found["because"].endswith("'pretrained-first' (the run diverged) in seed 29.")
    assert values.loc[values["value"].isna(), "seed"].tolist() == [29]


@pytest.mark.parametrize(
    ("claim", "selection", "because"),
    [
        (
            {"quantity": "log2_rise.final"},
            {"curvature": {"seeds": []}},
            "log2_rise.final is measured in no seed: list seeds under curvature.seeds.",
        ),
        (
            {"against_quantity": "fine-tuned"},
            {"encoder": {"seeds": []}},
            "balanced_accuracy and fine-tuned are measured in no common seed: list seeds under "
            "encoder.seeds.",
        ),
        (
            {"quantity": "probe.stem"},
            {},
            "There is no value: balanced accuracy, read off stem linearly, of 'pretrained-first' (",
        ),
    ],
)
def test_a_study_that_does_not_measure_what_a_claim_needs(claim, selection, because):
    study = make_study({"C": CLAIM | claim}, groups=("first",), **selection)
    found = ledger(study, made_tables(study, AROUND))[0].iloc[0]
    assert (found["verdict"], found["seeds"]) == ("not testable", 0)
    assert found["because"].startswith(because)


def test_only_seeds_in_which_a_claim_is_measured_count():
    """A control that fails in another seed is no concern of the claim."""
    claim = CLAIM | {"quantity": "probe.stem", "controls": [CONTROL]}
    study = make_study({"C": claim}, groups=("first",), encoder={"seeds": [26, 27, 28, 29, 30]})
    tables = made_tables(study, np.zeros(6), moved=[0.5] * 5 + [0.0])
    tables["encoder"] = encoder_table(
        {
            (arm, seed, "probe", "stem"): 0.8 if arm == PRETRAINED else 0.5
            for arm in (NEW, PRETRAINED)
            for seed in study.encoder.seeds
        }
    )
    claims, values = ledger(study, tables)
    assert claims.iloc[0]["verdict"] == "supported"
    assert values["seed"].tolist() == study.encoder.seeds


def test_an_open_claim():
    study = make_study({"C": {"text": "Later.", "open": "No experiment yet."}}, groups=("first",))
    claims, values = ledger(study, made_tables(study, AROUND))
    assert claims.loc[0, ["verdict", "because"]].tolist() == ["open", "No experiment yet."]
    assert claims.loc[0, ["mean", "effect", "more_seeds"]].isna().all()
    assert values.empty


def test_each_subset_size_is_judged_by_itself():
    study = make_study({"C": CLAIM}, groups=("first",), sizes=(50, 100))
    tables = made_tables(study, 0.3 + AROUND)
    other = made_tables(study, -0.3 + AROUND)
    for name in tables:
        tables[name] = pd.concat([tables[name], other[name].assign(subset_size=100)])
    claims, values = ledger(study, tables)
    assert claims.set_index("subset_size")["verdict"].to_dict() == {50: "supported", 100: "refuted"}
    means = values.groupby("subset_size")["value"].mean()
    np.testing.assert_allclose(means[[50, 100]], [0.3, -0.3])
