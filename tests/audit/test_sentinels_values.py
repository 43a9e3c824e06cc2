"""Sentinels of inputs, test values, layers, reporting, images and angles."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from real_runs import SEEDS, published_pretrained_run, real_run, sound_run
from sentinel_series import saw, series, skipped

from tlstudy.audit.sentinels.batchnorm import deviation_of_difference
from tlstudy.audit.sentinels.evidence import Evidence
from tlstudy.audit.sentinels.limits import DEVIATIONS
from tlstudy.audit.sentinels.registry import examine_group
from tlstudy.config.training import Training
from tlstudy.data.subset import describe_subset, draw_subset
from tlstudy.networks.geometry import changes, moments

EPOCHS = np.arange(30)
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
CAFFE = {"mean": [0.408, 0.458, 0.482], "std": [0.0039, 0.0039, 0.0039]}


@pytest.mark.parametrize(
    ("normalisation", "weights", "wrong"),
    [
        ("none", IMAGENET, True),
        ("imagenet", IMAGENET, False),
        ("weights", IMAGENET, False),
        ("imagenet", CAFFE, True),
        ("weights", CAFFE, False),
        ("none", {"mean": [0, 0, 0], "std": [1, 1, 1]}, False),
    ],
)
def test_inputs_of_pretrained_weights(normalisation, weights, wrong):
    """F8."""
    training = Training(initialisation="imagenet", normalisation=normalisation)
    evidence = Evidence(arm="pretrained", training=training, record={"weights": weights})
    assert bool(saw("inputs-not-normalised", evidence)) == wrong
    new = replace(evidence, training=Training(normalisation="none"), record={"weights": None})
    assert not saw("inputs-not-normalised", new)


def test_running_statistics_that_lag():
    """F9, on a real run of few steps: reported with running statistics, and with recomputed."""
    run = real_run(epochs=2, batchnorm="running", optimiser={"learning_rate": 0.0003})
    text = saw("batchnorm-lags", run)
    final = run.record["final"]
    assert f"{100 * final['running']['accuracy']:.1f} %" in text
    assert not saw("batchnorm-lags", replace(run, batchnorm="recalibrated"))
    columns = ["epoch", "test_accuracy_running", "test_accuracy_recalibrated", "test_images"]
    assert saw("batchnorm-lags", Evidence(arm="series", metrics=run.metrics[columns]))
    agreeing = {**run.record, "final": {name: final["running"] for name in final}}
    assert not saw("batchnorm-lags", replace(run, record=agreeing))


@pytest.mark.parametrize(
    ("first", "second", "images"), [(0.5, 0.5, 100), (0.9, 0.9, 1000), (1.0, 1.0, 50)]
)
def test_noise_is_that_of_two_independent_samples_and_never_nothing(first, second, images):
    assert deviation_of_difference(first, second, images) > 0
    samples = np.random.default_rng(0).binomial(images, [[first], [second]], (2, 20_000)) / images
    assert deviation_of_difference(first, second, images) >= 0.98 * np.std(samples[0] - samples[1])


def test_equal_networks_seldom_seem_to_lag():
    """At most 1 in 100, as the code states, though the images are the same for both."""
    generator = np.random.default_rng(0)
    found = 0
    for _ in range(2000):
        easy = generator.random(500) < 0.6  # images that both get right
        one, two = (np.where(easy, True, generator.random(500) < 0.3).mean() for _ in range(2))
        found += abs(one - two) > DEVIATIONS * deviation_of_difference(one, two, 500)
    assert found <= 20


def test_a_test_curve_that_goes_on_after_training():
    """F9, from the test curve with running statistics alone."""
    text = saw("test-changes-after-training", published_pretrained_run())
    assert "from epoch" in text
    recalibrated = replace(published_pretrained_run(), batchnorm="recalibrated")
    assert not saw("test-changes-after-training", recalibrated)


@pytest.mark.parametrize(
    ("loss", "learnt", "skips"),
    [
        (2.3 * np.exp(-EPOCHS / 2), 1 - np.exp(-EPOCHS / 2), False),
        (np.linspace(2.3, 1, 30), np.linspace(0, 1, 30), True),  # still learns
    ],
)
def test_a_test_curve_that_rests_with_training(loss, learnt, skips):
    accuracy = 0.1 + 0.6 * learnt + np.random.default_rng(0).normal(0, 0.01, 30)
    evidence = series(train_loss=loss, test_accuracy_running=accuracy, test_images=1000)
    assert ("settled" in skipped("test-changes-after-training", evidence)) == skips
    assert skips or not saw("test-changes-after-training", evidence)


def test_drift_of_adam_is_noted_and_drift_of_another_order_is_not():
    """F10: true of sound runs too, and no alarm."""
    assert "rank correlation" in saw("drift-follows-step-size", sound_run())
    layers = sound_run().layers.copy()
    generator = np.random.default_rng(0)
    wild = dict(zip(layers["layer"].unique(), generator.lognormal(0, 3, 62), strict=True))
    layers["displacement_from_previous"] = layers["layer"].map(wild)
    assert not saw("drift-follows-step-size", replace(sound_run(), layers=layers))
    run = real_run(epochs=1, optimiser={"name": "sgd", "learning_rate": 0.01})
    assert "predicted_displacement of each layer" in skipped("drift-follows-step-size", run)


def test_drift_from_the_start():
    """F11."""
    run = sound_run()
    less = replace(run, metrics=run.metrics.drop(columns="displacement_from_start"))
    assert saw("drift-from-start-unknown", less)
    assert not saw("drift-from-start-unknown", run)


def test_layers_of_one_run_only():
    """F12."""
    run = sound_run()
    pair = [run, replace(run, arm="other", layers=None)]
    findings = examine_group(pair).findings
    assert [f.sentinel for f in findings] == ["layers-of-some-runs-only"] * 2
    assert "not of other" in findings[0].saw
    assert examine_group([run, replace(run, arm="other")]).findings == []


def test_best_epoch_by_the_rule():
    """F13."""
    run = replace(published_pretrained_run(), reported_epoch="best-on-test")
    assert "balanced accuracy" in saw("best-epoch-on-test", run)
    assert not saw("best-epoch-on-test", sound_run())


@pytest.mark.parametrize(
    ("reported", "best", "elsewhere"),
    [
        ({"loss": "1.80", "balanced_accuracy": "0.60"}, True, False),
        ({"loss": "1.95", "balanced_accuracy": "0.55"}, False, False),
        ({"loss": "1.83", "balanced_accuracy": "0.60"}, True, True),
        ({"loss": "1.7"}, False, True),
    ],
)
def test_reported_values_and_their_curves(reported, best, elsewhere):
    """F13 and F14: the best epoch, the last one, or none of the curve."""
    run = series(
        test_loss_running=[2.2, 1.804, 1.951],
        test_balanced_accuracy_running=[0.2, 0.602, 0.548],
    )
    run = replace(run, reported=reported)
    assert bool(saw("best-epoch-on-test", run)) == best
    assert bool(saw("reported-value-not-in-curves", run)) == elsewhere


def drawn(drawing: str, size: int, seed: int) -> Evidence:
    labels = np.arange(60_000) % 10
    subset = describe_subset(draw_subset(labels, drawing, size, seed), labels, 10)
    return Evidence(arm=drawing, subset=subset)


def test_images_drawn_twice_and_unevenly():
    """F15, by the published draw itself; 500 of 60,000 repeat one with probability 0.87."""
    published = drawn("published", 500, 26)
    assert published.subset["duplicates"] > 0
    assert str(published.subset["duplicates"]) in saw("repeated-training-images", published)
    assert saw("uneven-classes", published)
    for size in (50, 55, 500):
        for seed in SEEDS:
            assert not saw("repeated-training-images", drawn("stratified", size, seed))
            assert not saw("uneven-classes", drawn("stratified", size, seed))


def test_compared_runs_on_other_images():
    one, other = drawn("stratified", 50, 26), drawn("stratified", 50, 27)
    found = examine_group([one, replace(other, arm="other")]).findings
    assert {finding.sentinel for finding in found} == {"other-training-images"}
    assert examine_group([one, replace(one, arm="same")]).findings == []
    twice = replace(one, arm="twice", subset={**one.subset, "indices": [1, 1, 2]})
    once = replace(one, arm="once", subset={**one.subset, "indices": [1, 2, 3]})
    for pair in ([twice, once], [once, twice]):
        assert "1 in" in examine_group(pair).findings[0].saw


def single_precision_angles(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Angles of a shrinking walk: in degrees by float32 arccosine, and by this project."""
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(2000, generator=generator)
    published, ours = [], []
    for step in 0.006 * np.exp(-0.1 * np.arange(count)):
        after = weights + float(step) * torch.randn(2000, generator=generator)
        cosine = torch.dot(weights, after) / (weights.norm() * after.norm())
        published.append(float(torch.rad2deg(torch.arccos(cosine.clamp(-1, 1)))))
        ours.append(float(changes(moments([weights], [after])[0])["angle"]))
        weights = after
    return np.array(published), np.array(ours)


@pytest.mark.parametrize("seed", range(5))
def test_angles_by_single_precision_arccosine(seed):
    """F16, and the same weights with this project's formula."""
    published, ours = single_precision_angles(30, seed)
    assert "whole k" in saw("angles-below-resolution", series(angle_from_previous=published))
    assert not saw("angles-below-resolution", series(angle_from_previous=ours))


@settings(max_examples=200, deadline=None)
@given(st.floats(1e-4, 5), st.floats(0.5, 1.2), st.integers(6, 60), st.integers(0, 2**32 - 1))
def test_smooth_angles_have_no_steps(first, factor, count, seed):
    angles = first * factor ** np.arange(count)
    angles *= np.exp(np.random.default_rng(seed).normal(0, 0.1, count))
    assert not saw("angles-below-resolution", series(angle_from_previous=angles))


FALLING = [0.31234, 0.0, 0.2111]
LOGGED = [5.12, 1.03, 0.12, 0.01, 0.0, 0.0]


@pytest.mark.parametrize(
    ("angles", "displacements", "found"),
    [
        (FALLING, None, True),
        (FALLING, [0.01, 0.008, 0.006], True),
        (FALLING, [0.01, 0, 0.006], False),  # at rest where the angle is 0
        ([0.31234, 0.2111, 0.0, 0.0], None, False),
        (np.zeros(30), None, False),
        (LOGGED, [0.1] * 6, False),  # printed with few digits
    ],
)
def test_angles_that_are_zero_although_the_weights_moved(angles, displacements, found):
    columns = {"angle_from_previous": angles}
    if displacements:
        columns["displacement_from_previous"] = displacements
    assert bool(saw("angles-below-resolution", series(**columns))) == found


def test_a_part_without_values_is_missing():
    empty = Evidence(
        arm="empty", metrics=pd.DataFrame({"epoch": [1], "angle_from_previous": [np.nan]})
    )
    assert skipped("angles-below-resolution", empty) == "column angle_from_previous"
