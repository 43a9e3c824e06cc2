"""Intervals: against brute force, against known coverage, and what is refused."""

import numpy as np
import pytest
from synthetic import make_study

from tlstudy.audit import statistics
from tlstudy.audit.statistics import (
    MINIMUM_SEEDS,
    Summary,
    bootstrap_interval,
    expected_coverage,
    reference_arms,
    seeds_to_settle,
    summarise,
)
from tlstudy.config.study import build_study

VALUES = np.random.default_rng(1).normal(60, 5, 10)


def test_interval_agrees_with_brute_force():
    generator = np.random.default_rng(2)
    means = VALUES[generator.integers(0, 10, (200_000, 10))].mean(axis=1)
    expected = np.percentile(means, [2.5, 97.5])
    # 10,000 resamples leave an end uncertain by about 2 % of the interval's length.
    np.testing.assert_allclose(bootstrap_interval(VALUES), expected, atol=0.03 * np.ptp(expected))


@pytest.mark.parametrize(("seeds", "coverage"), [(5, 0.846), (10, 0.904)])
def test_interval_covers_as_often_as_theory_says(monkeypatch, seeds, coverage):
    """Of n normal values it is about +-1.96 s sqrt((n - 1) / n / n): it covers the mean as often
    as |t| with n - 1 degrees of freedom stays under 1.96 sqrt((n - 1) / n), less than in 95 %."""
    monkeypatch.setattr(statistics, "RESAMPLES", 1000)
    samples = np.random.default_rng(7).normal(7, 2, (seeds, 4000))
    low, high = bootstrap_interval(samples)
    assert np.mean((low <= 7) & (high >= 7)) == pytest.approx(coverage, abs=0.025)
    assert expected_coverage(seeds) == pytest.approx(coverage, abs=0.001)


def test_same_values_same_interval():
    first = bootstrap_interval(VALUES)
    np.random.seed(0)
    assert bootstrap_interval(VALUES) == first
    assert bootstrap_interval(VALUES + 1) != first


def test_columns_are_intervals_of_their_own_and_a_missing_value_leaves_none():
    curves = np.column_stack([VALUES, 2 * VALUES, np.full(10, 3.0), VALUES])
    curves[3, 3] = np.nan
    low, high = bootstrap_interval(curves)
    assert low.shape == high.shape == (4,)
    alone = bootstrap_interval(VALUES)
    np.testing.assert_allclose([low[0], high[0]], alone)
    np.testing.assert_allclose([low[1], high[1]], 2 * np.array(alone))
    assert low[2] == high[2] == 3
    assert np.isnan([low[3], high[3]]).all()
    np.testing.assert_allclose(bootstrap_interval(curves.T, axis=1), (low, high))


def test_too_few_seeds():
    few = VALUES[: MINIMUM_SEEDS - 1]
    assert bootstrap_interval(few) is None
    summary = summarise(few)
    assert (summary.mean, summary.low, summary.interquartile_mean) == (None, None, None)
    assert (summary.n, summary.smallest, summary.largest) == (4, few.min(), few.max())
    assert bootstrap_interval(VALUES[:MINIMUM_SEEDS]) is not None


def test_summary():
    values = np.array([*VALUES[:8], 1000.0, np.nan])
    summary = summarise(values)
    assert summary.n == 9
    assert summary.mean == pytest.approx(np.nanmean(values))
    assert summary.interquartile_mean == pytest.approx(np.sort(values[:9])[2:7].mean())
    assert summary.low < summary.mean < summary.high
    assert (summary.low, summary.high) == bootstrap_interval(values[:9])


def test_references_are_the_groups_first_arms():
    assert reference_arms(make_study()) == {
        "pretrained-published": "new-published",
        "pretrained": "new",
    }


def test_swept_arms_are_compared_with_the_arm_swept_to_the_same_values():
    rates = {"optimiser": {"learning_rate": [0.001, 0.01]}}
    configuration = {
        "study": "swept",
        "seed": 1,
        "weights": {"imagenet": ["he2015"]},
        "arms": {
            "new": {"initialisation": "random", **rates},
            "pretrained": {"initialisation": "imagenet", **rates},
            "wide": {"initialisation": "random", "image_size": [96, 160]},
        },
    }
    assert reference_arms(build_study(configuration)) == {
        "pretrained~learning_rate=0.001": "new~learning_rate=0.001",
        "pretrained~learning_rate=0.01": "new~learning_rate=0.01",
        "wide~image_size=96": "new~learning_rate=0.001",
        "wide~image_size=160": "new~learning_rate=0.001",
    }


def share_settled(mean: float, deviation: float, effect: float, seeds: int) -> float:
    """Share of 2000 repetitions whose interval lies above the effect or below zero."""
    samples = np.random.default_rng(5).normal(mean, deviation, (seeds, 2000))
    low, high = bootstrap_interval(samples)
    return np.mean((low > effect) | (high < 0))


def unsettled(mean: float, deviation: float, seeds: int = 6) -> np.ndarray:
    """Values of exactly this mean and standard deviation."""
    values = np.random.default_rng(6).normal(size=seeds)
    return mean + deviation * (values - values.mean()) / values.std(ddof=1)


@pytest.mark.parametrize(
    ("mean", "deviation", "effect"), [(0.15, 0.15, 0.05), (-0.08, 0.15, 0.1), (0.06, 0.1, 0)]
)
def test_seeds_to_settle_settle_in_four_of_five_repetitions(monkeypatch, mean, deviation, effect):
    monkeypatch.setattr(statistics, "RESAMPLES", 500)
    values = unsettled(mean, deviation)
    total = len(values) + seeds_to_settle(values, effect)
    assert 0.77 < share_settled(mean, deviation, effect, total) < 0.9
    assert share_settled(mean, deviation, effect, total // 2) < 0.7


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (unsettled(0.15, 0.15), 18 - 6),  # ((1.960 + 0.842) x 0.15 / 0.1)^2 = 17.7
        (np.append(unsettled(0.15, 0.15), np.nan), 18 - 6),
        (-unsettled(0.1, 0.15), 18 - 6),
        # Between zero and the effect.
        (np.full(6, 0.0), None),
        (np.full(6, 0.03), None),
        (np.full(6, 0.05), None),
        (unsettled(0.03, 0.1), None),
    ],
)
def test_seeds_to_settle_by_hand(values, expected):
    assert seeds_to_settle(values, 0.05) == expected


@pytest.mark.parametrize(
    ("values", "value", "interval", "seeds"),
    [
        ([], "without a value", "", ""),
        ([0.1], "10.0 points", "", "one seed, no interval"),
        (
            [0.1, 0.3, np.nan],
            "10.0 to 30.0 points",
            "",
            "range of 2 seeds, too few for an interval",
        ),
        ([0.2] * 5, "20.0 points", "20.0 to 20.0", "5 seeds"),
    ],
)
def test_a_summary_in_words(values, value, interval, seeds):
    def number(share):
        return f"{100 * share:.1f}"

    item = summarise(np.array(values))
    assert item.parts(number, " points") == (value, interval, seeds)
    notes = [f"bootstrap interval {interval}"] * bool(interval) + [seeds] * bool(seeds)
    assert item.text(number, " points") == value + (f" ({', '.join(notes)})" if notes else "")
    short = value + (f" ({interval})" if interval else "")
    assert item.text(number, " points", short=True) == short
    empty_cells = {name: np.nan if one is None else one for name, one in item.row().items()}
    assert Summary.of_row(empty_cells) == item
