"""Rescaled weights under BatchNorm: which learning rate undoes the factor, and to what digit."""

import pandas as pd
import pytest
import torch

from tlstudy.networks.batchnorm import recalibrated
from tlstudy.theory import batchnorm_experiment, batchnorm_networks
from tlstudy.theory.batchnorm_networks import (
    RATES,
    encoder_weights,
    fit,
    network,
    normalisations,
    optimiser,
    outputs,
    rescaled,
)

GENERATOR = torch.Generator().manual_seed(4)
INPUTS = torch.randn(20, 6, generator=GENERATOR, dtype=torch.float64)
TARGETS = torch.randn(20, generator=GENERATOR, dtype=torch.float64)
FACTOR = 0.3


@pytest.fixture
def model():
    """BatchNorm with next to no eps, in double precision: the identities hold to rounding."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        made = network(6, normalised=True).double()
    for layer in normalisations(made):
        layer.eps = 1e-100
    return made


def trained(model, factor, name, rule, **options):
    """A copy after some steps with a factor on the encoder, from a learning rate of 0.05."""
    result = rescaled(model, "encoder", factor)
    chosen = optimiser(result, "encoder", factor, name, rule)
    for group in chosen.param_groups:
        group.update(options, lr=group["lr"] / RATES[name] * 0.05)
    fit(result, INPUTS, TARGETS, chosen, 10)
    return result


def on_their_own_statistics(model):
    with recalibrated(model.eval(), [INPUTS]):
        return outputs(model, INPUTS)


@pytest.mark.parametrize(
    ("name", "rule", "options"),
    [("sgd", "squared-factor", {}), ("adam", "factor", {"eps": 0.0})],
)
def test_a_learning_rate_undoes_the_encoders_factor(model, name, rule, options):
    plain = trained(model, 1.0, name, "fixed", **options)
    scaled = trained(model, FACTOR, name, rule, **options)
    for one, other in zip(encoder_weights(plain), encoder_weights(scaled), strict=True):
        torch.testing.assert_close(other, FACTOR * one, rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(*(on_their_own_statistics(each) for each in (scaled, plain)))
    assert not torch.allclose(encoder_weights(plain)[0], encoder_weights(model)[0], atol=1e-3)


@pytest.mark.parametrize(("name", "rule"), [("sgd", "fixed"), ("sgd", "factor"), ("adam", "fixed")])
def test_other_learning_rates_do_not(model, name, rule):
    plain = trained(model, 1.0, name, "fixed")
    scaled = trained(model, FACTOR, name, rule)
    difference = on_their_own_statistics(scaled) - on_their_own_statistics(plain)
    assert difference.abs().max() > 0.01


def test_statistics_must_be_rescaled_with_the_weights(model):
    fit(model, INPUTS, TARGETS, torch.optim.SGD(model.parameters(), lr=0.05), 3)
    expected = outputs(model.eval(), INPUTS)
    torch.testing.assert_close(
        outputs(rescaled(model, "encoder", FACTOR, with_statistics=True).eval(), INPUTS), expected
    )
    left = outputs(rescaled(model, "encoder", FACTOR).eval(), INPUTS)
    assert not torch.allclose(left, expected, atol=0.01)


@pytest.mark.parametrize("part", batchnorm_networks.PARTS)
def test_a_factor_is_on_its_part_only(model, part):
    scaled = dict(rescaled(model, part, FACTOR).named_parameters())
    hidden = {id(weight) for weight in encoder_weights(model)}
    head = {id(weight) for weight in model[-1].parameters()}
    on = {"encoder": hidden, "head": head, "both": hidden | head}[part]
    for name, weight in model.named_parameters():
        torch.testing.assert_close(scaled[name], weight * (FACTOR if id(weight) in on else 1))


@pytest.fixture(scope="module")
def rows():
    patch = pytest.MonkeyPatch()
    patch.setattr(batchnorm_experiment, "PRETRAINING_STEPS", 40)
    patch.setattr(batchnorm_experiment, "STEPS", 5)
    patch.setattr(batchnorm_experiment, "FACTORS", (0.25,))
    found = [pd.DataFrame(batchnorm_experiment.rows(100)) for _ in range(2)]
    patch.undo()
    return found


def test_the_same_seed_gives_the_same_rows_of_every_condition_once(rows):
    pd.testing.assert_frame_equal(*rows)
    assert not rows[0].drop(columns="value").duplicated().any()
    assert rows[0]["value"].notna().all()


def test_the_encoders_factor_changes_nothing_before_training_but_in_running_statistics(rows):
    before = rows[0].query(
        "method == 'pretrained' and network == 'batchnorm' and part == 'encoder' and scale != 1 "
        "and measure == 'prediction_difference'"
    )
    found = before.groupby("statistics")["value"]
    assert found.max()["recalibrated"] < 0.01
    assert found.max()["rescaled"] < 0.01
    assert found.min()["running"] > 0.05
