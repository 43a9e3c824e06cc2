"""One training run, measured at every epoch."""

import copy
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import nn

from tlstudy.config.settings import STATISTICS, Evaluation
from tlstudy.config.training import Training
from tlstudy.networks.augmentation import Augmentation
from tlstudy.networks.build import layer_kinds
from tlstudy.networks.device import autocast, chance, repeatable, synchronise
from tlstudy.networks.early_stopping import BestEpoch
from tlstudy.networks.evaluation import (
    NO_SCORE,
    Score,
    loss_of_head,
    predict_recalibrated,
    score,
    training_mode_loss,
)
from tlstudy.networks.images import Batch, Images, training_batches, training_inputs
from tlstudy.networks.looks import Looks, score_columns
from tlstudy.networks.moves import Moves, flat, predicted_displacement
from tlstudy.networks.optimisers import make_optimiser, make_schedule, weight_average
from tlstudy.networks.rescaling import learning_rate_factors
from tlstudy.networks.trained import train_only
from tlstudy.storage.durations import duration
from tlstudy.storage.randomness import Stream, derived_seed

log = logging.getLogger(__name__)


@dataclass
class Outcome:
    """What a run leaves behind; the rows follow `tlstudy.storage.columns`.

    With early stopping the last row is of the epoch whose weights are kept, and `held_out_losses`
    are of all epochs that were run, nats.
    """

    status: str = "finished"
    metrics: list[dict] = field(default_factory=list)
    layers: list[dict] = field(default_factory=list)
    final: dict[str, Score] = field(default_factory=dict)
    answers: dict[str, np.ndarray] = field(default_factory=dict)
    checkpoint_train_loss: float = float("nan")
    held_out_losses: list[float] | None = None

    @property
    def finished(self) -> bool:
        return self.status == "finished"

    def train_losses(self) -> list[float]:
        """Train loss after 0, 1, ... epochs: a row of the metrics has that before its epoch."""
        return [*(row["train_loss"] for row in self.metrics), self.checkpoint_train_loss]


class Trainer:
    """Trains a network on a handful of images and measures it after every epoch.

    Args:
        evaluation: None to train without testing: then there are no test columns and no final
            scores.
        statistics: BatchNorm statistics with which all test images are scored at the end.
        after_epochs: those with which some are scored after the epochs before the last.
        follow_weights: measure how far the weights move and keep their path.

    Attributes:
        network: the one that is trained.
        kept: the one that is looked at and handed on: its average, or itself.
    """

    def __init__(
        self,
        training: Training,
        network: nn.Module,
        images: Images,
        evaluation: Evaluation | None,
        seed: int,
        device: torch.device,
        statistics: tuple[str, ...] = STATISTICS,
        after_epochs: tuple[str, ...] = STATISTICS,
        follow_weights: bool = True,
    ):
        self.training, self.images, self.device = training, images, device
        self.network = network.to(device, memory_format=torch.channels_last)
        self.kinds = layer_kinds(network)
        self.weights = list(network.parameters())
        self.trained = train_only(training, network, self.kinds, self.fixed_batches, seed)
        self.rate_factors = learning_rate_factors(self.kinds, training.rescaling)
        self.optimiser = self._optimiser()
        steps = -(-len(images.train_labels) // training.batch_size)
        self.schedule = make_schedule(training, self.optimiser, steps)
        self.full_steps = 0.0  # of an epoch, each counted by its share of the learning rate
        self.seed = seed
        self.order = np.random.default_rng(derived_seed(seed, Stream.ORDER))
        self.augmentation = Augmentation(training.augmentation, training.target, seed)
        self.average = weight_average(training, network)
        self.kept = self.average.module if self.average else network
        stopping = training.early_stopping
        self.best = BestEpoch(stopping.patience) if stopping else None
        self.moves = None
        if follow_weights:
            self.moves = Moves(list(self.kept.parameters()), self.kinds, training.epochs)
        self.looks = None
        if evaluation:
            self.looks = Looks(
                test=images.test,
                test_labels=images.test_labels,
                inputs=images.inputs,
                batches=self.fixed_inputs,
                head=training.head,
                evaluation=evaluation,
                statistics=statistics,
                after_epochs=after_epochs,
            )

    def run(
        self,
        before: Outcome | None = None,
        after_epoch: Callable[[Outcome], None] = lambda outcome: None,
    ) -> Outcome:
        """Train all epochs, or until the loss is not finite.

        Args:
            before: what earlier epochs left, if the trainer was put to where they ended.
            after_epoch: called with all there is so far after every epoch but the last.
        """
        outcome, began = before or Outcome(), time.monotonic()
        done, epochs = len(outcome.metrics), self.training.epochs
        for epoch in range(done + 1, epochs + 1):
            if not self._epoch(epoch, outcome):
                outcome.status = "diverged"
                log.warning("epoch %d: the loss is not finite; the run ends here", epoch)
                return outcome
            self._report_progress(epoch, (time.monotonic() - began) / (epoch - done), outcome)
            if self.best and self.best.is_over:
                break
            if epoch < epochs:
                after_epoch(outcome)
        if self.best:
            self._go_back_to_best(outcome)
        # In float32 whatever the evaluation's: landscapes have this loss in their centre, and
        # their relief can be as small as bfloat16's rounding.
        outcome.checkpoint_train_loss = float(
            training_mode_loss(self.kept, self.fixed_batches(), self.training.head)
        )
        if not np.isfinite(outcome.checkpoint_train_loss):
            outcome.status = "diverged"
        return outcome

    def fixed_batches(self) -> list[Batch]:
        """The training inputs and labels in batches, always in the same order."""
        return training_batches(self.training, self.images, self.device)

    def fixed_inputs(self) -> list[torch.Tensor]:
        """The inputs of these batches, to recalibrate BatchNorm on."""
        return training_inputs(self.training, self.images, self.device)

    def flat_weights(self) -> torch.Tensor:
        """All weights that are kept in one float32 vector on the device."""
        return flat(list(self.kept.parameters()))

    def _weights_are_finite(self) -> bool:
        return bool(torch.stack([weight.isfinite().all() for weight in self.weights]).all())

    def _optimiser(self) -> torch.optim.Optimizer:
        held = self.weights
        if self.training.optimiser_holds != "network":
            # The published mistake: these never get gradients, so a step changes nothing, and
            # clearing their gradients leaves ours to add up.
            held = list(copy.deepcopy(self.network).parameters())
        pairs = zip(held, self.rate_factors, strict=True)
        held, factors = zip(*((p, own) for p, own in pairs if p.requires_grad), strict=True)
        return make_optimiser(self.training, list(held), list(factors))

    def _epoch(self, epoch: int, outcome: Outcome) -> bool:
        began = time.monotonic()
        steps = self._steps_of_an_epoch(epoch)
        with chance(self.seed, epoch, self.device), repeatable(self.training.architecture):
            train_score, gradient_norm = self._take(steps)
        synchronise(self.device)
        trained = time.monotonic()
        row = {
            "epoch": epoch,
            **score_columns("train", train_score),
            "gradient_norm": gradient_norm,
        }
        finite = np.isfinite(train_score.loss) and self._weights_are_finite()
        if finite and self.moves:
            layers, whole = self.moves.after_epoch(epoch, self._predicted_displacement())
            outcome.layers += layers
            row |= whole
        row["training_seconds"] = trained - began
        looked = time.monotonic()
        if self.best and finite:
            self.best.after_epoch(self.kept, self._held_out_loss())
            outcome.held_out_losses = self.best.losses
        if self.looks:
            network = self.kept if finite else None
            if epoch < self.training.epochs or self.best:
                row |= self.looks.after_epoch(network)
            else:
                columns, outcome.final, outcome.answers = self.looks.after_last(network)
                row |= columns
            row["evaluation_seconds"] = time.monotonic() - looked
        outcome.metrics.append(row)
        return finite

    def _held_out_loss(self) -> float:
        """Plain cross-entropy of held-out images, BatchNorm recalibrated on those trained on."""
        held_out, batches = self.images.held_out, self.fixed_inputs()
        logits = predict_recalibrated(self.kept, held_out.images, self.images.inputs, batches)
        return score(logits, held_out.labels, self.training.head).loss

    def _go_back_to_best(self, outcome: Outcome) -> None:
        """Keep the weights of the best epoch, and the rows and the path up to it."""
        looked, epoch = time.monotonic(), self.best.epoch
        self.best.restore(self.kept)
        del outcome.metrics[epoch:]
        outcome.layers = [row for row in outcome.layers if row["epoch"] <= epoch]
        if self.moves:
            self.moves.trajectory.cut_after(epoch)
        if self.looks:
            columns, outcome.final, outcome.answers = self.looks.after_last(self.kept)
            outcome.metrics[-1] |= columns
            outcome.metrics[-1]["evaluation_seconds"] += time.monotonic() - looked
        log.info("the weights of epoch %d are kept", epoch)

    def _steps_of_an_epoch(self, epoch: int) -> list[Batch]:
        images, count = self.images, len(self.images.train_labels)
        if self.training.augmentation:
            changed = self.augmentation(images.train, images.train_labels, epoch)
            images = replace(images, train=changed)
        # A single batch has no order, but rounds by it.
        order = self.order.permutation(count) if count > self.training.batch_size else None
        return training_batches(self.training, images, self.device, order)

    def _take(self, batches: list[Batch]) -> tuple[Score, float]:
        """One pass over the batches: the score before each update, the last gradient norm.

        A GPU is not waited for before the last step.
        """
        self.network.train()
        losses, seen, training = [], [], self.training
        self.full_steps = 0.0
        for images, labels in batches:
            self.optimiser.zero_grad()
            with autocast(self.device, training.precision):
                logits = self.network(images)
            loss = loss_of_head(logits, labels, training.head, training.label_smoothing)
            loss.backward()
            self.trained.before_step()
            losses.append(loss.detach())
            seen.append((logits.detach(), labels))
            norm = self._norm() if len(seen) == len(batches) else None  # before it is clipped
            self._update()
        gradient_norm = float(norm)
        if not (np.isfinite(gradient_norm) and bool(torch.stack(losses).isfinite().all())):
            return NO_SCORE, gradient_norm
        logits, labels = (torch.cat(part).cpu() for part in zip(*seen, strict=True))
        return score(logits, labels, self.training.head), gradient_norm

    def _norm(self) -> torch.Tensor:
        """Norm of the gradients of all trained weights, a float64 scalar on the device."""
        gradients = [weight.grad for weight in self.weights if weight.grad is not None]
        squares = [gradient.double().square().sum() for gradient in gradients]
        return torch.stack(squares).sum().sqrt()

    def _update(self) -> None:
        """Change the weights by their gradients, and the learning rate by the schedule."""
        if self.training.gradient_clip is not None:
            nn.utils.clip_grad_norm_(self.weights, self.training.gradient_clip)
        first = self.optimiser.param_groups[0]
        self.full_steps += first["lr"] / first["initial_lr"] if self.schedule else 1
        self.optimiser.step()
        self.trained.after_step()
        if self.average:
            self.average.update_parameters(self.network)
        if self.schedule:
            self.schedule.step()

    def _predicted_displacement(self) -> np.ndarray:
        return predicted_displacement(
            self.training,
            self.moves.previous,
            self.rate_factors,
            self.full_steps,
            self.trained.shares,
        )

    def _report_progress(self, epoch: int, epoch_seconds: float, outcome: Outcome) -> None:
        left = epoch_seconds * (self.training.epochs - epoch)
        # The last look can take longer than all epochs.
        tested = self.looks.more_at_the_end if self.looks and left else 0
        log.info(
            "epoch %d of %d: train loss %.4f, about %s left%s",
            epoch,
            self.training.epochs,
            outcome.metrics[-1]["train_loss"],
            duration(left),
            f", then {tested:,} test images" if tested else "",
        )


def first_epoch_below(losses: Sequence[float], level: float) -> int | None:
    """First epoch after which the train loss was at most the level; None if there is none.

    Args:
        losses: train loss after 0, 1, ... epochs.
    """
    below = (epoch for epoch, loss in enumerate(losses) if epoch > 0 and loss <= level)
    return next(below, None) if losses[0] > level else None
