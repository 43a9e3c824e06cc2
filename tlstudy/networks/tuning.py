"""Choosing a learning rate by cross-validation within the training images."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial

import numpy as np
import torch
from torch import nn

from tlstudy.config.fields import TEST_POOL
from tlstudy.config.settings import Evaluation, Training
from tlstudy.networks.trainer import Images, Trainer
from tlstudy.storage.randomness import Stream, derived_seed

log = logging.getLogger(__name__)

FoldScore = dict[str, float] | None
Remembered = Callable[[str, Callable[[], FoldScore]], FoldScore]


def tune_learning_rate(
    training: Training,
    learning_rates: Sequence[float],
    folds: int,
    start: Callable[[], nn.Module],
    images: Images,
    seed: int,
    device: torch.device,
    remembered: Remembered = lambda name, compute: compute(),
) -> dict:
    """Train on all folds but one, score the one left out, for every candidate.

    Held-out images are scored as the final test images are: after the last epoch, BatchNorm
    recalibrated on the images trained on. Test images play no part.

    Args:
        start: makes the network before training, the same each time.
        remembered: gives the score of a fold by its name: known from before, or computed.

    Returns:
        chosen: the rate with the highest balanced accuracy over folds; the lower loss decides
        between equals. candidates: learning_rate, balanced_accuracy and loss of each, means over
        folds, empty where a fold diverged.
    """
    candidates = []
    for rate in learning_rates:
        candidate, scores = training.with_learning_rate(rate), []
        for number, (kept, held_out) in enumerate(_folds(images, folds, seed), start=1):
            name = f"learning rate {rate}, fold {number} of {folds}"
            fold = _fold_images(images, kept, held_out)
            compute = partial(_score_of_fold, name, candidate, start, fold, seed, device)
            scores.append(remembered(name, compute))
        candidates.append(_candidate(rate, scores))
    finished = [row for row in candidates if np.isfinite(row["loss"])]
    best = max(finished, key=lambda row: (row["balanced_accuracy"], -row["loss"]), default=None)
    return {"chosen": best and best["learning_rate"], "folds": folds, "candidates": candidates}


def _score_of_fold(
    name: str,
    training: Training,
    start: Callable[[], nn.Module],
    fold: Images,
    seed: int,
    device: torch.device,
) -> FoldScore:
    """Score of the images left out; None if the training diverged."""
    log.info("%s", name)
    everything = Evaluation(epoch_images=TEST_POOL, final_images=TEST_POOL)
    trainer = Trainer(
        training, start(), fold, everything, seed, device, after_epochs=(), follow_weights=False
    )
    outcome = trainer.run()
    return asdict(outcome.final["recalibrated"]) if outcome.finished else None


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


def _candidate(rate: float, scores: list[FoldScore]) -> dict:
    if None in scores:
        return {"learning_rate": rate, "balanced_accuracy": np.nan, "loss": np.nan}
    names = ("balanced_accuracy", "loss")
    means = {name: float(np.mean([score[name] for score in scores])) for name in names}
    return {"learning_rate": rate, **means}
