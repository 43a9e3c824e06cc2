"""Counts of alarms on sound runs, and of flaws that are named."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from benchmarks.alarms.made import MADE
from benchmarks.alarms.trainings import flawed_recipe, is_sound, sound_recipe, train
from tlstudy.audit.sentinels.evidence import Evidence
from tlstudy.audit.sentinels.registry import examine
from tlstudy.audit.sentinels.sentinel import Finding
from tlstudy.audit.sentinels.softmax import loss_of_calibrated, softmax_floor

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
    "vanishing gradient": {
        "gradient-vanishes",
        "loss-of-guessing",
        "flat-since-the-second-epoch",
        "train-loss-did-not-fall",
        "test-accuracy-constant",
    },
    "diverging": {"diverged"},
    "dead units": {
        "test-accuracy-constant",
        "loss-of-guessing",
        "flat-since-the-second-epoch",
        "train-loss-did-not-fall",
    },
    "oscillating": {"oscillation"},
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
    def names(self) -> set[str]:
        return {finding.sentinel for finding in self.findings}

    @property
    def alarms(self) -> list[str]:
        return [finding.sentinel for finding in self.findings if finding.is_alarm]

    @property
    def errors(self) -> list[str]:
        return [finding.sentinel for finding in self.findings if finding.severity == "error"]


def look(kind: str, seed: int, table: pd.DataFrame, classes: int | None) -> Looked:
    """Let the sentinels look at a table as at a user's log."""
    metrics = table.rename(columns=PLAIN)
    not_finite = {}
    for name in metrics.columns.drop("epoch"):
        bad = ~np.isfinite(metrics[name])
        if kind not in MADE:  # there an empty cell was not logged
            not_finite[name] = metrics["epoch"][bad].tolist()
        elif np.isinf(metrics[name]).any():
            not_finite[name] = metrics["epoch"][np.isinf(metrics[name])].tolist()
    evidence = Evidence(arm=kind, metrics=metrics, classes=classes, not_finite=not_finite)
    return Looked(kind, seed, examine(evidence).findings)


def sound_trainings(seeds: Iterable[int], wanted: int) -> Iterator[Looked]:
    """Real trainings without a planted flaw that went well, until there are as many as wanted."""
    for seed in seeds:
        table, classes = train(sound_recipe(seed))
        if is_sound(table, classes):
            yield look("real", seed, table, classes)
            wanted -= 1
            if not wanted:
                return


def made_runs(seeds: Iterable[int]) -> Iterator[Looked]:
    """Made curves of every kind, one a seed."""
    for number, (kind, maker) in enumerate(MADE.items()):
        for seed in seeds:
            table, classes = maker(np.random.default_rng((seed, number)))
            yield look(kind, seed, table, classes)


def flawed_trainings(flaw: str, seeds: Iterable[int]) -> Iterator[tuple[Looked, bool]]:
    """Real trainings with a planted flaw, and whether their columns can show it."""
    for seed in seeds:
        table, classes = train(flawed_recipe(flaw, seed))
        yield look(flaw, seed, table, classes), can_show(flaw, table, classes)


def can_show(flaw: str, table: pd.DataFrame, classes: int) -> bool:
    """Whether the columns can tell the flaw from a sound training.

    Softmax outputs cannot be told where logits that are as sure as they are right would have about
    the same loss, within 0.2 nats at the end; nor while the loss still falls, by 0.02 nats or more
    within the last fifth, as logits pass there too. All other flaws count whether they show or not.
    """
    split = {"softmax in the loss": "train", "softmax in the test loss": "test"}.get(flaw)
    if split is None:
        return True
    accuracy = table[f"{split}_accuracy"].iloc[[-1]]
    line = softmax_floor(classes) + 1 - accuracy
    late = table[f"{split}_loss"].iloc[-max(5, len(table) // 5) :]
    half = len(late) // 2
    rests = abs(late.iloc[:half].mean() - late.iloc[-half:].mean()) <= 0.02
    return bool(rests and (line - loss_of_calibrated(accuracy, classes)).iloc[0] >= 0.2)


def share(count: int, total: int) -> dict[str, float]:
    """A count with its exact (Clopper-Pearson) 95 % interval."""
    interval = binomtest(count, total).proportion_ci(0.95, method="exact")
    return {"count": count, "of": total, "low": interval.low, "high": interval.high}


def table_of_sound(runs: list[Looked]) -> list[dict]:
    """Errors and alarms of real runs, of made ones, and of all."""
    parts = {
        "real trainings": [run for run in runs if run.kind == "real"],
        "made curves": [run for run in runs if run.kind != "real"],
        "all": runs,
    }
    return [
        {
            "runs": name,
            "errors": share(sum(bool(run.errors) for run in part), len(part)),
            "alarms": share(sum(bool(run.alarms) for run in part), len(part)),
            "sentinels": dict(Counter(name for run in part for name in set(run.alarms))),
        }
        for name, part in parts.items()
    ]


def row_of_flaw(flaw: str, runs: list[tuple[Looked, bool]]) -> dict:
    """How many of the runs of a flaw were named, and how many of those that can show it."""
    named = [(bool(NAMED_BY[flaw] & run.names), shows) for run, shows in runs]
    showing = [found for found, shows in named if shows]
    return {
        "flaw": flaw,
        "named by": sorted(NAMED_BY[flaw]),
        "named": share(sum(found for found, _ in named), len(named)),
        "named where it can show": share(sum(showing), len(showing)) if showing else None,
        "without any alarm": sum(not run.alarms for run, _ in runs),
    }
