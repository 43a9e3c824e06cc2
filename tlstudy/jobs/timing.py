"""Timing of a few real steps and looks on this machine, for work that is not on record."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np
import torch

from tlstudy.config.settings import Evaluation
from tlstudy.config.targets import MNIST
from tlstudy.config.training import Training
from tlstudy.jobs.cost import millions_of_weights, operations_of_image
from tlstudy.jobs.speed import Kind, Timed
from tlstudy.measures.passes import GRADIENT, cost_of_pass
from tlstudy.networks.build import initial_network
from tlstudy.networks.device import keep_freed_memory, make_deterministic
from tlstudy.networks.evaluation import batch_size
from tlstudy.networks.images import Images
from tlstudy.networks.inputs import Inputs
from tlstudy.networks.trainer import Outcome, Trainer

# On a processor more images take longer, and no longer each. So a step is timed with as many as
# take the operations of this many images of 128 x 128 in resnet50.
ENOUGH = 32 * operations_of_image("resnet50", 128)
FEWEST_IMAGES, FEWEST_TESTED = 4, 10
# Epochs of one step are timed until they took so long; the first of them warms up.
SECONDS = 4.0
MOST_EPOCHS = 20
SEED = 0


class _EnoughError(Exception):
    """Ends the training of which enough was timed."""


def time_work(training: Kind, evaluation: Kind, device: torch.device) -> Timed:
    """Train a new network for a few steps on made images, and look at test images after each.

    Of a processor it takes one core, by that core's own clock, as others may be using it: threads
    that wait for each other on a busy machine would seem to work.

    Args:
        training, evaluation: work of one network at one size of images.
    """
    make_deterministic(threads=1)
    keep_freed_memory()
    of_image = operations_of_image(training.architecture, training.image_size)
    images, tested = training.images, batch_size(device, training.image_size)
    if device.type == "cpu":
        images = min(images, max(FEWEST_IMAGES, round(ENOUGH / of_image)))
        tested = min(tested, max(FEWEST_TESTED, round(2 * ENOUGH / of_image)))
    settings = Training(
        architecture=training.architecture,
        image_size=training.image_size,
        precision=training.precision,
        batch_size=images,
        epochs=MOST_EPOCHS,
    )
    trainer = Trainer(
        settings,
        initial_network(settings, SEED, None),
        _made_images(images, tested, training.image_size, device),
        Evaluation(epoch_images=tested, final_images=tested, precision=evaluation.precision),
        SEED,
        device,
    )
    marks: list[tuple[float, float]] = []

    def after_epoch(outcome: Outcome) -> None:
        marks.append((time.monotonic(), time.process_time()))
        if len(marks) > 1 and marks[-1][0] - marks[0][0] >= SECONDS:
            rows.extend(outcome.metrics)
            raise _EnoughError

    rows: list[dict] = []
    with suppress(_EnoughError), _without_progress():
        rows.extend(trainer.run(after_epoch=after_epoch).metrics)
    walls, cores = np.diff(np.array(marks), axis=0).T
    share = cores / walls if device.type == "cpu" else np.ones_like(walls)
    steps, looks = (
        np.array([row[f"{name}_seconds"] for row in rows[1 : len(marks)]])
        for name in ("training", "evaluation")
    )
    # Most of what differs from epoch to epoch is other work on the machine.
    of_steps, of_looks = np.min(share * steps), np.min(share * looks)
    rest = np.min(share * (walls - steps - looks))
    passes = cost_of_pass(evaluation.precision) * _looked_at(rows[1], images, tested)
    return Timed(
        training=of_steps / (of_image * GRADIENT * images * cost_of_pass(training.precision)),
        evaluation=of_looks / (of_image * passes),
        bookkeeping=max(0.0, rest) / millions_of_weights(settings),
    )


@contextmanager
def _without_progress() -> Iterator[None]:
    """Keep the lines of a training's epochs back: there is none."""
    log = logging.getLogger(Trainer.__module__)
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(level)


def _looked_at(row: dict, images: int, tested: int) -> int:
    """Images that an epoch's looks passed; recalibration passes the training images too."""
    seen = {name: np.isfinite(row[f"test_loss_{name}"]) for name in ("running", "recalibrated")}
    return tested * sum(seen.values()) + images * seen["recalibrated"]


def _made_images(images: int, tested: int, size: int, device: torch.device) -> Images:
    generator = torch.Generator().manual_seed(SEED)

    def pixels(number: int) -> torch.Tensor:
        shape = (number, size, size)
        return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)

    return Images(
        train=pixels(images),
        train_labels=torch.arange(images) % MNIST.outputs,
        test=pixels(tested),
        test_labels=torch.arange(tested) % MNIST.outputs,
        inputs=Inputs("imagenet", None, device),
    )
