"""Trainings of a small network, ended on the way and resumed, and what they leave."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tiny import CPU, EVALUATION, tiny_images, tiny_training
from torch import nn

from benchmarks.gpu_checks import train_and_end
from tlstudy.networks import checkpoint
from tlstudy.networks.images import hold_out
from tlstudy.networks.trainer import Outcome, Trainer
from tlstudy.storage.scratch import Scratch

TIMES = ["training_seconds", "evaluation_seconds"]


def small_network() -> nn.Module:
    """Has what decides how training goes on, BatchNorm and all, and takes no time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=4, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 16, 1),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(16, 10),
        )


def small_trainer(**changes) -> Trainer:
    """A trainer of twelve epochs of three steps, whose images have an order."""
    training = tiny_training(**{"epochs": 12, "batch_size": 8} | changes)
    images = hold_out(tiny_images(training), training, 26)
    return Trainer(training, small_network(), images, EVALUATION, 26, CPU)


def scratch_in(folder: Path, **belongs_to) -> Scratch:
    return Scratch(folder, {"settings": (1, 2.5), "code": "a"} | belongs_to, time.monotonic())


def after_every_epoch() -> None:
    """Let this process, from now on, keep a checkpoint after every epoch."""
    checkpoint.SECONDS_BETWEEN, checkpoint.SHARE = 0, np.inf


def end_after(epochs: int, folder: Path, **changes) -> None:
    with scratch_in(folder) as scratch:
        train_and_end(small_trainer(**changes), scratch, epochs)


def resumed(folder: Path, **changes) -> tuple[dict, list[int]]:
    """Results of a training that may go on, and the epochs after which it was taken up."""
    trainer = small_trainer(**changes)
    with scratch_in(folder) as scratch:
        outcome = checkpoint.train_from_checkpoint(trainer, scratch)
        scratch.remove()
        return results(trainer, outcome), scratch.resumed_after_epochs


def uninterrupted(**changes) -> dict:
    trainer = small_trainer(**changes)
    return results(trainer, trainer.run())


def results(trainer: Trainer, outcome: Outcome) -> dict:
    """All numbers that a training leaves, times apart."""
    return {
        "metrics": pd.DataFrame(outcome.metrics).drop(columns=TIMES),
        "layers": pd.DataFrame(outcome.layers),
        "final": outcome.final,
        "loss": outcome.checkpoint_train_loss,
        "status": outcome.status,
        "held out": outcome.held_out_losses or [],
        "gram": trainer.moves.trajectory.gram(),
        "weights": trainer.flat_weights().numpy(),
    }


def assert_same(found: dict, expected: dict) -> None:
    """To the last digit."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(found[name], value, check_exact=True)
        else:
            np.testing.assert_array_equal(found[name], value, err_msg=name)
