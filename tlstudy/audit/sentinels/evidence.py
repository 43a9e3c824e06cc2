"""Evidence of one run, of which any part may be missing."""

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pandas as pd

from tlstudy.audit.sentinels.limits import DEVIATIONS, FEW_IMAGES
from tlstudy.audit.sentinels.trends import SMOOTHED_FROM, noise
from tlstudy.config.settings import STATISTICS
from tlstudy.config.targets import MNIST
from tlstudy.config.training import Training

ACCURACIES = ("accuracy", "balanced_accuracy")


def accuracy_needs(*statistics: str) -> str:
    """The need of a test accuracy by epoch, plain or balanced, with any of the statistics."""
    return " or ".join(f"metrics.test_{kind}_{name}" for name in statistics for kind in ACCURACIES)


ACCURACY_OF_TEST = accuracy_needs(*STATISTICS)
LOSS_OF_TEST = " or ".join(f"metrics.test_loss_{name}" for name in STATISTICS)
ACCURACY_OF_TRAIN = " or ".join(f"metrics.train_{kind}" for kind in ACCURACIES)
# Needs that many columns meet, in words; longer ones come first, as they contain others.
IN_WORDS = {
    f"{ACCURACY_OF_TRAIN} or {ACCURACY_OF_TEST}": "an accuracy",
    ACCURACY_OF_TEST: "a test accuracy",
    accuracy_needs("running"): "a test accuracy",
    accuracy_needs("recalibrated"): "a recalibrated test accuracy",
    ACCURACY_OF_TRAIN: "a train accuracy",
    LOSS_OF_TEST: "a test loss",
}


@lru_cache(maxsize=1024)
def needed(need: str) -> str:
    """A need of a sentinel as a reader of a table or a run folder knows it.

    Columns of the metrics come first and together: "column a or b". That a column may also hold
    nothing but nan needs no words of its own.
    """
    for columns, words in IN_WORDS.items():
        need = need.replace(columns, words)
    parts = [part for part in need.split(" or ") if not part.startswith("not_finite.")]
    columns = [part.partition(".")[2] for part in parts if part.startswith("metrics.")]
    others = [_of_a_run(part) for part in parts if not part.startswith("metrics.")]
    return " or ".join([*([f"column {' or '.join(columns)}"] if columns else []), *others])


def _of_a_run(part: str) -> str:
    if part in IN_WORDS.values():
        return part
    attribute, _, name = part.partition(".")
    return {
        "metrics": "epochs",
        "layers": f"{name} of each layer",
        "record": f"{name} in run.json" if name else "run.json",
        "landscape": "a landscape",
        "curvature": "eigenvalues of the Hessian",
        "subset": "a record of the training images",
        "training": "the settings of the training",
        "reported_epoch": "the rule for the reported epoch",
        "reported": "the reported values",
        "classes": "the number of classes (--classes)",
    }[attribute]


class TooLittleError(Exception):
    """There is evidence, but too little of it to look at; says what would be needed."""


@dataclass(frozen=True)
class Evidence:
    """One run as far as it is known; None where it is not.

    Attributes:
        arm: name of the run's arm, or of the run itself.
        metrics: a row for each epoch; `tlstudy.storage.columns.METRICS` as far as there. A table
            of somebody else may also have a `learning_rate`.
        layers: a row for each epoch and layer; `tlstudy.storage.columns.LAYERS`.
        record: run.json, see `tlstudy.jobs.run_record`.
        landscape: landscape.json, see `tlstudy.measures.landscape`; a plane may also have a
            `loss_range`, the ends of the vertical axis that it was drawn with, in nats.
        curvature: rows of the run in the table of curvature, see `tlstudy.measures.curvature`.
        subset: subset.json: indices, labels, counts of each class, duplicates.
        training: settings of the training; an arm is one.
        batchnorm: statistics behind the reported values, running or recalibrated.
        reported_epoch: final or best-on-test.
        reported: loss in nats and balanced_accuracy from 0 to 1 as printed elsewhere, each a text
            that keeps its digits.
        classes: number of classes, which says what guessing gives; None if unknown.
        not_finite: for a column of the metrics, the epochs whose value was logged as nan or
            infinite. A cell that was not logged is nan in the metrics and not among them.
    """

    arm: str
    subset_size: int | None = None
    seed: int | None = None
    metrics: pd.DataFrame | None = None
    layers: pd.DataFrame | None = None
    record: dict[str, Any] | None = None
    landscape: dict[str, Any] | None = None
    curvature: pd.DataFrame | None = None
    subset: dict[str, Any] | None = None
    training: Training | None = None
    batchnorm: str | None = None
    reported_epoch: str | None = None
    reported: dict[str, str] | None = None
    classes: int | None = MNIST.outputs
    not_finite: dict[str, list[int]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The run's name, with size and seed where they are known."""
        size = "" if self.subset_size is None else f", n = {self.subset_size}"
        return f"{self.arm}{size}" + ("" if self.seed is None else f", seed {self.seed}")

    def has(self, need: str) -> bool:
        """Whether a part is there and not empty: `landscape`, `metrics.train_loss`, a or b."""
        if need not in self._met:
            self._met[need] = any(self._has(part) for part in need.split(" or "))
        return self._met[need]

    @cached_property
    def _met(self) -> dict[str, bool]:
        """Needs that were asked for, and whether they are met."""
        return {}

    def _has(self, part: str) -> bool:
        attribute, _, name = part.partition(".")
        value = getattr(self, attribute)
        if value is None or not name:
            return value is not None
        if isinstance(value, pd.DataFrame):
            return name in self.filled[attribute]
        return value.get(name) not in (None, {}, [])

    @cached_property
    def filled(self) -> dict[str, set[str]]:
        """Columns of the tables in which there is a value: every sentinel asks for some."""
        tables = {"metrics": self.metrics, "layers": self.layers}
        return {
            name: {column for column in table if pd.notna(table[column].to_numpy()).any()}
            for name, table in tables.items()
            if table is not None
        }

    def series(self, column: str, at_least: int = 1) -> pd.Series:
        """A column of the metrics by epoch, without what is not finite; not to be changed.

        Raises:
            TooLittleError: fewer epochs have a value.
        """
        if column not in self._series:
            values = self.metrics[column].to_numpy(float)
            finite = np.isfinite(values)
            epochs = pd.Index(self.metrics["epoch"].to_numpy()[finite], name="epoch")
            self._series[column] = pd.Series(values[finite], epochs, name=column)
        found = self._series[column]
        if len(found) < at_least:
            shown = column.removesuffix("_running")  # what a table calls it
            raise TooLittleError(f"{at_least} epochs with {shown}, found {len(found)}")
        return found

    @cached_property
    def _series(self) -> dict[str, pd.Series]:
        """Those that were asked for: many sentinels look at the same."""
        return {}

    def test_values(self, quantity: str, at_least: int = 1) -> pd.Series:
        """Loss or accuracy on the test images by epoch, as far as finite.

        With the reported statistics; if it is unknown which are, with the running ones, else with
        recalibrated ones. Balanced accuracy stands in where accuracy is unknown.

        Raises:
            TooLittleError: fewer epochs have a value.
        """
        kinds = ACCURACIES if quantity == "accuracy" else (quantity,)
        for statistics in (self.batchnorm,) if self.batchnorm else STATISTICS:
            for kind in kinds:
                column = f"test_{kind}_{statistics}"
                if self.has(f"metrics.{column}"):
                    return self.series(column, at_least)
        raise TooLittleError(f"a test {quantity} with {self.batchnorm} statistics")

    def error_of_test(self, accuracy: float) -> float:
        """How far a test accuracy may be off by the choice of its images, in 99 of 100 cases."""
        return DEVIATIONS * self.deviation_of_test(accuracy)

    def deviation_of_test(self, accuracy: float, curve: pd.Series | None = None) -> float:
        """Standard deviation of a test accuracy.

        That of so many independent answers, of a hundred where their number is unknown. At 0 and 1
        the accuracy is kept half an image away, as no deviation would be left there. From epoch to
        epoch a network may vary by more than its images explain, so where its curve is given and
        has ten values, the deviation about its trend counts if it is larger.
        """
        known = self.has("metrics.test_images")
        images = int(self.series("test_images").min()) if known else FEW_IMAGES
        share = float(np.clip(accuracy, 0.5 / images, 1 - 0.5 / images))
        deviation = float(np.sqrt(share * (1 - share) / images))
        if curve is not None and len(curve) >= SMOOTHED_FROM:
            deviation = max(deviation, noise(curve))
        return deviation

    @cached_property
    def rows_of_layers(self) -> tuple[np.ndarray, list[str]]:
        """For each row of `layers` the number of its layer, and the layers by number."""
        numbers, names = pd.factorize(self.layers["layer"])
        return numbers, list(names)

    def last_test_accuracy(
        self, statistics: str, kinds: tuple[str, ...] = ACCURACIES
    ) -> tuple[float, int]:
        """Accuracy at the end and the number of test images behind it.

        From the record if it has final values, else from the last epoch that has one. Balanced
        accuracy stands in where accuracy is unknown: on a balanced test set they are the same.

        Raises:
            TooLittleError: there is none, or the number of images is unknown.
        """
        record = self.record or {}
        final = record.get("final", {}).get(statistics) or {}
        images = record.get("final_test_images")
        for kind in kinds:
            if final.get(kind) is not None and images:  # a run that diverged at the end has none
                return final[kind], images
        for kind in kinds:
            column = f"test_{kind}_{statistics}"
            if self.has(f"metrics.{column}") and self.has("metrics.test_images"):
                accuracy = self.series(column)
                shown = self.series("test_images").loc[: accuracy.index[-1]]
                if len(shown):
                    return float(accuracy.iloc[-1]), int(shown.iloc[-1])
        raise TooLittleError(f"a test accuracy with {statistics} statistics and its test images")

    def train_accuracy(self) -> pd.Series | None:
        """Train accuracy (or balanced accuracy) by epoch; None if unknown."""
        for kind in ACCURACIES:
            if self.has(f"metrics.train_{kind}"):
                return self.series(f"train_{kind}")
        return None
