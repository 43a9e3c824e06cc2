"""Features by stage: measures against independent computation and known cases."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.linear_model import BayesianRidge
from tiny import tiny_images, tiny_run, tiny_training

from tlstudy.config.architecture_setting import check_architecture
from tlstudy.measures.features import PIXELS, Features, measure
from tlstudy.measures.pixels import pixels
from tlstudy.measures.stage_features import (
    PENALTIES,
    batches_of,
    channels_last,
    debiased_cka,
    log_evidence,
    outputs_by_stage,
    participation_ratio,
    reconstruction,
    shared_dimensions,
    stage_features,
    without_positions,
)
from tlstudy.networks.build import initial_network
from tlstudy.networks.evaluation import predict
from tlstudy.networks.fine_tuned import FineTuned
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


def test_shared_dimensions_are_those_left_where_equally_strong_ones_are_dropped():
    """Nested selection shares all that is left; the same number of new directions shares none."""
    before = GENERATOR.normal(size=(20000, 12))
    kept, new = np.zeros((2, 20000, 12))
    kept[:, :3] = before[:, :3]
    before[:, 9:], new[:, 9:] = 0, before[:, :3]
    assert shared_dimensions(before, kept) == pytest.approx(participation_ratio(kept), rel=0.05)
    assert shared_dimensions(before, new) == pytest.approx(0, abs=1e-9)


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


def test_reconstruction_is_ridge_regression_with_each_image_left_out():
    """Solved for each penalty and each image left out, with no shortcut."""
    features, test_features = GENERATOR.normal(size=(12, 20)), GENERATOR.normal(size=(7, 20))
    mixing = GENERATOR.normal(size=(20, 6))
    pixels, test_pixels = (
        each @ mixing + 3 * GENERATOR.normal(size=(len(each), 6))
        for each in (features, test_features)
    )

    def decoded(shown, seen, asked, penalty):
        centre, middle = shown.mean(axis=0), seen.mean(axis=0)
        inner = (shown - centre).T @ (shown - centre) + penalty * np.eye(20)
        weights = np.linalg.solve(inner, (shown - centre).T @ (seen - middle))
        return (asked - centre) @ weights + middle

    scale = np.sqrt(features.var(axis=0).sum())
    errors = []
    for penalty in PENALTIES:
        left_out = []
        for one in range(12):
            others = np.arange(12) != one
            found = decoded(
                features[others] / scale, pixels[others], features[[one]] / scale, penalty
            )
            left_out.append(((pixels[one] - found) ** 2).sum())
        errors.append(np.sum(left_out))
    best = PENALTIES[int(np.argmin(errors))]
    assert PENALTIES[0] < best < PENALTIES[-1]
    found = decoded(features / scale, pixels, test_features / scale, best)
    rest = ((test_pixels - found) ** 2).sum() / ((test_pixels - pixels.mean(axis=0)) ** 2).sum()
    arguments = (pixels, test_features, test_pixels)
    assert reconstruction(features, *arguments) == pytest.approx(1 - rest)
    assert reconstruction(9 * features, pixels, 9 * test_features, test_pixels) == pytest.approx(
        1 - rest
    )


def test_features_that_are_the_pixels_reconstruct_them_and_constant_ones_the_mean():
    pixels, test_pixels = GENERATOR.normal(size=(40, 5)), GENERATOR.normal(size=(30, 5))
    assert reconstruction(pixels, pixels, test_pixels, test_pixels) == pytest.approx(1, abs=1e-3)
    constant = reconstruction(np.ones((40, 3)), pixels, np.ones((30, 3)), test_pixels)
    assert constant == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("shape", [(4, 28, 28), (4, 3, 28, 28)])
def test_small_pixels_are_means_of_squares(shape):
    raw = torch.from_numpy(GENERATOR.integers(0, 256, shape, dtype=np.uint8))
    found = pixels(raw, PIXELS).reshape(*shape[:-2], 14, 14)
    first = raw[..., :2, 2:4].double().mean(dim=(-1, -2)) / 255
    np.testing.assert_allclose(found[..., 0, 1], first, rtol=1e-5)
    assert pixels(torch.zeros(2, 8, 8, dtype=torch.uint8), PIXELS).shape == (2, 196)


def test_features_lead_to_the_networks_own_answers():
    trainer, _ = tiny_run(epochs=1)
    network, images = trainer.network, trainer.images
    found = stage_features(network, images, images.test, batches_of(images, images.train))
    assert list(found) == ["stem", "layer1", "layer2", "layer3", "layer4"]
    assert found["layer4"].shape == (20, 512)
    head = list(stages_of(network))[-1]
    assert head == "head"
    with torch.inference_mode():
        logits = network.fc(found["layer4"].float())
    assert logits.shape == predict(network, images.test, images.inputs).shape


def measured(trainer, images) -> dict:
    """Values of the measurement by measure and stage, of a network before training as after it."""
    weights = torch.cat([weight.detach().flatten() for weight in trainer.network.parameters()])
    tuned = FineTuned(
        run=SimpleNamespace(seed=0),
        record={"status": "finished"},
        training=trainer.training,
        evaluation=None,
        images=images,
        train_losses=[],
        vectors={"start": weights, "end": weights},
        pretrained=None,
        device=torch.device("cpu"),
    )
    rows = measure(tuned, Features(test_images=20))
    return {(row["measure"], row["stage"]): row["value"] for row in rows}


def test_training_images_of_a_narrow_range_do_not_change_how_test_features_lie():
    trainer, _ = tiny_run(epochs=1)
    images = trainer.images
    narrow = measured(trainer, replace(images, train=images.train // 32))
    whole = measured(trainer, images)
    for name in ("dimensions-before", "dimensions-after", "shared-dimensions", "similarity"):
        assert narrow[name, "layer4"] == pytest.approx(whole[name, "layer4"], rel=1e-6)
    # Known before a test image is seen, so of the training images alone.
    assert narrow["log-evidence", "layer4"] != pytest.approx(whole["log-evidence", "layer4"])
    assert whole["similarity", "layer4"] == pytest.approx(1)


def test_positions_are_averaged_wherever_they_stand():
    values = torch.randn(2, 5, 5, 7)
    torch.testing.assert_close(without_positions(values), values.mean(dim=(1, 2)))
    values = torch.randn(2, 7, 5, 5)
    torch.testing.assert_close(without_positions(values), values.mean(dim=(2, 3)))
    torch.testing.assert_close(without_positions(values[..., 0]), values[..., 0].mean(dim=1))
    assert without_positions(values[..., 0, 0]).shape == (2, 7)


def test_as_many_channels_as_pixels_a_side_lie_where_the_network_has_its_channels():
    """As after the first stages of swin_t at 384 pixels: 96 x 96 with 96 channels."""
    alike = torch.randn(2, 6, 6, 6)
    for other, dims in ((torch.empty(2, 3, 3, 12), (1, 2)), (torch.empty(2, 12, 3, 3), (2, 3))):
        last = channels_last([alike, other, torch.empty(2, 12)])
        torch.testing.assert_close(without_positions(alike, last), alike.mean(dim=dims))


def test_what_a_stage_changes_in_place_stays_as_the_stage_before_gave_it():
    network = initial_network(
        tiny_training(architecture=check_architecture({"python": "own_networks:in_place"})),
        1,
        None,
    ).eval()
    images = tiny_images(tiny_training())
    found = outputs_by_stage(network, images, images.test)
    with torch.no_grad():
        torch.testing.assert_close(found["0"], network[0](images.inputs(images.test)))
