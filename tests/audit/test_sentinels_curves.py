"""Sentinels of what people log: each on a curve of its flaw, and on one without."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sentinel_series import saw, series, skipped

from tlstudy.audit.sentinels.evidence import Evidence
from tlstudy.audit.sentinels.guessing import MARGIN
from tlstudy.audit.sentinels.registry import examine, examine_table
from tlstudy.audit.sentinels.softmax import loss_of_calibrated, softmax_floor
from tlstudy.audit.sentinels.trends import chance_of_rise, decline, noise

DICE = np.random.default_rng(0)
EPOCHS = np.arange(1, 31)
FALLING = 2.3 * np.exp(-EPOCHS / 8)
LEARNT = 1 - 0.9 * np.exp(-EPOCHS / 8)
TURNING = FALLING + 0.05 * EPOCHS
NOISE = DICE.normal(0, 1, 30)


def run(classes: int | None = 10, not_finite: dict | None = None, **columns) -> Evidence:
    """Epochs of a run; columns of test values by their plain names."""
    named = {
        f"{name}_running" if name in ("test_loss", "test_accuracy") else name: values
        for name, values in columns.items()
    }
    return replace(series(**named), classes=classes, not_finite=not_finite or {})


SOUND = {
    "train_loss": FALLING,
    "train_accuracy": LEARNT,
    "test_loss": FALLING * 0.9 + 0.2 + 0.01 * NOISE,
    "test_accuracy": LEARNT - 0.05 + 0.003 * NOISE,
    "gradient_norm": FALLING * np.exp(0.3 * NOISE),
    "learning_rate": 0.05 * (1 + np.cos(np.pi * EPOCHS / 30)),
}


def test_a_sound_run_gives_no_alarm():
    examined = examine(run(**SOUND))
    assert [finding.sentinel for finding in examined.findings if finding.is_alarm] == []
    assert len(examined.ran) >= 18


FLAT = np.full(30, 0.1)
WIDE = np.where(EPOCHS % 2, 1.5, 0.5)
ZEROS = np.zeros(30)
# Softmax outputs that are a little short of 0 and 1, at accuracies of a test that differ.
SOFT = np.clip(0.3 + 0.65 * (1 - np.exp(-EPOCHS / 3)), 0, 1)
SOFT_LOSS = softmax_floor(10) + 1 - SOFT + 0.3 * np.exp(-EPOCHS / 3) + 0.04

FLAWED = [
    ("diverged", {"not_finite": {"train_loss": [3]}}, "epoch 3"),
    ("diverged", {"train_loss": ZEROS, "not_finite": {"gradient_norm": [4, 5, 6]}}, "exactly 0"),
    ("diverged", {"not_finite": {"gradient_norm": list(range(1, 40))}}, "in 38 more"),
    # It never stopped being a number: from the first epoch on, or later.
    ("diverged", {"train_loss": np.geomspace(2.3, 1e10, 30)}, "grows from 2.3 to"),
    ("diverged", {"train_loss": np.full(30, 4e9), "train_accuracy": FLAT}, "with 10.0 %"),
    ("test-loss-not-finite", {"not_finite": {"test_loss_running": [1, 2]}}, "and in 1 more"),
    ("overfitting", {"test_loss": TURNING}, "least in epoch"),
    ("overfitting", {"test_loss": 1 + 0.02 * EPOCHS}, "least in epoch 1"),
    # Loses what it had learnt of a loss that is never near 0, and rises by 6 %.
    ("overfitting", {"test_loss": 0.5 - 0.02 * (EPOCHS < 10) + 0.01 * (EPOCHS < 3)}, "least"),
    ("test-accuracy-fell", {"test_accuracy": 0.9 - 0.01 * np.abs(EPOCHS - 8)}, "epoch 8"),
    ("best-epoch-far-from-the-last", {"test_accuracy": 0.9 - 0.01 * np.abs(EPOCHS - 8)}, "30"),
    ("still-improving", {"test_loss": 2.3 - 0.05 * EPOCHS}, "of its whole fall"),
    ("test-guesses-though-training-does-not", {"test_accuracy": FLAT}, "guessing gives 10.0 %"),
    ("test-guesses-though-training-does-not", {"test_accuracy": ZEROS}, "is 0.0 %"),
    ("test-guesses-though-training-does-not", {"test_loss": 3 + 0.1 * EPOCHS}, "never below 3.1"),
    (
        "test-guesses-though-training-does-not",
        {"test_accuracy": FLAT / 2, "classes": None},
        "5.0 %",
    ),
    (
        "test-guesses-though-training-does-not",
        {"test_accuracy": np.where(EPOCHS < 20, 0.2, 0.7), "classes": 2, "train_accuracy": LEARNT},
        "less than guessing gives",
    ),
    ("test-accuracy-constant", {"test_accuracy": np.full(30, 0.36)}, "36.0000 %"),
    ("test-accuracy-constant", {"test_accuracy": np.full(30, 0.9866)}, "in each of 30"),
    ("test-better-than-training", {"test_accuracy": LEARNT + 0.1 * (1 - LEARNT) + 0.1}, "explain"),
    (
        "accuracy-contradicts-loss",
        {"train_loss": FALLING / 20, "train_accuracy": FLAT + 0.5},
        "wrong",
    ),
    (
        "accuracy-contradicts-loss",
        {"train_accuracy": 0.5 - 0.004 * EPOCHS, "train_loss": np.linspace(2.3, 1, 30)},
        "falls from",
    ),
    ("loss-of-softmax-outputs", {"test_loss": SOFT_LOSS, "test_accuracy": SOFT}, "the test loss"),
    ("loss-of-softmax-outputs", {"train_loss": SOFT_LOSS, "train_accuracy": SOFT}, "train loss"),
    (
        "loss-of-guessing",
        {"train_loss": np.log(10) + 0.005 * NOISE, "train_accuracy": FLAT},
        "10 classes",
    ),
    (
        "flat-since-the-second-epoch",
        {"train_loss": [5.0] + [4.0] * 29, "train_accuracy": FLAT},
        "in epoch 1 and 4",
    ),
    ("loss-too-high-for-its-accuracy", {"train_loss": FALLING + 1}, "answers right"),
    # Half of that, and more than all that was learnt.
    (
        "oscillation",
        {"train_loss": 1.5 + 0.08 * (WIDE - 1)},
        "from epoch to epoch",
    ),
    # A penalty at fewer right answers, in the train and in the test loss.
    (
        "loss-too-high-for-its-accuracy",
        {"train_loss": FLAT + 1.9, "train_accuracy": FLAT + 0.8, "test_loss": FLAT + 2.1},
        "answers right",
    ),
    # A sum over the examples: too high for any number of classes.
    ("loss-too-high-for-its-accuracy", {"train_loss": 40 * FALLING + 20, "classes": None}, "right"),
    ("oscillation", {"train_loss": FALLING + WIDE}, "from epoch to epoch"),
    ("gradient-vanishes", {"gradient_norm": np.exp(-EPOCHS), "train_loss": FLAT + 2}, "at most"),
    ("gradient-spikes", {"gradient_norm": np.where(EPOCHS == 15, 500.0, 1.0)}, "in epoch 15"),
    ("gradient-grows", {"gradient_norm": np.geomspace(5, 1e8, 30) * np.exp(0.5 * NOISE)}, "e+07"),
    ("gradient-grows", {"gradient_norm": 5 + np.sqrt(EPOCHS)}, "scatter"),
    ("learning-rate-of-0", {"learning_rate": ZEROS, "train_loss": FLAT + 2}, "in 30 of 30"),
    # Train answers are right from epoch 10 on, and the test follows to the end.
    (
        "test-changes-after-training",
        {"train_accuracy": np.minimum(0.1 * EPOCHS, 0.99), "test_accuracy": 0.02 * EPOCHS},
        "and yet",
    ),
    # The test follows from the start, and has nearly come up.
    (
        "test-changes-after-training",
        {
            "train_accuracy": np.minimum(0.2 * EPOCHS, 0.93),
            "test_accuracy": 0.85 - 0.6 * np.exp(-EPOCHS / 5),
        },
        "the gap closes from",
    ),
]


@pytest.mark.parametrize(("name", "changes", "told"), FLAWED)
def test_a_flaw_is_named(name, changes, told):
    found = saw(name, run(**{**SOUND, **changes}))
    assert found
    assert told in found
    assert not saw(name, run(**SOUND))


def test_a_network_with_few_examples_can_have_a_high_test_loss_and_answer_half():
    """As a new network that is trained on 50 digits."""
    high = run(**SOUND | {"test_loss": 3 + 0.1 * EPOCHS, "test_accuracy": LEARNT / 2})
    assert saw("test-guesses-though-training-does-not", high)
    assert not saw("test-guesses-though-training-does-not", replace(high, subset_size=50))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        # Mixed precision left out a step, and the loss is finite after it.
        ("diverged", {"gradient_norm": np.where(EPOCHS == 3, np.inf, 1.0)}),
        ("diverged", {"not_finite": {"gradient_norm": [2, 9]}}),
        # It has not fallen at all: what is left is rounding.
        ("still-improving", {"test_loss": 2.3 - 1e-5 * EPOCHS}),
        # The last row has test values only.
        ("diverged", {"train_loss": np.r_[FALLING[:-1], np.nan]}),
        ("test-loss-not-finite", {"not_finite": {"test_loss_running": [3], "train_loss": [3]}}),
        # A jump that was made good, and a sum over all examples.
        ("diverged", {"train_loss": np.where(EPOCHS == 9, 1e4, FALLING)}),
        ("diverged", {"train_loss": 6e4 * FALLING}),
        ("loss-of-guessing", {"train_loss": np.geomspace(2.3, 1e10, 30), "train_accuracy": FLAT}),
        # The test loss rises as the train loss does: no overfitting.
        ("overfitting", {"test_loss": TURNING, "train_loss": TURNING}),
        ("overfitting", {"test_loss": TURNING, "test_accuracy": FLAT}),  # nothing was tested
        ("overfitting", {"test_loss": 0.3 + 0.02 * NOISE}),  # a plateau
        ("overfitting", {"test_loss": FALLING + 0.3 + 0.001 * EPOCHS}),  # too little
        ("test-accuracy-fell", {"test_accuracy": 0.9 + 0.02 * NOISE}),
        ("test-accuracy-constant", {"test_accuracy": np.ones(30)}),
        (
            "test-accuracy-constant",
            {"test_accuracy": FLAT + 0.3, "train_loss": FLAT, "train_accuracy": FLAT + 0.85},
        ),
        # A few epochs of fine-tuning with one image wrong.
        ("test-accuracy-constant", {"test_accuracy": [0.9667] * 8 + [np.nan] * 22}),
        # A regression with a metric of classification.
        ("accuracy-contradicts-loss", {"train_accuracy": ZEROS, "test_accuracy": ZEROS}),
        # A stuck run is one point, and may lie on the line.
        (
            "loss-of-softmax-outputs",
            {"train_loss": FLAT + softmax_floor(10) + 1 - 0.54, "train_accuracy": FLAT + 0.44},
        ),
        # Noisy labels put a calibrated network of two classes on the line.
        (
            "loss-of-softmax-outputs",
            {
                "train_loss": loss_of_calibrated(series(a=0.5 + 0.01 * EPOCHS).series("a"), 2),
                "train_accuracy": 0.5 + 0.01 * EPOCHS,
                "classes": 2,
            },
        ),
        ("loss-of-guessing", {"train_loss": FLAT + np.log(10) - 0.2}),
        ("flat-since-the-second-epoch", {"train_loss": [2.3] + [0.2] * 29}),  # learnt at once
        ("gradient-vanishes", {"gradient_norm": np.exp(-EPOCHS)}),  # converges
        ("learning-rate-of-0", {"learning_rate": np.r_[0, np.ones(28), 0]}),
        ("learning-rate-of-0", {"learning_rate": ZEROS}),  # printed with few digits
    ],
)
def test_what_only_looks_like_a_flaw(name, changes):
    assert not saw(name, run(**{**SOUND, **changes}))


def test_a_loss_that_need_not_fall_is_left_alone():
    agent = np.abs(np.cumsum(DICE.normal(0, 0.02, 60))) + 0.001
    needed = "an accuracy or a test loss"
    assert needed in skipped("train-loss-did-not-fall", run(train_loss=agent))
    plateau = run(train_loss=0.2 + 0.001 * NOISE, train_accuracy=np.full(30, 0.97))
    assert "taken up again" in skipped("train-loss-did-not-fall", plateau)
    click = 0.45 * np.linspace(1, 0.992, 10)
    assert not saw("train-loss-did-not-fall", run(train_loss=click, test_loss=click))
    assert saw("train-loss-did-not-fall", run(train_loss=np.full(10, 0.69), test_loss=click))


def test_rounded_displacements_are_no_rest():
    still = {"displacement_from_start": ZEROS}
    assert "more digits" in skipped("no-weight-moved", run(train_loss=FALLING, **still))
    assert saw("no-weight-moved", run(train_loss=FLAT + 2.2, **still))


def test_small_differences_of_the_statistics_are_no_alarm():
    """On many images: half a point is no noise, and no alarm either."""
    close = {"test_accuracy": [0.9, 0.9], "test_accuracy_recalibrated": [0.91, 0.915]}
    assert not saw("batchnorm-lags", run(**close, test_images=60_000))
    far = {**close, "test_accuracy_recalibrated": [0.91, 0.93]}
    assert saw("batchnorm-lags", run(**far, test_images=60_000))


@pytest.mark.parametrize("classes", [3, 10, 100])
def test_the_number_of_classes_is_told_by_the_line(classes):
    """Of softmax outputs; no number is assumed where the points make no line."""
    right = 0.93 + 0.04 * np.sin(EPOCHS[:12])
    known = {"train_loss": softmax_floor(classes) + 1 - right, "train_accuracy": right}
    text = saw("loss-of-softmax-outputs", run(classes=None, **known))
    assert f"that tells {classes} classes" in text
    needed = "number of classes"
    for other in (
        {"train_loss": loss_of_calibrated(pd.Series(right), classes).to_numpy()},
        {"train_loss": known["train_loss"] + 0.1 * np.cos(EPOCHS[:12])},
        {"train_accuracy": np.full(12, 0.99), "train_loss": 1.5 + 0.002 * NOISE[:12]},
    ):
        assert needed in skipped("loss-of-softmax-outputs", run(classes=None, **{**known, **other}))


@pytest.mark.parametrize("classes", [3, 10])
def test_the_number_of_classes_is_told_by_a_loss_at_rest_at_the_floor(classes):
    loss = softmax_floor(classes) + 1 - 0.99
    known = {"train_loss": np.full(8, loss), "train_accuracy": np.full(8, 0.99)}
    assert saw("loss-of-softmax-outputs", run(classes=None, **known))
    guesses = {**known, "train_accuracy": np.full(8, 0.5)}
    assert "number of classes" in skipped("loss-of-softmax-outputs", run(classes=None, **guesses))
    # Of characters, or a regression: it passes the floor of ten, or rests beside it.
    falls = 1.9 * np.exp(-EPOCHS / 20) + 1.03
    assert falls.min() < softmax_floor(10) < falls.max()
    for other in (falls[falls > softmax_floor(10)], 1.47 + 0.002 * NOISE):
        found = run(classes=None, train_loss=other)
        assert "number of classes" in skipped("loss-of-softmax-outputs", found)


@pytest.mark.parametrize("classes", [10, 100, 1000])
@pytest.mark.parametrize("sure", [0.0, 0.02])
def test_softmax_in_the_test_loss_of_a_network_that_is_nearly_always_right(classes, sure):
    """Its outputs are not quite 0 and 1, and its accuracy hardly changes."""
    right = 0.96 + 0.004 * NOISE
    loss = softmax_floor(classes) + 1 - right + sure
    known = {"test_loss": loss, "test_accuracy": right, "train_accuracy": LEARNT}
    assert saw("loss-of-softmax-outputs", run(classes=classes, train_loss=FALLING, **known))
    logits = {**known, "test_loss": 0.2 + 0.01 * NOISE}
    assert not saw("loss-of-softmax-outputs", run(classes=classes, train_loss=FALLING, **logits))


def test_wrong_answers_cost_ln_2_at_least():
    """The bound of accuracy-contradicts-loss, on random logits."""
    logits = DICE.normal(0, 3, (1000, 5))
    labels = DICE.integers(0, 5, 1000)
    rows = np.arange(1000)
    loss = (np.log(np.exp(logits).sum(axis=1)) - logits[rows, labels]).mean()
    wrong = (logits.argmax(axis=1) != labels).mean()
    assert wrong <= loss / np.log(2)
    assert MARGIN > 1


def test_runs_of_a_table_are_compared():
    one = replace(run(train_loss=FALLING), arm="one")
    two = replace(one, arm="two")
    other = replace(run(train_loss=FALLING[:20] * 1.001), arm="other")
    found = {each.sentinel: each for each in examine_table([one, two, other]).findings}
    assert set(found) == {"curves-identical", "epochs-unequal"}
    assert "one, two have" in found["curves-identical"].saw
    assert "other ends in epoch 20, one in epoch 30" in found["epochs-unequal"].saw
    assert not found["epochs-unequal"].is_alarm
    assert examine_table([one, replace(other, metrics=other.metrics.head(1))]).skipped == {}
    assert set(examine_table([one]).skipped) == {"curves-identical", "epochs-unequal"}
    infinite = replace(run(train_loss=[np.inf] * 30), arm="infinite")
    assert {each.sentinel for each in examine_table([one, infinite]).findings} == set()


def test_noise_is_the_deviation_about_a_trend():
    draws = np.random.default_rng(0).normal(0, 0.3, 5000)
    assert noise(series(x=draws + 0.5 * np.arange(5000)).series("x")) == pytest.approx(0.3, 0.05)
    assert np.isnan(noise(series(x=[1.0, 2.0, 3.0]).series("x")))


def test_the_chance_of_a_rise_is_exact_for_few_values_and_fair_for_noise():
    assert chance_of_rise(series(x=[1.0, 2, 3, 4, 5]).series("x")) == pytest.approx(1 / 120)
    assert chance_of_rise(series(x=[1.0, 1.0]).series("x")) == 1
    draws = np.random.default_rng(0).normal(0, 1, (400, 20))
    below = [chance_of_rise(series(x=row).series("x")) < 0.05 for row in draws]
    assert 0.02 < np.mean(below) < 0.09


def test_a_curve_ends_above_its_least():
    found = decline(series(x=np.abs(np.arange(20) - 5.0)).series("x"))
    assert found.epoch == 6
    assert found.best == pytest.approx(2 / 3)  # mean of three
    assert found.end == pytest.approx(12.5)  # mean of the last fifth
    assert found.chance < 1e-6


def test_overfitting_says_where_the_accuracy_still_rises():
    rising = run(train_loss=FALLING, test_loss=TURNING, test_accuracy=LEARNT)
    assert "the test accuracy rises from" in saw("overfitting", rising)
    noise_alone = run(train_loss=FALLING, test_loss=TURNING, test_accuracy=0.8 + 0.001 * NOISE)
    assert "accuracy" not in saw("overfitting", noise_alone)
