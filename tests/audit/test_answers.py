"""Answers image by image: packed and unpacked, and the intervals that rest on them."""

import numpy as np
import pandas as pd
import pytest
from known import SIZE, accuracies, make_study

from tlstudy.audit.answers import Answers
from tlstudy.audit.claims import ledger
from tlstudy.audit.ladder import ladder_table
from tlstudy.storage.columns import ANSWERS

NEW, PRETRAINED = "new-first", "pretrained-first"
IMAGES, SEEDS = 203, 6  # no whole number of bytes
LABELS = np.arange(IMAGES) % 10
CLAIM = {
    "text": "Pretraining helps.",
    "quantity": "balanced_accuracy",
    "arm": PRETRAINED,
    "against": NEW,
}


def right_of(arm: str, seed: int) -> np.ndarray:
    generator = np.random.default_rng([len(arm), seed])
    hard = np.random.default_rng(0).random(IMAGES)
    return generator.random(IMAGES) < (0.9 if arm == PRETRAINED else 0.6) - 0.4 * hard


def balanced(right: np.ndarray) -> float:
    return float(np.mean([right[label == LABELS].mean() for label in range(10)]))


def packed(labels=LABELS, arms=(NEW, PRETRAINED)) -> pd.DataFrame:
    rows = [
        {
            "arm": arm,
            "subset_size": SIZE,
            "seed": seed,
            "statistics": "recalibrated",
            "images": IMAGES,
            "labels": np.asarray(labels, "<i2").tobytes(),
            "right": np.packbits(right_of(arm, seed)).tobytes(),
        }
        for arm in arms
        for seed in range(26, 26 + SEEDS)
    ]
    return pd.DataFrame(rows, columns=list(ANSWERS))


@pytest.fixture
def study():
    return make_study({"C": CLAIM}, seeds=SEEDS, groups=("first",))


def runs_of(study) -> pd.DataFrame:
    return accuracies(
        study,
        {arm: [balanced(right_of(arm, seed)) for seed in study.seed] for arm in (NEW, PRETRAINED)},
    )


def test_answers_come_back_as_they_were(study):
    found = Answers(study, packed()).of_run(NEW, SIZE, 27)
    assert np.array_equal(found.labels, LABELS)
    assert np.array_equal(found.right, right_of(NEW, 27))
    assert Answers(study, packed()).of_run(NEW, SIZE, 99) is None


def test_a_claim_on_accuracies_has_an_interval_over_seeds_and_images(study):
    runs = runs_of(study)
    alone = ledger(study, {"runs": runs})[0].iloc[0]
    both = ledger(study, {"runs": runs, "answers": packed()})[0].iloc[0]
    assert alone["mean"] == both["mean"]
    assert pd.isna(alone["images"])
    assert both["images"] == IMAGES
    assert both["high"] - both["low"] > alone["high"] - alone["low"]


def test_so_has_a_gap_of_the_ladder_and_the_mean_is_that_of_the_runs(study):
    runs = runs_of(study)
    table = ladder_table(study, runs, Answers(study, packed()))
    rows = table[table["quantity"] == "balanced_accuracy"].set_index("part")
    gaps = [balanced(right_of(PRETRAINED, s)) - balanced(right_of(NEW, s)) for s in study.seed]
    assert rows.loc["gap", "mean"] == pytest.approx(np.mean(gaps))
    assert set(rows["images"]) == {IMAGES}
    assert table.loc[table["quantity"] == "loss", "images"].isna().all()


def test_without_answers_of_every_run_on_the_same_images_it_is_over_seeds(study):
    terms, seeds = [(1, PRETRAINED), (-1, NEW)], study.seed
    whole = Answers(study, packed())
    assert whole.balanced_accuracy(terms, SIZE, seeds).images == IMAGES
    assert Answers(study, packed(arms=(NEW,))).balanced_accuracy(terms, SIZE, seeds) is None
    other = pd.concat([packed(arms=(NEW,)), packed(LABELS[::-1], (PRETRAINED,))])
    assert Answers(study, other).balanced_accuracy(terms, SIZE, seeds) is None


def test_with_a_single_image_of_each_class_it_is_over_seeds(study):
    table = packed()
    one_each = np.arange(10, dtype="<i2").tobytes()
    table = table.assign(labels=[one_each] * len(table), images=10)
    assert Answers(study, table).balanced_accuracy([(1, NEW)], SIZE, study.seed) is None


def test_an_arm_that_reports_its_best_epoch_has_no_such_answers():
    study = make_study(seeds=SEEDS, groups=("first",))
    arm = study.arms[NEW].model_copy(update={"reported_epoch": "best-on-test"})
    study = study.model_copy(update={"arms": {**study.arms, NEW: arm}})
    assert Answers(study, packed()).of_run(NEW, SIZE, 26) is None
    assert Answers(study, packed()).of_run(PRETRAINED, SIZE, 26) is not None


def test_the_interval_of_a_difference_of_differences_is_of_that_statistic():
    """Its mean over seeds and images is the mean of the claim's values."""
    groups = ("first", "second")
    arms = [f"{start}-{group}" for group in groups for start in ("new", "pretrained")]
    minus = {"minus": {"arm": "pretrained-second", "against": "new-second"}}
    study = make_study({"C": CLAIM | minus}, seeds=SEEDS, groups=groups)
    values = {arm: [balanced(right_of(arm, seed)) for seed in study.seed] for arm in arms}
    tables = {"runs": accuracies(study, values), "answers": packed(arms=arms)}
    row = ledger(study, tables)[0].iloc[0]
    terms = [(1, PRETRAINED), (-1, NEW), (-1, "pretrained-second"), (1, "new-second")]
    estimate = Answers(study, packed(arms=arms)).balanced_accuracy(terms, SIZE, study.seed)
    assert estimate.mean == pytest.approx(row["mean"])
    assert row["df"] == pytest.approx(estimate.df)
    assert row["images"] == IMAGES
