"""Kernels that pool over turns carry invariance to other classes; those that see turns do not."""

import numpy as np
import pandas as pd
import pytest

from tlstudy.theory.kernel_experiment import Problem, kernel, rows, turned


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    """Mean accuracies by network and measure, a column for each exposure."""
    every = pd.concat([pd.DataFrame(rows(seed)) for seed in range(200, 206)])
    return every.pivot_table(index=["network", "measure"], columns="method", values="value")


def transfer_index(found: pd.DataFrame, network: str) -> float:
    none, half, whole = found.loc[(network, "accuracy_turned"), ["none", "half", "all"]]
    assert whole - none > 0.1  # else it is not testable
    return (half - none) / (whole - none)


def test_the_positive_control_transfers_fully(found):
    assert transfer_index(found, "averaged-kernel") == pytest.approx(1, abs=5e-4)


def test_the_negative_control_does_not_transfer(found):
    assert transfer_index(found, "plain-kernel") < 0.1


def test_upright_accuracy_is_kept(found):
    upright = found.xs("accuracy_upright", level="measure")
    assert (upright.sub(upright["none"], axis=0) > -0.08).all(axis=None)


def test_a_pooled_kernel_does_not_know_turns():
    data = Problem(1)
    some, others = data.train[:7], data.train[7:20]
    pooled = kernel(some, others, 2.0, averaged=True)
    for images in turned(others):
        np.testing.assert_allclose(kernel(some, images, 2.0, averaged=True), pooled)
    by_hand = np.mean(
        [np.exp(-((some[2] - np.rot90(others[5], k)) ** 2).sum() / 8) for k in range(4)]
    )
    assert pooled[2, 5] == pytest.approx(by_hand)


@pytest.mark.parametrize("seed", range(20))
def test_half_of_the_classes_holds_six_and_nine_or_neither(seed):
    data = Problem(seed)
    assert len(data.shown) == 5
    assert np.isin([6, 9], data.shown).sum() != 1
    assert np.bincount(data.train_labels).tolist() == [5] * 10
    assert len(data.train) + len(data.test) == 1797
