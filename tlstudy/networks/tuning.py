"""Choosing a learning rate by cross-validation within the training images."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial

import numpy as np
import torch
from torch import nn

from tlstudy.config.training import Training
from tlstudy.networks.evaluation import predict_recalibrated, score
from tlstudy.networks.images import Images
from tlstudy.networks.trainer import Trainer
from tlstudy.storage.randomness import Stream, derived_seed

log = logging.getLogger(__name__)

FoldScore = dict[str, float] | None  # None if the training diverged


def tune_learning_rate(
    training: Training,
    learning_rates: Sequence[float],
    folds: int,
    start: Callable[[], nn.Module],
    images: Images,
    seed: int,
    device: torch.device,
    remembered: Callable[[str, Callable[[], FoldScore]], FoldScore],
) -> dict:
    """Train on all folds but one, score the one left out, for every candidate.

    Images left out are scored with the weights that are kept at the end, BatchNorm recalibrated on
    the images trained on. Test images play no part.

    Args:
        start: makes the network before training, the same each time.
        remembered: gives the score of a fold by its name: known from before, or computed.

    Returns:
        chosen: the rate with the highest balanced accuracy over folds; the lower loss decides
        between equals. candidates: learning_rate, balanced_accuracy and loss of each, means over
        folds, empty where a fold diverged.
    """
    from sklearn.model_selection import StratifiedKFold  # a second, and few runs are tuned

    state = derived_seed(seed, Stream.FOLDS) % 2**32
    splitter = StratifiedKFold(folds, shuffle=True, random_state=state)
    labels = images.train_labels.numpy()

    def score_left_out(
        name: str, candidate: Training, kept: np.ndarray, left_out: np.ndarray
    ) -> FoldScore:
        log.info("%s", name)
        others = replace(images, train=images.train[kept], train_labels=images.train_labels[kept])
        trainer = Trainer(candidate, start(), others, None, seed, device, follow_weights=False)
        if not trainer.run().finished:
            return None
        network, unseen = trainer.kept, images.train[left_out]
        logits = predict_recalibrated(network, unseen, images.inputs, trainer.fixed_inputs())
        return asdict(score(logits, images.train_labels[left_out], candidate.head))

    candidates = []
    for rate in learning_rates:
        candidate, scores = training.with_learning_rate(rate), []
        for number, fold in enumerate(splitter.split(labels, labels), start=1):
            name = f"learning rate {rate}, fold {number} of {folds}"
            scores.append(remembered(name, partial(score_left_out, name, candidate, *fold)))
        means = {
            name: np.nan if None in scores else float(np.mean([each[name] for each in scores]))
            for name in ("balanced_accuracy", "loss")
        }
        candidates.append({"learning_rate": rate, **means})
    finished = [row for row in candidates if np.isfinite(row["loss"])]
    best = max(finished, key=lambda row: (row["balanced_accuracy"], -row["loss"]), default=None)
    return {"chosen": best and best["learning_rate"], "folds": folds, "candidates": candidates}
