"""Probes, frozen encoders and stages put back, on a tiny network that was really trained."""

import copy

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from tiny import CPU, tiny_images, tiny_run, tiny_training

from tlstudy.config.tables import ALL_TABLES
from tlstudy.measures.probes import (
    ENCODER_STAGES,
    STAGES,
    Outputs,
    after_stage,
    encoder_rows,
    probe,
    put_back,
    scores_after,
    stage_outputs,
    stages_of,
    trained_after,
)
from tlstudy.networks.batchnorm import recalibrated
from tlstudy.networks.build import initial_network
from tlstudy.networks.evaluation import predict
from tlstudy.networks.trainer import training_batches
from tlstudy.storage import columns


@pytest.fixture(scope="module")
def tuned():
    return tiny_run(epochs=4)[0]


@pytest.fixture
def start():
    return initial_network(tiny_training(), 26, None)


def weights_of(network) -> dict:
    return {name: value.detach().clone() for name, value in network.named_parameters()}


def changed_stages(network, before) -> set[str]:
    names = {id(value): name for name, value in network.named_parameters()}
    return {
        stage
        for stage, part in stages_of(network).items()
        for value in part.parameters()
        if not torch.equal(value, before[names[id(value)]])
    }


def test_stages_one_after_the_other_are_the_network(start):
    values = torch.randn(3, 3, 32, 32)
    expected = start.eval()(values)
    for part in stages_of(start).values():
        values = part(values)
    assert torch.equal(values, expected)


def test_every_weight_is_in_one_stage(start):
    listed = [id(value) for part in stages_of(start).values() for value in part.parameters()]
    assert sorted(listed) == sorted(id(value) for value in start.parameters())


def test_outputs_lead_to_the_networks_own_answers(start):
    training, images = tiny_training(), tiny_images(tiny_training())
    outputs = stage_outputs(start, training, images)
    with recalibrated(start, [batch for batch, _ in training_batches(training, images, CPU)]):
        expected = predict(start, images.test, images.inputs)
        got = stages_of(start)["head"](outputs.test["layer4"])
    torch.testing.assert_close(got, expected)


def test_what_comes_after_a_stage_scores_as_the_whole_network(start):
    training = tiny_training(image_size=64)
    images = tiny_images(training)
    whole = scores_after(start, None, training, images)
    outputs = stage_outputs(start, training, images)
    for stage in ENCODER_STAGES:
        parts = scores_after(start, stage, training, after_stage(images, outputs, stage, CPU))
        # The held stages normalise by the unbiased variance, training mode by the biased one.
        assert parts[1].loss == pytest.approx(whole[1].loss, rel=0.02)


@pytest.mark.parametrize("stage", ENCODER_STAGES)
def test_frozen_stages_are_held_and_the_rest_is_trained(start, stage):
    training, images = tiny_training(), tiny_images(tiny_training())
    before = weights_of(start)
    seen = after_stage(images, stage_outputs(start, training, images), stage, CPU)
    trained_after(start, stage, training, seen, seed=26)
    assert changed_stages(start, before) == set(STAGES[STAGES.index(stage) + 1 :])


def test_frozen_part_learns_what_the_whole_network_would(start):
    training, images = tiny_training(epochs=6), tiny_images(tiny_training())
    seen = after_stage(images, stage_outputs(start, training, images), "stem", CPU)
    train, test = trained_after(start, "stem", training, seen, seed=26)
    assert train.balanced_accuracy == 1
    assert test.balanced_accuracy > 0.8


@pytest.mark.parametrize("stage", [*STAGES, "encoder"])
def test_put_back_gives_a_stage_its_start_and_nothing_else(tuned, start, stage):
    network, before = copy.deepcopy(tuned.network), weights_of(tuned.network)
    put_back(network, weights_of(start), stage)
    expected = set(ENCODER_STAGES) if stage == "encoder" else {stage}
    assert changed_stages(network, before) == expected
    assert changed_stages(network, weights_of(start)) == set(STAGES) - expected


def test_rows_are_whole_and_leave_the_fine_tuned_network_as_it_was(tuned, start):
    before = weights_of(tuned.network)
    rows = list(encoder_rows(start, tuned.network, tuned.training, tuned.images, seed=26))
    assert changed_stages(tuned.network, before) == set()
    cells = [(row["measure"], row["stage"]) for row in rows]
    assert len(cells) == len(set(cells)) == 2 * len(ENCODER_STAGES) + 1 + len(STAGES) + 1
    assert {*columns.KEYS, *rows[0]} == set(ALL_TABLES["encoder"])


def test_only_the_stages_that_are_asked_for_are_frozen(tuned, start):
    rows = list(
        encoder_rows(start, tuned.network, tuned.training, tuned.images, 26, ["layer4"], "bfloat16")
    )
    assert [row["stage"] for row in rows if row["measure"] == "frozen"] == ["layer4"]
    exact = scores_after(tuned.network, None, tuned.training, tuned.images)[1]
    [tuned_row] = [row for row in rows if row["measure"] == "fine-tuned"]
    assert tuned_row["test_loss"] == pytest.approx(exact.loss, rel=0.05)
    assert tuned_row["test_loss"] != exact.loss  # bfloat16 was used


def made_outputs(labels, features) -> Outputs:
    values = torch.from_numpy(features).float()[:, :, None, None]
    return Outputs(train={"stem": values[: len(labels)]}, test={"stem": values[len(labels) :]})


def test_probe_minimises_the_penalised_loss():
    """Against a minimisation of our own, in float64, of what the docstring says."""
    training = tiny_training()
    images = tiny_images(training)
    labels = images.train_labels.numpy()
    features = np.random.default_rng(5).normal(size=(40, 3)).astype(np.float32)
    train, test = (features[:20].astype(float), features[20:].astype(float))
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    train, test = (train - mean) / deviation, (test - mean) / deviation

    def log_probabilities(flat, values):
        weights, bias = flat[:30].reshape(3, 10), flat[30:]
        scores = values @ weights + bias
        return scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)

    def objective(flat):
        chosen = log_probabilities(flat, train)[np.arange(20), labels]
        return -chosen.sum() + 0.5 * (flat[:30] ** 2).sum()

    best = minimize(objective, np.zeros(40), method="BFGS", options={"gtol": 1e-6}).x
    expected = -log_probabilities(best, test)[np.arange(20), images.test_labels.numpy()].mean()
    found = probe(made_outputs(labels, features), images, "stem")[1].loss
    assert found == pytest.approx(expected, rel=1e-3)


def test_probe_gives_no_probability_to_a_digit_it_never_saw():
    training = tiny_training()
    images = tiny_images(training)
    images.train_labels = images.train_labels % 9
    features = np.random.default_rng(6).normal(size=(40, 4)).astype(np.float32)
    _, test = probe(made_outputs(images.train_labels, features), images, "stem")
    assert test.loss == np.inf
    assert 0 <= test.balanced_accuracy < 1
