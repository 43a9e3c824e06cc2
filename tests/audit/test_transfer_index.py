"""The transfer index: in known cases, against a t test turned round, and how often it covers."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import ttest_1samp

from tlstudy.audit.transfer_index import transfer_index
from tlstudy.theory.kernel_experiment import rows

SEEDS = 10


def drawn(generator: np.random.Generator, index: float = 0.4, spread: float = 0.05):
    """Accuracies without, with half and with all classes turned; their differences go together."""
    none = generator.normal(0.3, 0.05, SEEDS)
    luck = generator.normal(0, spread, SEEDS)
    gain = 0.3 + luck + generator.normal(0, spread, SEEDS)
    shared = 0.3 * index + luck + generator.normal(0, spread, SEEDS)
    return none, none + shared, none + gain


def test_all_and_nothing():
    none, _, every = drawn(np.random.default_rng(0))
    found = transfer_index(none, every, every)
    assert (found.value, found.low, found.high) == pytest.approx((1, 1, 1))
    found = transfer_index(none, none, every)
    assert (found.value, found.low, found.high) == pytest.approx((0, 0, 0))
    # Constant accuracies: the ratio itself.
    found = transfer_index(np.full(6, 0.2), np.full(6, 0.5), np.full(6, 0.8))
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))


@pytest.mark.parametrize("seed", range(5))
def test_the_ends_are_where_a_t_test_turns(seed):
    none, half, every = drawn(np.random.default_rng(seed))
    found = transfer_index(none, half, every)
    shared, gain = half - none, every - none

    def beyond(ratio: float) -> float:
        return ttest_1samp(shared - ratio * gain, 0).pvalue - 0.05

    assert found.value == pytest.approx(shared.mean() / gain.mean())
    assert found.low == pytest.approx(brentq(beyond, -5, found.value), abs=1e-9)
    assert found.high == pytest.approx(brentq(beyond, found.value, 5), abs=1e-9)


def test_it_covers_the_true_ratio_in_95_of_100_cases():
    generator, cases = np.random.default_rng(54), 2000
    found = [transfer_index(*drawn(generator)) for _ in range(cases)]
    assert all(not one.reason for one in found)
    share = np.mean([one.low <= 0.4 <= one.high for one in found])
    assert share == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / cases))


def test_without_a_gain_that_is_sure_it_is_not_testable():
    none, half, _ = drawn(np.random.default_rng(1))
    for small in (none, none + 0.05, none + np.linspace(-0.4, 0.7, SEEDS)):
        found = transfer_index(none, half, small)
        assert found.value is found.low is found.high is None
        assert "at least 0.1" in found.reason


def test_seeds_without_a_value_are_left_out():
    none, half, every = drawn(np.random.default_rng(2))
    half[0] = np.nan
    found = transfer_index(none, half, every)
    assert found == transfer_index(none[1:], half[1:], every[1:])
    assert found.seeds == SEEDS - 1
    assert "needs 5 seeds, found 4" in transfer_index(none[:5], half[:5], every[:5]).reason


def test_a_kernel_that_pools_over_turns_transfers_fully_and_a_plain_one_does_not():
    values = {}
    for seed in range(5):
        for row in rows(seed):
            if row["measure"] == "accuracy_turned":
                values.setdefault((row["network"], row["method"]), []).append(row["value"])
    indices = {
        name: transfer_index(*(values[f"{name}-kernel", each] for each in ("none", "half", "all")))
        for name in ("averaged", "plain")
    }
    pooled, plain = indices["averaged"], indices["plain"]
    assert (pooled.value, pooled.low, pooled.high) == pytest.approx((1, 1, 1), abs=1e-3)
    assert plain.high < 0.5
