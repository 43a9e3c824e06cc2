"""Choosing a learning rate by cross-validation within the training images."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from tlstudy.randomness import Stream, derived_seed
from tlstudy.settings import TEST_POOL, Evaluation, Training
from tlstudy.training import Images, Trainer

log = logging.getLogger(__name__)


def tune_learning_rate(
    training: Training,
    learning_rates: Sequence[float],
    folds: int,
    start: Callable[[], nn.Module],
    images: Images,
    seed: int,
    device: torch.device,
) -> dict:
    """Train on all folds but one, score the one left out, for every candidate.

    Held-out images are scored as the final test images are: after the last epoch, BatchNorm
    recalibrated on the images trained on. Test images play no part.

    Args:
        start: makes the network before training, the same each time.

    Returns:
        chosen: the rate with the highest balanced accuracy over folds; the lower loss decides
        between equals. candidates: learning_rate, balanced_accuracy and loss of each, means over
        folds, empty where a fold diverged.
    """
    candidates = []
    for rate in learning_rates:
        scores = []
        for number, (kept, held_out) in enumerate(_folds(images, folds, seed), start=1):
            log.info("learning rate %g, fold %d of %d", rate, number, folds)
            fold = _fold_images(images, kept, held_out)
            trainer = Trainer(
                training.with_learning_rate(rate),
                start(),
                fold,
                Evaluation(epoch_images=TEST_POOL, final_images=TEST_POOL),
                seed,
                device,
                after_epochs=(),
                follow_weights=False,
            )
            outcome = trainer.run()
            scores.append(outcome.final.get("recalibrated") if outcome.finished else None)
        candidates.append(_candidate(rate, scores))
    finished = [row for row in candidates if np.isfinite(row["loss"])]
    best = max(finished, key=lambda row: (row["balanced_accuracy"], -row["loss"]), default=None)
    return {"chosen": best and best["learning_rate"], "folds": folds, "candidates": candidates}


def _folds(images: Images, folds: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    from sklearn.model_selection import StratifiedKFold  # a second, and few runs are tuned

    state = derived_seed(seed, Stream.FOLDS) % 2**32
    splitter = StratifiedKFold(folds, shuffle=True, random_state=state)
    labels = images.train_labels.numpy()
    return list(splitter.split(labels, labels))


def _fold_images(images: Images, kept: np.ndarray, held_out: np.ndarray) -> Images:
    return replace(
        images,
        train=images.train[kept],
        train_labels=images.train_labels[kept],
        test=images.train[held_out],
        test_labels=images.train_labels[held_out],
    )


def _candidate(rate: float, scores: list) -> dict:
    if None in scores:
        return {"learning_rate": rate, "balanced_accuracy": np.nan, "loss": np.nan}
    return {
        "learning_rate": rate,
        "balanced_accuracy": float(np.mean([score.balanced_accuracy for score in scores])),
        "loss": float(np.mean([score.loss for score in scores])),
    }
