"""Sentinels of the training itself: each on a real run with the flaw, and on one without."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from real_runs import (
    SEEDS,
    evidence_of,
    published_new_run,
    published_pretrained_run,
    real_run,
    sound_run,
    trainer_of,
)
from sentinel_series import saw, series, skipped

from tlstudy.audit.sentinels.evidence import Evidence
from tlstudy.audit.sentinels.registry import examine
from tlstudy.audit.sentinels.softmax import softmax_floor

LN10, FLOOR = np.log(10), softmax_floor(10)
EPOCHS = np.arange(1, 31)
SUMS = np.cumsum(np.random.default_rng(0).normal(1, 0.5, (30, 1000)), axis=0)
WRONG_FOR_GOOD = np.r_[0.1, 0.3, 0.5, np.full(12, 0.62)]
ALL_0_OR_1 = np.r_[2.30, 2.15, 1.99, FLOOR + 1 - WRONG_FOR_GOOD[3:] - 0.008]


def names(evidence: Evidence) -> set[str]:
    return {finding.sentinel for finding in examine(evidence).findings if finding.is_alarm}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_sound_run_raises_no_alarm(seed):
    run = sound_run(seed)
    result = examine(run)
    assert [finding for finding in result.findings if finding.is_alarm] == []
    assert len(result.ran) >= 16
    looked = {"gradients-add-up", "train-loss-did-not-fall", "diverged", "no-weight-moved"}
    looked |= {"path-without-plane", "path-like-a-random-walk"}
    assert looked | {"loss-of-softmax-outputs", "test-accuracy-of-guessing"} <= set(result.ran)
    shares = run.record["trajectory"]["explained_variance"]
    assert shares[0] > 0.85  # as the code states of the audit study's runs


def test_the_published_mistakes_of_the_new_network_are_found():
    """F1, F2, F3 and F7."""
    assert {
        "no-weight-moved",
        "train-loss-did-not-fall",
        "test-accuracy-of-guessing",
        "gradients-add-up",
        "path-without-plane",
        "loss-of-softmax-outputs",
    } <= names(published_new_run())
    assert "to the power 1.000" in saw("gradients-add-up", published_new_run())
    assert "guessing gives 10.0 %" in saw("test-accuracy-of-guessing", published_new_run())
    assert "1.4612 to 2.4612" in saw("loss-of-softmax-outputs", published_new_run())
    assert not saw("gradients-add-up", published_pretrained_run())


@pytest.mark.parametrize("column", ["displacement_from_start", "displacement_from_previous"])
def test_weights_that_never_moved(column):
    """F1."""
    for evidence, still in ((published_new_run(), True), (sound_run(), False)):
        known = replace(evidence, metrics=evidence.metrics[["epoch", column]])
        assert bool(saw("no-weight-moved", known)) == still


@pytest.mark.parametrize(
    ("name", "columns", "expected"),
    [
        # A displacement of one bit is a movement.
        ("no-weight-moved", {"displacement_from_start": [0.0, np.nextafter(0, 1)]}, None),
        ("no-weight-moved", {"displacement_from_start": [0.0, 0.0]}, "exactly 0"),
        # Sums of gradients that agree only in part: their norm still grows with the epoch.
        ("gradients-add-up", {"gradient_norm": np.linalg.norm(SUMS, axis=1)}, "to the power"),
        ("gradients-add-up", {"gradient_norm": [1.0, 2.0, np.nan, 4.0, 5.0, 6.0]}, "1.000"),
        ("gradients-add-up", {"gradient_norm": [1.0, 2.0, 3.0, 4.0, 5.0 * 1.09]}, "to the power"),
        ("gradients-add-up", {"gradient_norm": [1.0, 2.0, 3.0, 4.0, 6.5]}, None),
        ("gradients-add-up", {"gradient_norm": [5.0, 4.0, 3.0, 2.0, 1.0]}, None),
        ("gradients-add-up", {"gradient_norm": np.zeros(5)}, None),
        ("gradients-add-up", {"gradient_norm": 5 / EPOCHS}, None),
        ("gradients-add-up", {"gradient_norm": np.full(30, 3.0)}, None),
        ("gradients-add-up", {"gradient_norm": np.exp(0.1 * EPOCHS)}, None),  # explodes
        ("gradients-add-up", {"gradient_norm": np.exp(-0.1 * EPOCHS)}, None),
        ("gradients-add-up", {"gradient_norm": np.sqrt(EPOCHS)}, None),
        ("gradients-add-up", {"gradient_norm": EPOCHS**2}, None),
        ("gradients-add-up", {"gradient_norm": 9 + EPOCHS}, None),  # a line, but not from zero
        ("gradients-add-up", {"gradient_norm": np.minimum(EPOCHS, 8)}, None),  # levels off
        (
            "train-loss-did-not-fall",
            {"train_loss": LN10 * (1 + np.random.default_rng(0).normal(0, 0.005, 30))},
            "in the first epoch",
        ),
        ("train-loss-did-not-fall", {"train_loss": [2.4, 2.7, 2.5, 1.8, 1.4]}, None),
        ("diverged", {"train_loss": [2.3, 5.0, np.inf, 1.0]}, "epoch 3"),
        ("diverged", {"train_loss": [2.3, 5.0, np.nan]}, None),  # not logged
        ("diverged", {"train_loss": [2.3, np.nan, 1.0]}, None),  # not logged
        (
            "diverged",
            {"gradient_norm": [1.0, np.inf]},
            "gradient_norm is infinite or nan in epoch 2",
        ),
        # Softmax outputs that are all 0 or 1 but not all right: some digits stay wrong for good.
        (
            "loss-of-softmax-outputs",
            {"train_loss": ALL_0_OR_1, "train_accuracy": WRONG_FOR_GOOD},
            "less the accuracy",
        ),
        ("loss-of-softmax-outputs", {"train_loss": ALL_0_OR_1}, None),
    ],
)
def test_series_alone(name, columns, expected):
    found = saw(name, series(**columns))
    assert expected in found if expected else not found


@pytest.mark.parametrize(
    ("name", "evidence", "needed"),
    [
        (
            "gradients-add-up",
            series(gradient_norm=[1.0, 2.0, 3.0, 4.0]),
            "5 epochs with gradient_norm, found 4",
        ),
        ("train-loss-did-not-fall", series(train_loss=[2.3, 2.3]), "3 epochs with train_loss"),
        # A loss that was never logged is no sound one.
        ("diverged", series(train_loss=[np.nan, np.nan]), "column train_loss or gradient_norm"),
        ("test-accuracy-of-guessing", series(test_accuracy_running=[0.1]), "test_images"),
        (
            "test-accuracy-of-guessing",
            replace(
                series(test_accuracy_running=[0.1]),
                record={"final": {}, "final_test_images": 100},
            ),
            "and its test images",
        ),
    ],
)
def test_too_little_is_skipped_and_says_what_it_needs(name, evidence, needed):
    assert needed in skipped(name, evidence)


def test_weights_that_the_optimiser_does_not_hold():
    """F1 in part: also tensors that start at zero, of which there is no displacement."""
    trainer = trainer_of(epochs=1)
    held = [p for name, p in trainer.network.named_parameters() if "layer1" not in name]
    trainer.optimiser = torch.optim.Adam(held, lr=0.001)
    evidence = evidence_of(trainer, 26)
    left_out = [name for name, _ in trainer.network.named_parameters() if "layer1" in name]
    text = saw("some-weights-never-moved", evidence)
    assert text.startswith(f"{len(left_out)} of 62 weight tensors")
    assert left_out[0] in text
    biases = evidence.layers[evidence.layers["layer"] == "layer1.0.bn1.bias"]
    assert biases["displacement_from_start"].isna().all()
    assert not saw("no-weight-moved", evidence)


@pytest.mark.parametrize("trained", ["head", {"top_k": 0.01}])
def test_weights_that_are_held_on_purpose_are_no_alarm(trained):
    evidence = evidence_of(trainer_of(epochs=1, trained=trained), 26)
    assert not saw("some-weights-never-moved", evidence)


@pytest.mark.parametrize("dead", [slice(0, 32), slice(None)])
def test_dead_units_are_no_dead_layer(dead):
    """A tensor has moved if one of its weights has; one behind dead units alone has not."""
    trainer = trainer_of(epochs=1)
    with torch.no_grad():
        block = trainer.network.layer1[0]
        block.bn1.weight[dead], block.bn1.bias[dead] = 0.0, -1.0
    trainer.moves.start = trainer.moves.previous = [p.detach().clone() for p in trainer.weights]
    text = saw("some-weights-never-moved", evidence_of(trainer, 26))
    if dead == slice(None):
        assert text.startswith("5 of 62")  # and the BatchNorm around them, but for the last bias
        assert {"layer1.0.conv1.weight", "layer1.0.conv2.weight"} <= set(
            text.split(": ")[1].split(", ")
        )
    else:
        assert not text


def test_norms_that_wander_at_random_seldom_look_as_if_they_added_up():
    """The rate that the code states: at most 3 in 10,000 with five epochs."""
    generator = np.random.default_rng(0)
    found = sum(
        bool(saw("gradients-add-up", series(gradient_norm=np.exp(steps.cumsum()))))
        for size in (0.1, 0.3, 0.6, 1.0)
        for steps in generator.normal(0, size, (500, 5))
    )
    assert found <= 3


def test_a_run_that_diverged():
    evidence = real_run(epochs=3, optimiser={"name": "sgd", "learning_rate": 1e30})
    assert evidence.record["status"] == "diverged"
    assert names(evidence) >= {"diverged"}
    lost = evidence.metrics["epoch"][evidence.metrics["train_loss"].isna()].tolist()
    assert saw("diverged", replace(evidence, record=None, not_finite={"train_loss": lost}))


def test_a_run_that_diverged_in_its_last_epoch_has_no_final_accuracy():
    final = {"running": {"accuracy": None}, "recalibrated": {"accuracy": None}}
    record = {"status": "diverged", "final": final, "final_test_images": 100}
    result = examine(replace(series(train_loss=[2.3, np.nan]), record=record))
    assert "diverged" in {finding.sentinel for finding in result.findings}
    assert "a test accuracy" in result.skipped["test-accuracy-of-guessing"]


@pytest.mark.parametrize("accuracy", [True, False])
def test_softmax_outputs_by_the_loss_alone(accuracy):
    """F7."""
    run = published_pretrained_run()
    columns = ["epoch", "train_loss", *(["train_accuracy"] if accuracy else [])]
    for settings in (None, sound_run().training):  # a softmax that the settings do not know of
        bare = replace(run, metrics=run.metrics[columns], training=settings)
        assert "rests on 1.4611" in saw("loss-of-softmax-outputs", bare)
        sound = replace(sound_run(), metrics=sound_run().metrics[columns], training=settings)
        assert not saw("loss-of-softmax-outputs", sound)


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_the_floor_is_that_of_the_cross_entropy(classes):
    outputs = torch.zeros(1, classes, dtype=torch.float64)
    outputs[0, 0] = 1
    for label, loss in ((0, softmax_floor(classes)), (1, softmax_floor(classes) + 1)):
        expected = torch.nn.functional.cross_entropy(outputs, torch.tensor([label]))
        assert loss == pytest.approx(float(expected), abs=1e-12)


@pytest.mark.parametrize(
    ("loss", "accuracy"),
    [
        # Passes through the floor on its way down.
        (2.3 * np.exp(-0.1 * np.arange(30)), np.linspace(0.1, 1, 30)),
        # Is on its way at the end, near the floor.
        (2.4 - 0.03 * np.arange(31), np.linspace(0.1, 0.55, 31)),
        # Levels off at the floor with half of the images wrong: no softmax does.
        (np.r_[2.3, 1.9, 1.6, np.full(20, 1.463)], np.r_[0.1, 0.3, 0.4, np.full(20, 0.5)]),
        # Levels off at another height.
        (np.r_[2.3, 1.9, np.full(20, 1.7)], np.r_[0.1, 0.3, np.full(20, 0.4)]),
        # Learns nothing: ln 10 is within the bounds too.
        (np.full(30, LN10), np.full(30, 0.16)),
        # Starts above the bounds.
        (np.r_[2.6, np.full(20, 1.4615)], np.r_[0.1, np.full(20, 1.0)]),
    ],
)
def test_losses_of_logits_within_the_bounds_are_no_softmax(loss, accuracy):
    evidence = series(train_loss=loss, train_accuracy=accuracy)
    assert not saw("loss-of-softmax-outputs", evidence)


@pytest.mark.parametrize(
    ("accuracy", "images", "classes", "guesses"),
    [
        (0.2, 20, 10, True),
        (0.2, 1000, 10, False),
        (0.2, 1000, 5, True),
        (0.02, 1000, 10, True),  # worse than guessing
        (0.02, 1000, 100, False),
    ],
)
def test_guessing_depends_on_the_number_of_images_and_of_classes(
    accuracy, images, classes, guesses
):
    evidence = series(test_accuracy_running=[accuracy], test_images=[images])
    evidence = replace(evidence, classes=classes)
    assert bool(saw("test-accuracy-of-guessing", evidence)) == guesses


def test_a_network_guesses_if_it_does_with_either_statistics():
    """Unless it is known which are reported."""
    known = series(
        test_accuracy_running=[0.1], test_accuracy_recalibrated=[0.7], test_images=[1000]
    )
    assert not saw("test-accuracy-of-guessing", known)
    assert saw("test-accuracy-of-guessing", replace(known, batchnorm="running"))


def test_a_network_that_guesses_is_found_with_the_stated_probability():
    generator = np.random.default_rng(0)
    right = generator.binomial(1000, 0.1, 500) / 1000
    found = sum(
        bool(
            saw("test-accuracy-of-guessing", series(test_accuracy_running=[p], test_images=[1000]))
        )
        for p in right
    )
    assert found >= 480  # 97.5 % or more of them


def test_a_network_that_always_answers_the_largest_class_guesses():
    final = {"recalibrated": {"accuracy": 0.9, "balanced_accuracy": 0.5}}
    record = {"final": final, "final_test_images": 1000}
    evidence = Evidence(arm="one", record=record, batchnorm="recalibrated", classes=2)
    told = saw("test-accuracy-of-guessing", evidence)
    assert told.startswith("the balanced test accuracy at the end is 50.0 % of 1000 images")
    final["recalibrated"]["balanced_accuracy"] = 0.8
    assert not saw("test-accuracy-of-guessing", evidence)


def test_guessing_on_unequal_classes_is_seen_beside_a_training_that_works():
    epochs = {
        "train_accuracy": [0.9, 0.95, 1.0],
        "train_balanced_accuracy": [0.5, 0.8, 1.0],
        "test_accuracy_running": [0.9] * 3,
        "test_balanced_accuracy_running": [0.5] * 3,
    }
    evidence = replace(series(**epochs), classes=2)
    assert saw("test-guesses-though-training-does-not", evidence)
    sound = {**epochs, "test_balanced_accuracy_running": [0.5, 0.7, 0.9]}
    evidence = replace(series(**sound), classes=2)
    assert not saw("test-guesses-though-training-does-not", evidence)
