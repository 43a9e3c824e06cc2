"""Small real things that tests share: networks of few pixels, made inputs."""

import numpy as np
import torch

from tlstudy.config.settings import Evaluation
from tlstudy.config.training import Training
from tlstudy.networks.build import initial_network
from tlstudy.networks.inputs import Inputs, resize
from tlstudy.networks.trainer import Images, Outcome, Trainer

CPU = torch.device("cpu")
EVALUATION = Evaluation(epoch_images=10, final_images=20)


def tiny_training(**changes) -> Training:
    """ResNet-18 on 32 pixels for three epochs."""
    return Training(**{"architecture": "resnet18", "image_size": 32, "epochs": 3} | changes)


def tiny_images(training: Training, train: int = 20, test: int = 20) -> Images:
    """Random noise with a bright bar whose column tells the digit: learnable and made here."""
    generator = np.random.default_rng(0)
    labels = np.arange(train + test) % 10
    images = generator.integers(0, 80, (train + test, 28, 28)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[:, 2 * label + 2 : 2 * label + 5] = 255
    return Images(
        train=resize(images[:train], training.image_size, CPU),
        train_labels=torch.from_numpy(labels[:train]),
        test=resize(images[train:], training.image_size, CPU),
        test_labels=torch.from_numpy(labels[train:]),
        inputs=Inputs(training.normalisation, None, CPU),
    )


def tiny_run(seed: int = 26, train: int = 20, **changes) -> tuple[Trainer, Outcome]:
    """Train a tiny network on made images."""
    training = tiny_training(**changes)
    network = initial_network(training, seed, None)
    trainer = Trainer(training, network, tiny_images(training, train), EVALUATION, seed, CPU)
    return trainer, trainer.run()
