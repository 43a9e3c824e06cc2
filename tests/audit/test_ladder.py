"""The ladder: gaps and steps that are known, paired over seeds, and what has too few seeds."""

import audit_study
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known import SIZE, accuracies, make_study, runs_table

from tlstudy.audit import statistics
from tlstudy.audit.ladder import (
    VALUES,
    comparable,
    ladder_table,
    ladder_text,
    seed_values,
)
from tlstudy.storage.columns import LADDER

SHARED = np.array([0.0, 0.1, -0.05, 0.02, 0.07, -0.03])  # what a seed's images do to both arms
GAPS = {"first": 0.5, "second": 0.2, "third": 0.3}


@pytest.fixture(autouse=True, scope="module")
def _fewer_resamples():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "RESAMPLES", 500)
        yield


def known_runs(study, gaps: dict[str, float] = GAPS) -> pd.DataFrame:
    """Both arms vary from seed to seed, the gap between them not at all."""
    new = {f"new-{group}": list(0.3 + SHARED) for group in gaps}
    pretrained = {f"pretrained-{group}": list(0.3 + SHARED + gap) for group, gap in gaps.items()}
    return accuracies(study, new | pretrained)


def part(table: pd.DataFrame, rung: int, name: str, quantity: str = "balanced_accuracy"):
    rows = table.query("rung == @rung and part == @name and quantity == @quantity")
    assert len(rows) == 1
    return rows.iloc[0]


def test_gaps_and_steps_are_what_was_put_in():
    study = make_study()
    table = ladder_table(study, known_runs(study))
    assert list(table.columns) == list(LADDER)
    for rung, gap in enumerate(GAPS.values()):
        found = part(table, rung, "gap")
        assert found["seeds"] == 6
        ends = found[["mean", "low", "high", "smallest", "largest"]].astype(float)
        np.testing.assert_allclose(ends, gap)
    steps = [part(table, rung, "step")["mean"] for rung in (1, 2)]
    np.testing.assert_allclose(steps, [-0.3, 0.1])
    assert table.query("rung == 0 and part == 'step'").empty


def with_flaws_put_back(study):
    """The study with a group of its last protocol, the second rung's flaws alone put back."""
    alone = {
        f"{kind}-alone": study.arms[f"{kind}-third"].model_copy(update={"group": "alone"})
        for kind in ("new", "pretrained")
    }
    first, second, third = study.ladder
    second = second.model_copy(update={"put_back": "alone"})
    return study.model_copy(update={"arms": study.arms | alone, "ladder": [first, second, third]})


def test_a_flaw_put_back_alone_stands_beside_the_rung_that_mends_it():
    study = with_flaws_put_back(make_study())
    table = ladder_table(study, known_runs(study, GAPS | {"alone": 0.45}))
    expected = {"put-back gap": 0.45, "put-back step": 0.3 - 0.45, "order": (0.2 - 0.5) + 0.15}
    for name, value in expected.items():
        np.testing.assert_allclose(part(table, 1, name)["mean"], value)
    assert part(table, 1, "put-back new")["mean"] == pytest.approx(0.3 + SHARED.mean())
    assert not table.query("rung != 1")["part"].str.contains("put-back|order").any()


def test_arms_keep_the_spread_that_the_gap_loses():
    study = make_study()
    table = ladder_table(study, known_runs(study))
    for name, level in (("new", 0.3), ("pretrained", 0.8)):
        found = part(table, 0, name)
        ends = found[["mean", "smallest", "largest"]].astype(float)
        np.testing.assert_allclose(
            ends, level + np.array([SHARED.mean(), SHARED.min(), SHARED.max()])
        )
        assert found["low"] < found["mean"] < found["high"]


def test_rungs_are_in_the_ladders_order_with_what_they_mend():
    study = make_study(
        ladder=[{"group": "third", "mends": ["F1", "F2"]}, {"group": "first", "mends": ["F7"]}]
    )
    table = ladder_table(study, known_runs(study))
    rungs = table[["rung", "group", "mends"]].drop_duplicates().to_records(index=False).tolist()
    assert rungs == [(0, "third", "F1, F2"), (1, "first", "F7")]
    assert part(table, 1, "step")["mean"] == pytest.approx(GAPS["first"] - GAPS["third"])


def test_a_seed_that_diverged_is_left_out_where_it_is_needed():
    study = make_study()
    runs = known_runs(study)
    lost = (runs["arm"] == "new-second") & (runs["seed"] == 27)
    runs.loc[lost, ["reported_balanced_accuracy", "status"]] = [np.nan, "diverged"]
    table = ladder_table(study, runs).query("quantity == 'balanced_accuracy'")
    seeds = table.set_index(["rung", "part"])["seeds"]
    without = set(seeds[seeds == 5].index)
    assert without == {(1, "new"), (1, "gap"), (1, "step"), (2, "step")}
    assert set(seeds) == {5, 6}
    assert part(table, 1, "gap")["mean"] == pytest.approx(GAPS["second"])


@pytest.mark.parametrize("seeds", [4, 6])
def test_few_seeds_have_no_mean_and_a_run_that_is_missing_counts_as_none(seeds):
    study = make_study(seeds=seeds)
    table = ladder_table(study, known_runs(study).query("arm != 'new-third'"))
    assert [part(table, 2, name)["seeds"] for name in ("gap", "pretrained")] == [0, seeds]
    found = part(table, 0, "new")
    assert found["seeds"] == seeds
    assert (found[["mean", "low", "high", "interquartile_mean"]].isna() == (seeds < 5)).all()
    assert found["largest"] == pytest.approx(0.4)


def test_losses_and_sizes_have_rows_of_their_own():
    study = make_study(sizes=(50, 100))
    rows = {
        (arm, seed): {"reported_balanced_accuracy": 0.5, "reported_loss": 2.0 if new else 1.5}
        for arm in study.arms
        for new in [arm.startswith("new")]
        for seed in study.seed
    }
    table = ladder_table(study, runs_table(study, rows, size=100))
    assert len(table) == 2 * 2 * (3 + 4 + 4)
    hundred = table.query("subset_size == 100")
    assert part(hundred, 0, "gap", "loss")["mean"] == -0.5
    assert part(hundred, 0, "gap")["mean"] == 0
    assert (table.query("subset_size == 50")["seeds"] == 0).all()


def test_seed_values_have_a_row_for_every_seed():
    study = make_study(seeds=3)
    values = seed_values(study, known_runs(study), "balanced_accuracy", SIZE)
    assert list(values.columns) == VALUES
    assert len(values) == 3 * (3 + 4 + 4)
    gap = values.query("rung == 1 and part == 'gap'").set_index("seed")["value"]
    np.testing.assert_allclose(gap[[26, 27, 28]], 0.2)
    none = make_study(ladder=[])
    assert seed_values(none, known_runs(none), "loss", SIZE).columns.tolist() == VALUES
    assert ladder_table(none, known_runs(none)).columns.tolist() == list(LADDER)


@pytest.mark.parametrize(
    ("seeds", "expected"),
    [
        (6, "gap +50.0 points (95\u202f% interval +50.0 to +50.0 over 6 seeds)"),
        (2, "gap +50.0 to +50.0 points (range of 2 seeds, too few for an interval)"),
    ],
)
def test_the_ladder_in_a_terminal(seeds, expected):
    rungs = [{"group": "first"}, {"group": "second", "mends": ["F1", "F2"]}, {"group": "third"}]
    study = make_study(seeds=seeds, ladder=rungs)
    gap = {"new-first": [0.3] * seeds, "pretrained-first": [0.8] * seeds}
    first, second, third = ladder_text(ladder_table(study, accuracies(study, gap))).splitlines()
    assert first == f"first, {SIZE} images: {expected}"
    assert second == f"second, {SIZE} images: gap without a value; mends F1, F2"
    assert third.startswith("third, ")


def test_losses_of_different_heads_do_not_compare():
    arms = {
        f"{start}-{group}": {"group": group, "initialisation": initialisation, "head": head}
        for group, head in (("first", "softmax"), ("second", "logits"), ("third", "logits"))
        for start, initialisation in (("new", "random"), ("pretrained", "imagenet"))
    }
    study = make_study(arms=arms)
    assert [comparable(study, rung, "step", "loss") for rung in (1, 2)] == [False, True]
    assert all(comparable(study, rung, "gap", "loss") for rung in range(3))
    assert all(comparable(study, rung, "step", "balanced_accuracy") for rung in (1, 2))
    runs = accuracies(study, {arm: [0.5] * 5 for arm in study.arms})
    runs["reported_loss"] = 1.0
    table = ladder_table(study, runs).set_index(["rung", "part", "quantity"])
    assert (1, "step", "balanced_accuracy") in table.index
    assert (1, "step", "loss") not in table.index
    assert (2, "step", "loss") in table.index
    arms["new-first"]["head"] = "logits"
    assert not comparable(make_study(arms=arms), 0, "gap", "loss")


def test_a_flaw_of_softmax_put_back_alone_does_not_compare_by_loss():
    """The audit's own ladder: its first rungs are of softmax outputs, its sound protocol is not."""
    study = audit_study.make_study()
    alone = [rung for rung, settings in enumerate(study.ladder) if settings.put_back]
    compared = {rung for rung in alone if comparable(study, rung, "order", "loss")}
    assert [study.ladder[rung].group for rung in alone if rung not in compared] == [
        "trained",
        "logits",
    ]
    assert all(comparable(study, rung, "order", "balanced_accuracy") for rung in alone)


SHARES = st.one_of(st.floats(0, 1), st.none())


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(SHARES, min_size=6, max_size=6), min_size=6, max_size=6), st.randoms())
def test_steps_add_up_to_the_change_of_the_gap(columns, random):
    """In seeds that have every value; and the order of the rows does not matter."""
    study = make_study()
    runs = accuracies(study, dict(zip(study.arms, columns, strict=True)))
    order = list(range(len(runs)))
    random.shuffle(order)
    values = seed_values(study, runs.iloc[order], "balanced_accuracy", SIZE)
    table = values.set_index(["rung", "part", "seed"])["value"].unstack("seed")
    whole = [seed for seed in study.seed if table[seed].notna().all()]
    steps = table.loc[1, "step"] + table.loc[2, "step"]
    change = table.loc[2, "gap"] - table.loc[0, "gap"]
    np.testing.assert_allclose(steps[whole], change[whole], atol=1e-12)
    for seed, row in zip(study.seed, np.array(columns, dtype=float).T, strict=True):
        np.testing.assert_allclose(table.loc[0, "gap"][seed], row[1] - row[0])
    pd.testing.assert_frame_equal(
        values, seed_values(study, runs, "balanced_accuracy", SIZE), check_exact=True
    )
