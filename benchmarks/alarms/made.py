"""Curves of sound trainings that are too large to run here, or not classification at all.

Losses fall as a power of the epoch to a floor (Hestness et al. 2017), the error falls with them,
and there is noise. They are made to be hard for a check that looks at curves alone.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

Table = tuple[pd.DataFrame, int | None]


def curves(
    dice: np.random.Generator,
    epochs: int,
    classes: int,
    floor: float,
    accuracy: float,
    gap: float = 0.0,
    start: float | None = None,
) -> pd.DataFrame:
    """Losses from `start` to `floor` nats, accuracies from guessing to `accuracy`.

    Args:
        gap: by how much the test values are worse, as a share of the loss that was learnt.
        start: nats; ln(classes) if None.
    """
    start = np.log(classes) if start is None else start
    progress = 1 - np.arange(1, epochs + 1) ** -dice.uniform(0.6, 1.2)
    progress = 0.1 + 0.9 * progress / progress[-1]
    noise = [1 + dice.normal(0, 0.01, epochs) for _ in range(2)]
    learnt = start - floor
    train, test = start - progress * learnt, start - progress * (1 - gap) * learnt
    right = 1 / classes + progress * (accuracy - 1 / classes)
    images = int(dice.choice([1000, 5000, 10_000, 50_000]))
    spread = np.sqrt(right * (1 - right) / images)
    return pd.DataFrame(
        {
            "epoch": np.arange(1, epochs + 1),
            "train_loss": train * noise[0],
            "train_accuracy": np.clip(right + 0.3 * gap, 0, 1),
            "test_loss": test * noise[1],
            "test_accuracy": np.clip(right + dice.normal(0, 1, epochs) * spread, 0, 1),
            "test_images": images,
        }
    )


def many_classes(dice: np.random.Generator) -> Table:
    """ImageNet: a thousand classes, label smoothing, the test better than the augmented train."""
    table = curves(dice, int(dice.choice([30, 90])), 1000, dice.uniform(1.5, 2.4), 0.76)
    table["test_loss"] -= 0.5
    table["train_accuracy"] -= dice.uniform(0.02, 0.1)
    return table, 1000


def fine_tuning(dice: np.random.Generator) -> Table:
    """A pretrained network: right from the first epoch on, little left to learn."""
    classes = int(dice.choice([2, 5, 10, 100]))
    start = dice.uniform(0.2, 0.4)
    table = curves(dice, int(dice.choice([3, 5, 10])), classes, 0.05, 0.98, 0.2, start)
    right = dice.uniform(0.93, 0.97) + 0.01 * np.linspace(0, 1, len(table))
    return table.assign(train_accuracy=right + 0.01, test_accuracy=right), classes


def click_through(dice: np.random.Generator) -> Table:
    """Two classes that can hardly be told: the loss falls by 1.5 %, the accuracy not at all."""
    epochs = int(dice.choice([5, 10, 20]))
    start = dice.uniform(0.44, 0.5)
    table = curves(dice, epochs, 2, 0.985 * start, 0.8, 0.2, start)
    falling = start * np.linspace(1, 0.985, epochs)
    noise = dice.normal(0, 2e-4, (2, epochs))
    table = table.assign(train_loss=falling + noise[0], test_loss=falling + 0.002 + noise[1])
    return table.drop(columns=["train_accuracy", "test_accuracy"]), 2


def resumed(dice: np.random.Generator) -> Table:
    """Taken up again at the plateau of an earlier run: flat from the first epoch."""
    classes = int(dice.choice([10, 100]))
    table = curves(dice, 20, classes, 0.3, 0.93)
    flat = np.full(20, dice.uniform(0.1, 0.3))
    wobble = 1 + dice.normal(0, 0.005, (2, 20))
    first = int(dice.choice([51, 101]))
    return (
        table.assign(
            epoch=np.arange(first, first + 20),
            train_loss=flat * wobble[0],
            test_loss=(flat + 0.15) * wobble[1],
            train_accuracy=0.97,
            test_accuracy=0.93 + dice.normal(0, 0.002, 20),
        ),
        classes,
    )


def regression(dice: np.random.Generator) -> Table:
    """A squared error of any size, without accuracies."""
    size = 10 ** dice.uniform(-3, 4)
    table = curves(dice, 40, 10, 0.3, 0.9, 0.1)
    table = table.assign(train_loss=table["train_loss"] * size, test_loss=table["test_loss"] * size)
    return table.drop(columns=["train_accuracy", "test_accuracy", "test_images"]), None


def reinforcement(dice: np.random.Generator) -> Table:
    """The loss of a value network: it starts near 0 and grows with the rewards."""
    epochs = 60
    walk = np.abs(np.cumsum(dice.normal(0, 0.02, epochs))) + 0.001 * np.arange(1, epochs + 1)
    return pd.DataFrame({"epoch": np.arange(1, epochs + 1), "train_loss": walk}), None


def restarts(dice: np.random.Generator) -> Table:
    """Warm restarts of the learning rate: losses jump at each of them."""
    table = curves(dice, 60, 100, 0.5, 0.75, 0.2)
    phase = np.arange(60) % 15 / 14
    bump = 0.15 * (1 - phase) ** 3
    rate = 0.05 * (1 + np.cos(np.pi * phase)) + 1e-5
    return (
        table.assign(
            train_loss=table["train_loss"] * (1 + bump),
            test_loss=table["test_loss"] * (1 + bump),
            test_accuracy=table["test_accuracy"] * (1 - bump / 3),
            learning_rate=rate,
        ),
        100,
    )


def steps_of_the_rate(dice: np.random.Generator) -> Table:
    """Plateaus between steps of the learning rate, in all curves alike; the gap widens."""
    table = curves(dice, 90, 100, 0.2, 0.78, 0.25)
    level = np.repeat([1.0, 0.55, 0.45], 30) * (1 + dice.normal(0, 0.01, 90))
    rate = np.repeat([0.1, 0.01, 0.001], 30)
    return (
        table.assign(
            train_loss=0.2 + 1.8 * level - 0.7,
            test_loss=1.0 + 0.8 * level - 0.3,
            train_accuracy=0.55 + 0.4 * (1 - level) / 0.55,
            test_accuracy=0.5 + 0.28 * (1 - level) / 0.55,
            learning_rate=rate,
        ),
        100,
    )


def language(dice: np.random.Generator) -> Table:
    """A language model: far more classes than anything else, no accuracy, few evaluations."""
    table = curves(dice, 30, 50_000, dice.uniform(2.5, 3.5), 0.5, 0.02)
    seen = np.arange(30) % 5 == 4
    table["test_loss"] = table["test_loss"].where(seen)
    return table.drop(columns=["train_accuracy", "test_accuracy", "test_images"]), None


def few_test_images(dice: np.random.Generator) -> Table:
    """Thirty test images: the test accuracy jumps by three points and more."""
    classes = int(dice.choice([2, 3, 10]))
    table = curves(dice, 25, classes, 0.2, 0.85, 0.1)
    right = dice.binomial(30, np.clip(table["train_accuracy"] - 0.03, 0.05, 0.95)) / 30
    return table.assign(test_accuracy=right, test_images=30), classes


def uneven(dice: np.random.Generator) -> Table:
    """One class is 95 % of the examples: the accuracy starts where guessing it ends."""
    table = curves(dice, 20, 2, 0.06, 0.985, 0.1, start=0.2)
    right = 0.95 + 0.035 * (1 - 1 / np.arange(1, 21))
    return table.assign(train_accuracy=right + 0.002, test_accuracy=right), 2


def skipped_step(dice: np.random.Generator) -> Table:
    """Mixed precision: the gradient of one step was infinite, and the step was left out."""
    table = curves(dice, 30, 10, 0.1, 0.95, 0.1)
    norms = 2 / np.sqrt(np.arange(1, 31)) * np.exp(dice.normal(0, 0.2, 30))
    norms[int(dice.integers(0, 5))] = np.inf
    return table.assign(gradient_norm=norms), 10


def evaluated_last(dice: np.random.Generator) -> Table:
    """A last row that has test values only."""
    table = curves(dice, 15, 10, 0.2, 0.93, 0.1)
    last = table.iloc[[-1]].assign(epoch=16, train_loss=np.nan, train_accuracy=np.nan)
    return pd.concat([table, last], ignore_index=True), 10


MADE: dict[str, Callable[[np.random.Generator], Table]] = {
    maker.__name__.replace("_", " "): maker
    for maker in (
        many_classes,
        fine_tuning,
        click_through,
        resumed,
        regression,
        reinforcement,
        restarts,
        steps_of_the_rate,
        language,
        few_test_images,
        uneven,
        skipped_step,
        evaluated_last,
    )
}
