"""Intervals: against brute force, against known coverage, and what is refused."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from tlstudy.audit import statistics
from tlstudy.audit.crossed import Estimate
from tlstudy.audit.statistics import (
    MINIMUM_SEEDS,
    Summary,
    bootstrap_interval,
    scaled,
    seeds_to_settle,
    summarise,
    t_interval,
)

VALUES = np.random.default_rng(1).normal(60, 5, 10)


def test_interval_agrees_with_brute_force():
    generator = np.random.default_rng(2)
    means = VALUES[generator.integers(0, 10, (200_000, 10))].mean(axis=1)
    expected = np.percentile(means, [2.5, 97.5])
    # 10,000 resamples leave an end uncertain by about 2 % of the interval's length.
    np.testing.assert_allclose(bootstrap_interval(VALUES), expected, atol=0.03 * np.ptp(expected))


def test_the_bootstrap_stands_beside_and_is_too_short():
    row = summarise(VALUES).row(np.append(VALUES, np.nan))
    assert (row["bootstrap_low"], row["bootstrap_high"]) == bootstrap_interval(VALUES)
    assert row["low"] < row["bootstrap_low"] < row["bootstrap_high"] < row["high"]


def test_a_summary_by_itself_draws_no_resamples(monkeypatch):
    monkeypatch.setattr(statistics, "bootstrap_interval", None)  # it takes far longer than the rest
    assert summarise(VALUES).n == len(VALUES)


def test_interval_is_students():
    low, high = t_interval(VALUES)
    expected = ttest_1samp(VALUES, 0).confidence_interval(0.95)
    np.testing.assert_allclose([low, high], [expected.low, expected.high])
    summary = summarise(VALUES)
    assert (summary.low, summary.high, summary.df) == pytest.approx((*expected, 9))
    for value in (0.0, 58.0, 60.0):
        assert summary.p_value(value) == pytest.approx(ttest_1samp(VALUES, value).pvalue)


@pytest.mark.parametrize(
    ("draw", "mean", "seeds", "least", "most"),
    [
        ("normal", 0.0, 5, 0.93, 0.97),
        ("normal", 0.0, 10, 0.93, 0.97),
        ("exponential", 1.0, 10, 0.88, 0.97),
        ("lognormal", np.exp(0.125), 10, 0.90, 0.97),
    ],
)
def test_interval_covers_the_mean_as_often_as_it_says(draw, mean, seeds, least, most):
    """10,000 repetitions: known within 0.5 points. Skewed values are covered less often."""
    generator = np.random.default_rng(7)
    samples = {
        "normal": generator.normal,
        "exponential": lambda size: generator.exponential(size=size),
        "lognormal": lambda size: generator.lognormal(0, 0.5, size),
    }[draw](size=(seeds, 10_000))
    low, high = t_interval(samples)
    assert least <= np.mean((low <= mean) & (high >= mean)) <= most


def test_same_values_same_interval():
    first = bootstrap_interval(VALUES)
    np.random.seed(0)
    assert bootstrap_interval(VALUES) == first
    assert bootstrap_interval(VALUES + 1) != first


def test_columns_are_intervals_of_their_own_and_a_missing_value_leaves_none():
    curves = np.column_stack([VALUES, 2 * VALUES, np.full(10, 3.0), VALUES])
    curves[3, 3] = np.nan
    low, high = t_interval(curves)
    assert low.shape == high.shape == (4,)
    alone = t_interval(VALUES)
    np.testing.assert_allclose([low[0], high[0]], alone)
    np.testing.assert_allclose([low[1], high[1]], 2 * np.array(alone))
    assert low[2] == high[2] == 3
    assert np.isnan([low[3], high[3]]).all()


def test_too_few_seeds():
    few = VALUES[: MINIMUM_SEEDS - 1]
    assert t_interval(few) is None
    assert bootstrap_interval(few) is None
    summary = summarise(few)
    assert (summary.mean, summary.low, summary.interquartile_mean) == (None, None, None)
    assert (summary.n, summary.smallest, summary.largest) == (4, few.min(), few.max())
    assert t_interval(VALUES[:MINIMUM_SEEDS]) is not None


def test_summary():
    values = np.array([*VALUES[:8], 1000.0, np.nan])
    summary = summarise(values)
    assert summary.n == 9
    assert summary.mean == pytest.approx(np.nanmean(values))
    assert summary.interquartile_mean == pytest.approx(np.sort(values[:9])[2:7].mean())
    assert (summary.low, summary.high) == pytest.approx(t_interval(values[:9]))
    double = scaled(summary, 2.0)
    assert (double.low, double.largest, double.df) == (2 * summary.low, 2000.0, summary.df)


def share_settled(mean: float, deviation: float, effect: float, seeds: int) -> float:
    """Share of 2000 repetitions whose interval lies above the effect or below it."""
    samples = np.random.default_rng(5).normal(mean, deviation, (seeds, 2000))
    low, high = t_interval(samples)
    return np.mean((low > effect) | (high < effect))


def unsettled(mean: float, deviation: float, seeds: int = 6) -> np.ndarray:
    """Values of exactly this mean and standard deviation."""
    values = np.random.default_rng(6).normal(size=seeds)
    return mean + deviation * (values - values.mean()) / values.std(ddof=1)


@pytest.mark.parametrize(
    ("mean", "deviation", "effect"), [(0.15, 0.15, 0.05), (-0.08, 0.15, 0.0), (0.06, 0.1, 0.12)]
)
def test_seeds_to_settle_settle_in_four_of_five_repetitions(mean, deviation, effect):
    values = unsettled(mean, deviation)
    total = len(values) + seeds_to_settle(values, effect, summarise(values))
    assert 0.77 < share_settled(mean, deviation, effect, total) < 0.9
    assert share_settled(mean, deviation, effect, total // 2) < 0.7


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (unsettled(0.15, 0.15), 20 - 6),  # ((2.093 + 0.842) x 0.15 / 0.1)^2 = 19.4, t of 20 seeds
        (np.append(unsettled(0.15, 0.15), np.nan), 20 - 6),
        (unsettled(-0.05, 0.15), 20 - 6),
        (unsettled(0.05, 0.15), None),  # at the effect
    ],
)
def test_seeds_to_settle_by_hand(values, expected):
    assert seeds_to_settle(values, 0.05, summarise(values)) == expected


def test_no_number_of_seeds_settles_what_the_choice_of_images_leaves_open():
    values = unsettled(0.15, 0.15)
    alone = summarise(values)
    of_both = Estimate(alone.mean, 2 * alone.standard_error, 8.0, images=100)
    assert seeds_to_settle(values, 0.05, summarise(values, of_both)) is None
    of_few = Estimate(alone.mean, 1.01 * alone.standard_error, 5.0, images=10_000)
    assert seeds_to_settle(values, 0.05, summarise(values, of_few)) >= 14


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
    note = f"95\u202f% interval {interval} over {seeds}" if interval else seeds
    assert item.text(number, " points") == value + (f" ({note})" if note else "")
    short = value + (f" ({interval})" if interval else "")
    assert item.text(number, " points", short=True) == short
    row = item.row(np.array(values))
    empty_cells = {name: np.nan if one is None else one for name, one in row.items()}
    assert Summary.of_row(empty_cells) == item
