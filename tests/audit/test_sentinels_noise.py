"""Sound curves with nothing but noise seldom raise an alarm: simulated with seeds of their own."""

from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
from sentinel_series import BY_NAME

from tlstudy.audit.sentinels.evidence import Evidence, TooLittleError
from tlstudy.audit.sentinels.trends import chance_after_least, decline

RUNS = 150  # of each kind; 2 % of them are 3
LOOKED = ("test-changes-after-training", "test-accuracy-fell", "overfitting")
EPOCHS = (5, 8, 12, 20, 30, 50)


def alarms(run: Evidence) -> list[str]:
    """What the sentinels saw that are put to the test; the others look at something else."""
    ready = [BY_NAME[name] for name in LOOKED if not BY_NAME[name].lacks(run)]
    texts = []
    for sentinel in ready:
        with suppress(TooLittleError):
            texts += filter(None, [sentinel.saw(run)])
    return texts


def simulated(kind: str, images: int, known: bool, dice: np.random.Generator) -> Evidence:
    """Losses that rest with little noise, and a test accuracy with that of its images."""
    count = int(dice.choice(EPOCHS))
    epoch = np.arange(1, count + 1)
    top = dice.uniform(0.6, 0.97)
    pace = dice.uniform(1, max(2, count / 5))
    left = np.exp(-(epoch - 1) / pace) if kind == "rising" else np.zeros(count)
    right = top - (top - 0.3) * left
    falls = 0.1 + 1.5 * left if kind == "rising" else np.linspace(0.2, 0.1, count)
    loss = falls * np.exp(dice.normal(0, 0.02, count))
    columns = {
        "epoch": epoch,
        "train_loss": loss,
        "train_accuracy": np.clip(right + 0.03, 0, 1),
        "test_accuracy_running": dice.binomial(images, right) / images,
    }
    if known:
        columns["test_images"] = images
    return Evidence(arm=kind, metrics=pd.DataFrame(columns), classes=10)


@pytest.mark.parametrize("kind", ["rising", "plateau"])
@pytest.mark.parametrize("images", [100, 200, 400])
@pytest.mark.parametrize("known", [True, False])
def test_few_test_images_are_no_flaw(kind, images, known):
    dice = np.random.default_rng((images, known, len(kind)))
    told = [alarms(simulated(kind, images, known, dice)) for _ in range(RUNS)]
    assert sum(map(bool, told)) <= 0.02 * RUNS, told
    assert not any(" 0.0 points" in text for texts in told for text in texts)


@pytest.mark.parametrize("jitter", [0.03, 0.1])
@pytest.mark.parametrize("falls", [True, False])
def test_a_noisy_plateau_is_no_overfitting(jitter, falls):
    dice = np.random.default_rng((int(100 * jitter), falls))
    alarmed = 0
    for _ in range(RUNS):
        count = int(dice.choice([8, 15, 30, 60]))
        left = np.exp(-np.arange(count) / 3) if falls else np.zeros(count)
        columns = {
            "epoch": np.arange(1, count + 1),
            "train_loss": np.geomspace(1, 0.2, count),
            "test_loss_running": (0.5 + left) * np.exp(dice.normal(0, jitter, count)),
        }
        run = Evidence(arm="plateau", metrics=pd.DataFrame(columns), classes=None)
        alarmed += bool(alarms(run))
    assert alarmed <= 0.02 * RUNS


@pytest.mark.parametrize("count", [4, 6, 12, 30, 80])
def test_the_chance_after_the_least_is_that_of_the_whole_procedure(count):
    """No more of random orders pass than the level says."""
    dice = np.random.default_rng(count)
    draws = [pd.Series(row) for row in dice.normal(0, 1, (600, count))]
    chances = np.array([chance_after_least(row) for row in draws])
    for level in (0.02, 0.1):
        assert np.mean(chances < level) <= level + 2.58 * np.sqrt(level * (1 - level) / 600)
    spread = decline(draws[0]).spread
    assert np.mean([decline(row).rise > spread for row in draws]) <= 0.02


@pytest.mark.parametrize(
    ("losses", "told"),
    [
        ([1.0, 0.2, -1.0, -0.6, -0.2, 0.2, 0.5, 1.1], "-1, and 0.8 at the end, while"),
        ([0.0, 0.1, 0.3, 0.5, 0.8, 1.1, 1.5, 2.0], "epoch 1, 0, and 1.75 at the end, while"),
        ([1.0, 0.2, -0.5, -1.0, -0.97, -0.95, -0.93, -0.9], ""),  # a tenth, and nothing of it
        ([0.6, 0.4, 0.5, 0.6, 0.8], "75 % more, while"),
    ],
)
def test_a_loss_of_any_sign_that_rises(losses, told):
    count = len(losses)
    columns = {"epoch": range(1, count + 1), "test_loss_running": losses}
    metrics = pd.DataFrame(columns).assign(train_loss=np.linspace(1, -1, count))
    [text] = alarms(Evidence(arm="density", metrics=metrics, classes=None)) or [""]
    assert told in text
    assert bool(told) == bool(text)
    assert told.startswith("75") or "%" not in text


def test_a_steady_rise_is_told_from_noise():
    assert chance_after_least(pd.Series([1.0, 2, 3, 4])) == pytest.approx(1 / 24)
    assert chance_after_least(pd.Series(np.abs(np.arange(30) - 9.0))) < 1e-6
    assert chance_after_least(pd.Series(np.arange(30)[::-1] + 0.0)) > 0.9
