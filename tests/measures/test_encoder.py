"""Probes, frozen stages and stages put back, on a tiny network that was really trained."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from tiny import CPU, tiny_images, tiny_run, tiny_training

from tlstudy.config.architectures import RESNET_STAGES
from tlstudy.config.tables import ALL_TABLES
from tlstudy.measures.probes import (
    after,
    encoder_rows,
    probe,
    put_back,
    scores,
    stage_outputs,
    trained_after,
    weights_of,
)
from tlstudy.networks.batchnorm import recalibrated
from tlstudy.networks.build import initial_network
from tlstudy.networks.stages import stages_of
from tlstudy.networks.trainer import Images, training_batches
from tlstudy.storage import columns

STAGES = (*RESNET_STAGES, "head")


@pytest.fixture(scope="module")
def tuned():
    return tiny_run(epochs=4)[0]


@pytest.fixture
def start():
    return initial_network(tiny_training(), 26, None)


def changed_stages(network, before) -> set[str]:
    names = {id(value): name for name, value in network.named_parameters()}
    return {
        name
        for name, stage in stages_of(network).items()
        for value in stage.parameters()
        if not torch.equal(value, before[names[id(value)]])
    }


def test_stages_one_after_the_other_are_the_network(start):
    values = torch.randn(3, 3, 32, 32)
    expected = start.eval()(values)
    for stage in stages_of(start).values():
        values = stage(values)
    assert torch.equal(values, expected)
    listed = [id(value) for stage in stages_of(start).values() for value in stage.parameters()]
    assert sorted(listed) == sorted(id(value) for value in start.parameters())


def test_outputs_lead_to_the_networks_own_answers(start):
    training, images = tiny_training(), tiny_images(tiny_training())
    outputs = stage_outputs(start, training, images)
    batches = [batch for batch, _ in training_batches(training, images, CPU)]
    with recalibrated(start, batches), torch.inference_mode():
        expected = start.eval()(images.inputs(images.test))
        got = stages_of(start)["head"](outputs["layer4"].test)
    torch.testing.assert_close(got, expected)


def test_what_comes_after_a_part_scores_as_the_whole_network(start):
    training = tiny_training(image_size=64)
    images = tiny_images(training)
    whole = scores(start, training, images)
    for stage, seen in stage_outputs(start, training, images).items():
        found = scores(after(start, stage), training, seen)
        # The held stages normalise by the unbiased variance, training mode by the biased one.
        assert found[1].loss == pytest.approx(whole[1].loss, rel=0.02)


def test_frozen_stages_are_held_and_the_rest_learns(start):
    training, images = tiny_training(epochs=6), tiny_images(tiny_training())
    before = weights_of(start)
    outputs = stage_outputs(start, training, images)
    for stage in RESNET_STAGES:
        train, test = trained_after(start, stage, training, outputs[stage], seed=26)
        assert changed_stages(start, before) == set(STAGES[STAGES.index(stage) + 1 :])
        put_back(start, before)
        assert changed_stages(start, before) == set()
        if stage == "stem":  # what the whole network would learn
            assert train.balanced_accuracy == 1
            assert test.balanced_accuracy > 0.8


@pytest.mark.parametrize("stages", [*((stage,) for stage in STAGES), RESNET_STAGES])
def test_a_stage_is_put_back_and_nothing_else(tuned, start, stages):
    network, trained = copy.deepcopy(tuned.network), weights_of(tuned.network)
    put_back(network, weights_of(start), stages)
    assert changed_stages(network, trained) == set(stages)
    assert changed_stages(network, weights_of(start)) == set(STAGES) - set(stages)


def test_rows_are_whole_and_leave_the_fine_tuned_network_as_it_was(tuned, start):
    before = weights_of(tuned.network)
    rows = list(
        encoder_rows(start, tuned.network, tuned.training, tuned.images, 26, ["layer4"], "bfloat16")
    )
    assert changed_stages(tuned.network, before) == set()
    cells = [(row["measure"], row["stage"]) for row in rows]
    assert len(cells) == len(set(cells)) == len(RESNET_STAGES) + 1 + 1 + len(STAGES) + 1
    assert {*columns.KEYS, *rows[0]} == set(ALL_TABLES["encoder"])
    assert [stage for measure, stage in cells if measure == "frozen"] == ["layer4"]
    exact = scores(tuned.network, tuned.training, tuned.images)[1]
    [tuned_row] = [row for row in rows if row["measure"] == "fine-tuned"]
    assert tuned_row["test_loss"] == pytest.approx(exact.loss, rel=0.05)
    assert tuned_row["test_loss"] != exact.loss  # bfloat16 was used


def with_features(images: Images, features: np.ndarray) -> Images:
    values = torch.from_numpy(features).float()[:, :, None, None]
    count = len(images.train_labels)
    return replace(images, train=values[:count], test=values[count:])


def test_probe_minimises_the_penalised_loss():
    """Against a minimisation of our own, in float64, of what the docstring says."""
    images = tiny_images(tiny_training())
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
    found = probe(with_features(images, features), 10)[1].loss
    assert found == pytest.approx(expected, rel=1e-3)


def test_probe_gives_no_probability_to_a_digit_it_never_saw():
    images = tiny_images(tiny_training())
    images.train_labels = images.train_labels % 9
    features = np.random.default_rng(6).normal(size=(40, 4)).astype(np.float32)
    _, test = probe(with_features(images, features), 10)
    assert test.loss == np.inf
    assert 0 <= test.balanced_accuracy < 1
