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

from tlstudy.audit.sentinels import Evidence, examine_group
from tlstudy.audit.sentinels.batchnorm import SIGNIFICANT, noise
from tlstudy.config.settings import Training
from tlstudy.data.subset import describe_subset, draw_subset
from tlstudy.networks.geometry import changes, moments

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


def test_inputs_of_a_new_network_may_be_anything():
    new = Evidence(arm="new", training=Training(normalisation="none"), record={"weights": None})
    assert saw("inputs-not-normalised", new) is None


def test_running_statistics_that_lag():
    """F9, on a real run of few steps: reported with running statistics, and with recomputed."""
    run = real_run(epochs=2, batchnorm="running", optimiser={"learning_rate": 0.0003})
    text = saw("batchnorm-lags", run)
    final = run.record["final"]
    assert f"{100 * final['running']['accuracy']:.1f} %" in text
    assert saw("batchnorm-lags", replace(run, batchnorm="recalibrated")) is None
    columns = ["epoch", "test_accuracy_running", "test_accuracy_recalibrated", "test_images"]
    assert saw("batchnorm-lags", Evidence(arm="series", metrics=run.metrics[columns]))


def test_statistics_that_agree_do_not_lag():
    run = published_pretrained_run()
    final = {name: run.record["final"]["recalibrated"] for name in ("running", "recalibrated")}
    assert saw("batchnorm-lags", replace(run, record={**run.record, "final": final})) is None


@pytest.mark.parametrize(
    ("first", "second", "images"), [(0.5, 0.5, 100), (0.9, 0.9, 1000), (1.0, 1.0, 50)]
)
def test_noise_is_that_of_two_independent_samples_and_never_nothing(first, second, images):
    assert noise(first, second, images) > 0
    samples = np.random.default_rng(0).binomial(images, [[first], [second]], (2, 20_000)) / images
    assert noise(first, second, images) >= 0.98 * np.std(samples[0] - samples[1])


def test_equal_networks_seldom_seem_to_lag():
    """At most 1 in 100, as the code states, though the images are the same for both."""
    generator = np.random.default_rng(0)
    found = 0
    for _ in range(2000):
        easy = generator.random(500) < 0.6  # images that both get right
        one, two = (np.where(easy, True, generator.random(500) < 0.3).mean() for _ in range(2))
        found += abs(one - two) > SIGNIFICANT * noise(one, two, 500)
    assert found <= 20


def test_a_test_curve_that_goes_on_after_training():
    """F9, from the test curve with running statistics alone."""
    text = saw("test-changes-after-training", published_pretrained_run())
    assert "from epoch" in text
    recalibrated = replace(published_pretrained_run(), batchnorm="recalibrated")
    assert saw("test-changes-after-training", recalibrated) is None


def test_a_test_curve_that_rests_with_training():
    epochs = np.arange(30)
    learnt = 1 - np.exp(-epochs / 2)
    accuracy = 0.1 + 0.6 * learnt + np.random.default_rng(0).normal(0, 0.01, 30)
    evidence = series(
        train_loss=2.3 * np.exp(-epochs / 2), test_accuracy_running=accuracy, test_images=1000
    )
    assert saw("test-changes-after-training", evidence) is None


def test_a_test_curve_of_a_run_that_still_learns_is_skipped():
    evidence = series(
        train_loss=np.linspace(2.3, 1, 30),
        test_accuracy_running=np.linspace(0.1, 0.5, 30),
        test_images=1000,
    )
    assert "settled" in skipped("test-changes-after-training", evidence)


@pytest.mark.parametrize("seed", SEEDS)
def test_drift_of_adam_is_noted_and_is_no_alarm(seed):
    """F10: true of sound runs too."""
    text = saw("drift-follows-step-size", sound_run(seed))
    assert "rank correlation" in text


def test_drift_that_does_not_follow_the_step_size():
    layers = sound_run().layers.copy()
    generator = np.random.default_rng(0)
    wild = dict(zip(layers["layer"].unique(), generator.lognormal(0, 3, 62), strict=True))
    layers["displacement_from_previous"] = layers["layer"].map(wild)
    assert saw("drift-follows-step-size", replace(sound_run(), layers=layers)) is None


def test_no_step_size_is_predicted_of_gradient_descent():
    run = real_run(epochs=1, optimiser={"name": "sgd", "learning_rate": 0.01})
    assert "predicted_displacement of each layer" in skipped("drift-follows-step-size", run)


def test_drift_from_the_start():
    """F11."""
    run = sound_run()
    assert saw("drift-from-start-unknown", run) is None
    less = replace(run, metrics=run.metrics.drop(columns="displacement_from_start"))
    assert saw("drift-from-start-unknown", less)


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
    assert saw("best-epoch-on-test", sound_run()) is None


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
    subset = describe_subset(draw_subset(labels, drawing, size, seed), labels)
    return Evidence(arm=drawing, subset=subset)


def test_images_drawn_twice_and_unevenly():
    """F15, by the published draw itself; 500 of 60,000 repeat one with probability 0.87."""
    published = drawn("published", 500, 26)
    assert published.subset["duplicates"] > 0
    assert str(published.subset["duplicates"]) in saw("repeated-training-images", published)
    assert saw("uneven-classes", published)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("size", [50, 55, 500])
def test_stratified_images_are_even_and_distinct(size, seed):
    assert saw("repeated-training-images", drawn("stratified", size, seed)) is None
    assert saw("uneven-classes", drawn("stratified", size, seed)) is None


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
    assert saw("angles-below-resolution", series(angle_from_previous=ours)) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_angles_of_sound_runs(seed):
    assert saw("angles-below-resolution", sound_run(seed)) is None


@settings(max_examples=200, deadline=None)
@given(st.floats(1e-4, 5), st.floats(0.5, 1.2), st.integers(6, 60), st.integers(0, 2**32 - 1))
def test_smooth_angles_have_no_steps(first, factor, count, seed):
    angles = first * factor ** np.arange(count)
    angles *= np.exp(np.random.default_rng(seed).normal(0, 0.1, count))
    assert saw("angles-below-resolution", series(angle_from_previous=angles)) is None


def test_angles_that_are_zero_although_the_weights_moved():
    angles, steps = [0.31234, 0.0, 0.2111], [0.01, 0.008, 0.006]
    assert saw("angles-below-resolution", series(angle_from_previous=angles))
    moved = series(angle_from_previous=angles, displacement_from_previous=steps)
    assert saw("angles-below-resolution", moved)
    rested = series(angle_from_previous=angles, displacement_from_previous=[0.01, 0, 0.006])
    assert saw("angles-below-resolution", rested) is None


def test_angles_that_were_printed_with_few_digits_are_no_rounding_of_their_arithmetic():
    printed = [5.12, 1.03, 0.12, 0.01, 0.0, 0.0]
    log = series(angle_from_previous=printed, displacement_from_previous=[0.1] * 6)
    assert saw("angles-below-resolution", log) is None


def test_angles_of_weights_that_never_moved_are_no_rounding():
    assert saw("angles-below-resolution", series(angle_from_previous=np.zeros(30))) is None
    ended = series(angle_from_previous=[0.31234, 0.2111, 0.0, 0.0])
    assert saw("angles-below-resolution", ended) is None


def test_a_part_without_values_is_missing():
    empty = Evidence(
        arm="empty", metrics=pd.DataFrame({"epoch": [1], "angle_from_previous": [np.nan]})
    )
    assert skipped("angles-below-resolution", empty) == "column angle_from_previous"
