"""Answers of runs image by image, and means of accuracies over seeds and images."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from tlstudy.audit.crossed import Estimate, crossed_mean, freedom_of_images
from tlstudy.audit.statistics import Summary, summarise
from tlstudy.config.settings import Study

Terms = Sequence[tuple[int, str]]  # sign and arm: (1, "pretrained"), (-1, "new") is a difference


def reported(runs: pd.DataFrame, arm: str, size: int, measure: str) -> pd.Series:
    """(seeds,) reported values of an arm by seed; diverged runs have none."""
    rows = runs[(runs["arm"] == arm) & (runs["subset_size"] == size)]
    return rows.set_index("seed")[f"reported_{measure}"].astype(float).dropna()


class OfRun(NamedTuple):
    """(N,) labels of test images, and whether each was right."""

    labels: np.ndarray
    right: np.ndarray


class Answers:
    """Answers of a study's runs at their last epoch, with the statistics that their arms report.

    Args:
        table: `tlstudy.storage.columns.ANSWERS`.
    """

    def __init__(self, study: Study, table: pd.DataFrame):
        self._study = study
        keys = zip(table["arm"], table["subset_size"], table["seed"], strict=True)
        rows = zip(table["labels"], table["right"], strict=True)
        self._packed = dict(zip(keys, rows, strict=True))

    def of_run(self, arm: str, size: int, seed: int) -> OfRun | None:
        """None where the run has none, or its arm reports another epoch than the last."""
        packed = self._packed.get((arm, size, seed))
        if packed is None or self._study.arms[arm].reported_epoch != "final":
            return None
        labels = np.frombuffer(packed[0], "<i2")
        right = np.unpackbits(np.frombuffer(packed[1], np.uint8), count=len(labels))
        return OfRun(labels, right.astype(bool))

    def balanced_accuracy(self, terms: Terms, size: int, seeds: Sequence[int]) -> Estimate | None:
        """The mean over seeds and images of a sum of balanced accuracies.

        Returns:
            None unless every run of every term has answers on the same images, two or more of each
            class: a single one tells nothing of how images of a class differ.
        """
        of_terms, labels = [], None
        for sign, arm in terms:
            found = [self.of_run(arm, size, seed) for seed in seeds]
            if len(found) < 2 or any(each is None for each in found):
                return None
            labels = found[0].labels if labels is None else labels
            if not all(np.array_equal(each.labels, labels) for each in found):
                return None
            of_terms.append(sign * np.stack([each.right for each in found]).astype(float))
        if not freedom_of_images(labels):
            return None
        return crossed_mean(sum(of_terms), labels)

    def summary(self, quantity: str, terms: Terms, size: int, values: pd.Series) -> Summary:
        """Of values by seed: over test images too where they are accuracies with known answers.

        Args:
            values: (seeds,) the sum of the terms' quantity; a seed without one has NaN.
        """
        over_both = None
        if quantity == "balanced_accuracy":
            there = [int(seed) for seed in values.dropna().index]
            over_both = self.balanced_accuracy(terms, size, there)
        return summarise(values.to_numpy(dtype=float), over_both)

    def of_reported(self, runs: pd.DataFrame, arm: str, size: int, measure: str) -> Summary:
        """Of an arm's reported values, over seeds and test images where its answers are known."""
        return self.summary(measure, [(1, arm)], size, reported(runs, arm, size, measure))


def of_tables(study: Study, tables: Mapping[str, pd.DataFrame]) -> Answers:
    """Answers from the result tables by name; none where the table is not there."""
    empty = pd.DataFrame(columns=["arm", "subset_size", "seed", "labels", "right"])
    return Answers(study, tables.get("answers", empty))
