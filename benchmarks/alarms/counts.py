"""Counts of alarms on sound runs, and of flaws that are named."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from benchmarks.alarms.made import MADE
from benchmarks.alarms.trainings import flawed_recipe, is_sound, sound_recipe, train
from tlstudy.audit.sentinels import Evidence, Finding, examine

# A user's test values are those of running statistics.
PLAIN = {"test_loss": "test_loss_running", "test_accuracy": "test_accuracy_running"}
# Sentinels of which one must speak for a planted flaw to count as found.
NAMED_BY = {
    "overfitting": {"overfitting"},
    "statistics lag": {
        "batchnorm-lags",
        "test-changes-after-training",
        "test-guesses-though-training-does-not",
    },
    "vanishing gradient": {"gradient-vanishes", "loss-of-guessing"},
    "diverging": {"diverged"},
    "one class predicted": {
        "test-accuracy-constant",
        "loss-of-guessing",
        "flat-since-the-second-epoch",
    },
    "softmax in the loss": {"loss-of-softmax-outputs"},
    "softmax in the test loss": {"loss-of-softmax-outputs"},
    "penalty in the loss": {"loss-too-high-for-its-accuracy"},
    "stopped early": {"still-improving"},
    "learning rate 0": {"learning-rate-of-0"},
    "not trained": {"train-loss-did-not-fall", "loss-of-guessing", "gradients-add-up"},
    "gradients add up": {"gradients-add-up", "gradient-grows"},
    "other preprocessing in the test": {"test-guesses-though-training-does-not"},
    "other labels in the test": {"test-guesses-though-training-does-not"},
    "other classes in the test": {"test-guesses-though-training-does-not"},
    "test examples in training": {"test-better-than-training"},
}


@dataclass(frozen=True)
class Looked:
    """A run that the sentinels have looked at."""

    kind: str
    seed: int
    findings: list[Finding]

    @property
    def alarms(self) -> list[str]:
        return [finding.sentinel for finding in self.findings if finding.is_alarm]

    @property
    def errors(self) -> list[str]:
        return [finding.sentinel for finding in self.findings if finding.severity == "error"]


def look(kind: str, seed: int, table: pd.DataFrame, classes: int | None) -> Looked:
    """Let the sentinels look at a table as at a user's log."""
    metrics = table.rename(columns=PLAIN)
    bad = {
        name: metrics["epoch"][~np.isfinite(metrics[name])].tolist()
        for name in metrics.columns.drop("epoch")
    }
    if kind == "evaluated last" or kind == "language":
        bad = {}  # cells that were not logged
    evidence = Evidence(
        arm=kind,
        metrics=metrics,
        classes=classes,
        not_finite={name: epochs for name, epochs in bad.items() if epochs},
    )
    return Looked(kind, seed, examine(evidence).findings)


def sound_trainings(seeds: range, wanted: int) -> Iterator[Looked]:
    """Real trainings without a planted flaw that went well."""
    for seed in seeds:
        recipe = sound_recipe(seed)
        table, classes = train(recipe)
        if is_sound(table, classes):
            yield look("real", seed, table, classes)
            wanted -= 1
            if not wanted:
                return


def made_runs(seeds: range) -> Iterator[Looked]:
    """Made curves of every kind, one a seed."""
    for number, (kind, maker) in enumerate(MADE.items()):
        for seed in seeds:
            table, classes = maker(np.random.default_rng((seed, number)))
            yield look(kind, seed, table, classes)


def flawed_trainings(flaw: str, seeds: range) -> Iterator[Looked]:
    """Real trainings with a planted flaw."""
    for seed in seeds:
        table, classes = train(flawed_recipe(flaw, seed))
        yield look(flaw, seed, table, classes)


def with_interval(count: int, total: int) -> str:
    """A share with its exact 95 % interval."""
    interval = binomtest(count, total).proportion_ci(0.95, method="exact")
    share, low, high = (100 * value for value in (count / total, interval.low, interval.high))
    return f"{count} of {total} ({share:.1f} %, {low:.1f} to {high:.1f} %)"
