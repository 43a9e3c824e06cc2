"""Two arms, of one study or of two, compared seed by seed with the statistics of the audit."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from tlstudy.audit.answers import Answers
from tlstudy.audit.quantities import Tables, values_of
from tlstudy.audit.statistics import Summary, summarise
from tlstudy.config.quantities import quantity_of
from tlstudy.config.settings import Arm, Study
from tlstudy.config.study import sources_of

FIRST, SECOND = "A", "B"
NAMING = {"label", "group"}  # settings of an arm that change no number
# Settings of a study that decide how its runs are evaluated.
EVALUATED_BY = ("evaluation", "tuning")


@dataclass(frozen=True)
class Side:
    """An arm of a study, with the study's result tables."""

    study: Study
    arm: str
    tables: Tables

    @property
    def settings(self) -> Arm:
        return self.study.arms[self.arm]


@dataclass(frozen=True)
class Row:
    """One quantity at one number of training images.

    Attributes:
        unit: of the values and of the difference.
        values: of each seed that either arm has a value of: that of the first and of the second,
            None without one. The difference is over the seeds that have both.
        difference: of the second arm less the first, paired by seed.
    """

    subset_size: int
    quantity: str
    unit: str
    first: Summary
    second: Summary
    difference: Summary
    values: dict[int, tuple[float | None, float | None]]

    @property
    def seeds(self) -> list[int]:
        """Those that both arms have a value of."""
        return [seed for seed, values in self.values.items() if None not in values]

    @property
    def summaries(self) -> dict[str, Summary]:
        """Of the first, the second and the difference."""
        return {name: getattr(self, name) for name in ("first", "second", "difference")}

    def data(self) -> dict[str, Any]:
        """For programs; each summary with its mean, of too few seeds for an interval too."""
        found = asdict(self) | {"seeds": self.seeds}
        for name in self.summaries:
            found[name]["mean"] = found[name].pop("plain_mean")
        return found


def differing_settings(one: Side, other: Side) -> dict[str, tuple[Any, Any]]:
    """Settings that are not the same on both sides, by dotted key: of the arm and the evaluation.

    The folder of a target may lie anywhere.
    """
    first, second = (dict(_settings(side)) for side in (one, other))
    keys = dict.fromkeys((*first, *second))
    return {
        key: (first.get(key), second.get(key)) for key in keys if first.get(key) != second.get(key)
    }


def _settings(side: Side) -> Iterator[tuple[str, Any]]:
    arm = side.settings.model_dump(mode="json", exclude=NAMING)
    arm["target"] = side.settings.target.identity()
    yield from _flat(arm)
    # Of a random start too: it is built as these need it.
    sources = sources_of(side.study, side.settings)
    yield (
        "weights",
        [
            source if isinstance(source, str) else source.model_dump(mode="json")
            for source in sources
        ],
    )
    for name in EVALUATED_BY:
        if name == "tuning" and not side.settings.tune_learning_rate:
            continue
        yield from _flat(getattr(side.study, name).model_dump(mode="json"), f"{name}.")


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def reservations(one: Side, other: Side) -> list[str]:
    """Why a difference of the two may not mean what it seems to, a sentence each."""
    found = []
    first, second = one.settings, other.settings
    if first.target.tested.key != second.target.tested.key:
        found.append("They are tested on different images, so their accuracies do not compare.")
    if first.head != second.head:
        found.append("Losses of softmax outputs and of logits do not compare.")
    if (first.target.key, first.drawing) != (second.target.key, second.drawing):
        found.append("With the same seed they do not train on the same images.")
    if one.study.evaluation != other.study.evaluation:
        found.append("Their studies evaluate in different ways: see the settings.")
    if (first.reported_epoch, first.batchnorm) != (second.reported_epoch, second.batchnorm):
        found.append("They report another epoch or other BatchNorm statistics.")
    weights = [_weights_of(side) for side in (one, other)]
    if all(weights) and weights[0] != weights[1]:
        found.append("They start from other pretrained weights: those of A and of B differ.")
    return found


def _weights_of(side: Side) -> set[str]:
    """Digests of the pretrained weights that an arm's runs really started from."""
    runs = side.tables["runs"]
    return set(runs.loc[runs["arm"] == side.arm, "weights_sha256"]) - {""}


def compare_arms(one: Side, other: Side, quantities: Sequence[str]) -> list[Row]:
    """A row for each number of training images that both studies have, and each quantity."""
    sizes = [size for size in one.study.subset_size if size in other.study.subset_size]
    return [_row(one, other, size, name) for size in sizes for name in quantities]


def _row(one: Side, other: Side, size: int, quantity: str) -> Row:
    first, second = (_by_seed(side, size, quantity) for side in (one, other))
    difference = (second - first).dropna()
    answers = _answers_of_both(one, other)
    paired = [(1, SECOND), (-1, FIRST)]
    same_images = one.settings.target.tested.key == other.settings.target.tested.key
    return Row(
        size,
        quantity,
        quantity_of(quantity).unit,
        answers.summary(quantity, [(1, FIRST)], size, first),
        answers.summary(quantity, [(1, SECOND)], size, second),
        answers.summary(quantity, paired, size, difference)
        if same_images
        else summarise(difference.to_numpy()),
        _by_seed_of_both(first, second),
    )


def _by_seed(side: Side, size: int, quantity: str) -> pd.Series:
    """An arm's values by seed, those that it has."""
    values = values_of(side.tables, quantity)
    found = {seed: values.get((side.arm, size, seed), np.nan) for seed in side.study.seed}
    return pd.Series(found, dtype=float).dropna()


def _by_seed_of_both(
    first: pd.Series, second: pd.Series
) -> dict[int, tuple[float | None, float | None]]:
    return {
        int(seed): tuple(float(side[seed]) if seed in side else None for side in (first, second))
        for seed in sorted({*first.index, *second.index})
    }


def _answers_of_both(one: Side, other: Side) -> Answers:
    """The answers of the two arms under the names A and B."""
    both = {FIRST: one, SECOND: other}
    arms = {name: side.settings for name, side in both.items()}
    rows = [
        side.tables["answers"][side.tables["answers"]["arm"] == side.arm].assign(arm=name)
        for name, side in both.items()
    ]
    return Answers(one.study.model_copy(update={"arms": arms}), pd.concat(rows))
