"""Looks at test images, with running and with recalibrated BatchNorm statistics."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from tlstudy.config.settings import STATISTICS, Evaluation
from tlstudy.networks.device import autocast
from tlstudy.networks.evaluation import NO_SCORE, Score, predict, predict_recalibrated, score
from tlstudy.networks.inputs import Inputs


@dataclass(frozen=True)
class Looks:
    """How a run's network is tested.

    Attributes:
        test: images (N, H, W) uint8 on the device.
        batches: makes all training inputs, for recalibrated statistics.
        head: what enters the cross-entropy.
        statistics: BatchNorm statistics with which all test images are scored at the end.
        after_epochs: those with which some are scored after the epochs before the last.
    """

    test: torch.Tensor
    test_labels: torch.Tensor
    inputs: Inputs
    batches: Callable[[], Iterable[torch.Tensor]]
    head: str
    evaluation: Evaluation
    statistics: tuple[str, ...]
    after_epochs: tuple[str, ...]

    def after_epoch(self, network: nn.Module | None) -> dict:
        """Columns of an epoch before the last; without a network, of one that diverged."""
        count, columns = self._count(), {}
        for statistics in STATISTICS:
            values = NO_SCORE
            if network and statistics in self.after_epochs:
                values, *_ = self._scores(network, statistics, count)
            columns |= score_columns("test", values, f"_{statistics}")
        return {"test_images": count, **columns}

    def after_last(
        self, network: nn.Module | None
    ) -> tuple[dict, dict[str, Score], dict[str, np.ndarray]]:
        """Columns of the last epoch; scores of all test images and (N,) answers, by statistics.

        Both statistics are looked at, on all test images where they are asked for. The epoch's own
        values are those of the first images, so that the curve stays one curve, and both
        statistics can be compared at its end. A network that diverged has no answers.
        """
        count, columns, final, answers = self._count(), {}, {}, {}
        for statistics in STATISTICS:
            asked, scores = statistics in self.statistics, (NO_SCORE, NO_SCORE)
            if network:
                *scores, found = self._scores(network, statistics, None if asked else count)
                answers |= {statistics: found} if asked else {}
            columns |= score_columns("test", scores[0], f"_{statistics}")
            if asked:
                final[statistics] = scores[1]
        return {"test_images": count, **columns}, final, answers

    @property
    def more_at_the_end(self) -> int:
        """How many test images are looked at after the last epoch; 0 if no more than before."""
        return len(self.test_labels) if self._count() < len(self.test_labels) else 0

    def _count(self) -> int:
        """Test images of an epoch: all, where there are fewer than asked for."""
        return min(self.evaluation.epoch_images, len(self.test_labels))

    def _scores(
        self, network: nn.Module, statistics: str, look_at: int | None
    ) -> tuple[Score, Score, np.ndarray]:
        """Scores of an epoch's images and of all that are looked at, and the classes of these."""
        images, labels = self.test[:look_at], self.test_labels[:look_at]
        with autocast(images.device, self.evaluation.precision):
            if statistics == "running":
                logits = predict(network, images, self.inputs)
            else:
                logits = predict_recalibrated(network, images, self.inputs, self.batches())
        count = self._count()
        first = score(logits[:count], labels[:count], self.head)
        return first, score(logits, labels, self.head), logits.argmax(dim=1).numpy()


def score_columns(part: str, values: Score, suffix: str = "") -> dict[str, float]:
    """The columns of a score in the table of metrics."""
    return {
        f"{part}_loss{suffix}": values.loss,
        f"{part}_accuracy{suffix}": values.accuracy,
        f"{part}_balanced_accuracy{suffix}": values.balanced_accuracy,
    }
