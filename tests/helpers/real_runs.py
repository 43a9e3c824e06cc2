"""Evidence of real training runs of tiny networks, for the tests of the sentinels."""

import tempfile
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from records import run_record
from tiny import CPU, tiny_images, tiny_training

from tlstudy.audit.sentinels.evidence import Evidence
from tlstudy.config.settings import Evaluation
from tlstudy.measures.planes import grid_axis, loss_grid, random_plane
from tlstudy.networks.build import initial_network
from tlstudy.networks.trainer import Trainer
from tlstudy.steps.train import write_plane
from tlstudy.storage.files import without_nan

EVALUATION = Evaluation(epoch_images=100, final_images=100)
SEEDS = (26, 27, 28)
PROTOCOLS = {
    "sound": {"epochs": 8, "optimiser": {"learning_rate": 0.0003}},
    "new": {
        "epochs": 6,
        "optimiser_holds": "another-network",
        "head": "softmax",
        "batchnorm": "running",
    },
    "pretrained": {"epochs": 12, "head": "softmax", "batchnorm": "running"},
}


def trainer_of(seed: int = 26, **changes) -> Trainer:
    """A trainer, before its run, of a tiny network on 20 made images."""
    training = tiny_training(**changes)
    images = tiny_images(training, test=EVALUATION.final_images)
    return Trainer(training, initial_network(training, seed, None), images, EVALUATION, seed, CPU)


def evidence_of(trainer: Trainer, seed: int, batchnorm: str = "recalibrated") -> Evidence:
    """Run the trainer and gather what a study would know of it, the training images apart."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        outcome = trainer.run()
    finally:
        torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as folder:
        trajectory = write_plane(trainer, outcome, 0.5, Path(folder) / "plane.safetensors")
    record = run_record(
        status=outcome.status,
        epochs=len(outcome.metrics),
        final={name: asdict(values) for name, values in outcome.final.items()},
        final_test_images=EVALUATION.final_images,
        checkpoint_train_loss=outcome.checkpoint_train_loss,
        trajectory=trajectory,
        learning_rate=trainer.training.optimiser.learning_rate,
    )
    return Evidence(
        arm="tiny",
        subset_size=20,
        seed=seed,
        metrics=pd.DataFrame(outcome.metrics),
        layers=pd.DataFrame(outcome.layers),
        record=without_nan(record),
        training=trainer.training,
        batchnorm=batchnorm,
        reported_epoch="final",
    )


def real_run(seed: int = 26, batchnorm: str = "recalibrated", **changes) -> Evidence:
    """Evidence of a tiny run with some settings changed."""
    return evidence_of(trainer_of(seed, **changes), seed, batchnorm)


def sound_run(seed: int = SEEDS[0]) -> Evidence:
    """A run of the corrected protocol; shared by the tests, which leave it as it is."""
    return _shared_run("sound", seed)


def published_new_run() -> Evidence:
    """A run with the mistakes of the published new network; shared likewise."""
    return _shared_run("new", SEEDS[0])


def published_pretrained_run() -> Evidence:
    """A run of softmax outputs and running statistics, long enough to reach the loss's floor."""
    return _shared_run("pretrained", SEEDS[0])


@cache
def _shared_run(protocol: str, seed: int) -> Evidence:
    return real_run(seed, **PROTOCOLS[protocol])


def landscape_of(
    trainer: Trainer, evidence: Evidence, radius: float = 1.0, points: int = 3
) -> dict:
    """A landscape record of a trainer that has run: the plane of random directions."""
    weights = [weight.data for weight in trainer.network.parameters()]
    axis = grid_axis(radius, points)
    directions = random_plane(weights, evidence.seed)
    losses = loss_grid(
        trainer.network, directions, axis, trainer.fixed_batches(), trainer.training.head
    )
    plane = {
        "status": "drawn",
        "axis": axis.tolist(),
        "loss": losses.tolist(),
        "centre_loss": float(np.array(losses)[points // 2, points // 2]),
    }
    checkpoint = evidence.record["checkpoint_train_loss"]
    return {"checkpoint_train_loss": checkpoint, "planes": {"random": plane}}
