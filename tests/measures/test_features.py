"""Features by stage: measures against independent computation and known cases."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.linear_model import BayesianRidge
from tiny import tiny_run

from tlstudy.measures.stage_features import (
    debiased_cka,
    log_evidence,
    participation_ratio,
    shared_dimensions,
    stage_features,
)
from tlstudy.networks.evaluation import predict
from tlstudy.networks.stages import stages_of

GENERATOR = np.random.default_rng(0)


def test_dimensions_are_as_many_as_vary_alike():
    values = np.zeros((5000, 10))
    values[:, :4] = GENERATOR.normal(size=(5000, 4))
    assert participation_ratio(values) == pytest.approx(4, rel=0.02)
    assert participation_ratio(values * 7) == pytest.approx(participation_ratio(values))


def test_shared_dimensions_of_equal_and_of_apart_features():
    values = GENERATOR.normal(size=(200, 6))
    assert shared_dimensions(values, 3 * values) == pytest.approx(participation_ratio(values))
    one, other = values.copy(), values.copy()
    one[:, 3:], other[:, :3] = 0, 0
    assert shared_dimensions(one, other) == pytest.approx(0, abs=1e-12)
    both = shared_dimensions(values, one)
    spectra = [np.linalg.eigh(np.cov(each.T) / np.trace(np.cov(each.T))) for each in (values, one)]
    (first, basis), (second, other_basis) = spectra
    overlap = sum(
        a * b * (basis[:, i] @ other_basis[:, j]) ** 2
        for i, a in enumerate(first)
        for j, b in enumerate(second)
    )
    assert both == pytest.approx(overlap / (first**2).sum() / (second**2).sum())


def test_similarity_has_no_bias_where_features_are_unrelated():
    found = [
        debiased_cka(GENERATOR.normal(size=(50, 500)), GENERATOR.normal(size=(50, 500)))
        for _ in range(40)
    ]
    assert np.mean(found) == pytest.approx(0, abs=0.03)
    values = GENERATOR.normal(size=(50, 20))
    rotation, _ = np.linalg.qr(GENERATOR.normal(size=(20, 20)))
    assert debiased_cka(values, 5 * values @ rotation + 3) == pytest.approx(1)


def test_similarity_agrees_with_sums_over_distinct_images():
    """The unbiased HSIC is a mean over quadruples of distinct images (Song et al. 2012)."""
    first, second = GENERATOR.normal(size=(6, 2)), GENERATOR.normal(size=(6, 3))

    def hsic(one, other):
        total, count = 0.0, 0
        for i in range(6):
            for j in range(6):
                for q in range(6):
                    for r in range(6):
                        if len({i, j, q, r}) == 4:
                            pairs = other[i, j] + other[q, r] - 2 * other[i, q]
                            total, count = total + one[i, j] * pairs, count + 1
        return total / count

    kernels = [each @ each.T for each in (first, second)]
    one, other = kernels
    expected = hsic(one, other) / np.sqrt(hsic(one, one) * hsic(other, other))
    assert debiased_cka(first, second) == pytest.approx(expected)


def test_evidence_is_the_density_of_the_labels():
    features, labels = GENERATOR.normal(size=(30, 5)), np.arange(30) % 3
    expected = []
    for label in range(3):
        target = (labels == label).astype(float)
        fit = BayesianRidge(fit_intercept=False, max_iter=1000).fit(features, target)
        covariance = np.eye(30) / fit.alpha_ + features @ features.T / fit.lambda_
        expected.append(multivariate_normal.logpdf(target, np.zeros(30), covariance) / 30)
    assert log_evidence(features, labels) == pytest.approx(np.mean(expected), abs=1e-3)


def test_evidence_is_higher_where_features_tell_the_classes():
    labels = np.arange(60) % 3
    telling = np.eye(3)[labels] + GENERATOR.normal(scale=0.1, size=(60, 3))
    assert log_evidence(telling, labels) > log_evidence(GENERATOR.normal(size=(60, 3)), labels)


def test_features_lead_to_the_networks_own_answers():
    trainer, _ = tiny_run(epochs=1)
    network, images = trainer.network, trainer.images
    found = stage_features(network, trainer.training, images, images.test)
    assert list(found) == ["stem", "layer1", "layer2", "layer3", "layer4"]
    assert found["layer4"].shape == (20, 512)
    head = list(stages_of(network))[-1]
    assert head == "head"
    with torch.inference_mode():
        logits = network.fc(found["layer4"].float())
    assert logits.shape == predict(network, images.test, images.inputs).shape
