"""What the report says beside the laboratory's means, on made tables."""

import numpy as np
import pandas as pd
import pytest
from laboratory_study import SEEDS, relu, rescaled, table

from tlstudy.audit.theory_statistics import ratios
from tlstudy.report.sentences.laboratory import condition_means, notes
from tlstudy.theory.diagonal_networks import INTERPOLATES

DIAGONAL = {"experiment": "diagonal", "network": "diagonal", "features": np.nan, "cosine": np.nan}


def paid(change, **condition) -> list[dict]:
    """A condition in which descent pays so many times the least, and a fiftieth over its units'."""

    def penalty(seed: int) -> float:
        return (change(seed) if callable(change) else change) / 1.02

    return [
        relu(measure="squared_change", value=change, **condition),
        relu(measure="squared_change", method="least-change", value=1.0, **condition),
        relu(measure="penalty", value=penalty, **condition),
    ]


def plain(text: str) -> str:
    return text.replace("\u202f", " ")


def test_networks_that_did_not_fit_are_counted_by_method_and_the_worst_is_named():
    made = table(
        relu(measure="residual", value=lambda seed: 0.02 if seed < 2 else 0.009),
        relu(measure="residual", scale=10.0, value=lambda seed: np.nan if seed else 0.2),
        relu(measure="residual", method="scratch", value=0.01),
        relu(measure="test_error", method="multi-task", value=0.5),
        *paid(1.0),
    )
    fine_tuned, scratch, both, *_ = notes(made, "relu")
    assert "8 of 12 did not fit" in fine_tuned
    assert "above 0.01" in fine_tuned
    assert "0.200 (overlap 1, cosine 0, features 4, scale 10," in fine_tuned
    assert "samples 32, seed 0)" in fine_tuned
    assert "0 of 6 did not fit" in scratch
    assert "no residual was kept" in both


@pytest.mark.parametrize(("factor", "count"), [(0.99, 0), (1.01, len(SEEDS))])
def test_an_experiment_has_the_threshold_of_its_own_descent(factor, count):
    made = table(
        relu(**DIAGONAL, measure="residual", value=factor * INTERPOLATES),
        *({**row, **DIAGONAL} for row in paid(1.0)),
        relu(**DIAGONAL, measure="penalty", method="least-penalty", value=1.0),
    )
    assert f"{count} of 6 did not fit" in notes(made, "diagonal")[0]


def test_the_worst_condition_and_the_share_that_is_far_are_of_means_over_seeds():
    made = table(
        relu(measure="residual", value=0.001), *paid(1.3, samples=64.0), *paid(1.2, samples=128.0)
    )
    # 1.07 on average, although more than a tenth above in half of the seeds.
    swinging = table(*paid(lambda seed: 1.14 if seed % 2 else 1.0))
    price, change = map(plain, notes(pd.concat([made, swinging]), "relu")[1:])
    assert "in 2 of 3 conditions (66.7 %; means over 6 seeds)" in change
    assert "The worst is 30.0 % above (overlap 1," in change
    assert "samples 64)" in change
    assert "in 0 of 3 conditions" in price
    assert "The worst is 2.00 % above" in price


def test_conditions_that_do_not_apply_do_not_drop_rows():
    made = table(*({**row, **DIAGONAL} for row in [*paid(1.5), *paid(1.1, overlap=0.0)]))
    found = condition_means(ratios(made).query("measure == 'change'"))
    assert sorted(found["value"]) == pytest.approx([1.1, 1.5])


def test_networks_that_diverged_are_told_where_there_are_any():
    fixed = {"measure": "alignment", "statistics": ""}
    whole = table(rescaled(**fixed, value=0.9), rescaled(**fixed, network="plain", value=0.9))
    assert notes(whole, "batchnorm") == []
    gone = (whole["network"] == "plain") & (whole["seed"] == 4)
    [note] = notes(whole.assign(value=whole["value"].mask(gone)), "batchnorm")
    assert note.startswith("1 of 12 networks diverged (network plain; optimiser sgd; scale 2)")
