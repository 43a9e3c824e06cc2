"""What is computed in a benchmark, the same for every way to compute it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from tlstudy.config.targets import MNIST
from tlstudy.config.training import Training
from tlstudy.data.stored import load_images
from tlstudy.data.subset import draw_subset, order_of_test_images
from tlstudy.jobs import paths
from tlstudy.networks.build import initial_network

SEED = 26


@dataclass(frozen=True)
class Work:
    """A run of the published protocol, its new network really trained, or a part of one.

    Attributes:
        train_images, test_images: how many; the published ones are 50 and 10,000.
        epochs: the published ones are 30; an epoch costs as much as any other.
        steps: of a training that is timed by itself, one after the other.
        runs: made ones that are put into tables, see `benchmarks.scale`.
    """

    cache: Path
    device: str = "cpu"
    threads: int | None = None
    train_images: int = 50
    test_images: int = 1000
    epochs: int = 2
    side: int = 128
    architecture: str = "resnet50"
    grid: int = 5
    steps: int = 20
    path_points: int = 31
    runs: int = 1000

    def training(self, precision: str = "float32") -> Training:
        """The protocol: pixels from 0 to 1, cross-entropy of softmax outputs, Adam at 0.001."""
        return Training(
            architecture=self.architecture,
            normalisation="none",
            head="softmax",
            image_size=self.side,
            epochs=self.epochs,
            precision=precision,
        )

    def network(self) -> nn.Module:
        """The network at its start."""
        return initial_network(self.training(), SEED, None)

    def digits(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Train images and labels, test images and labels."""
        folder = paths.images_folder(self.cache, MNIST)
        train, train_labels = load_images(folder, "train")
        test, test_labels = load_images(folder, "test")
        drawn = draw_subset(train_labels, "stratified", self.train_images, SEED)
        order = order_of_test_images(test_labels)[: self.test_images]
        return train[drawn], train_labels[drawn], test[order], test_labels[order]

    def torch_device(self) -> torch.device:
        """The device, its threads set."""
        if self.threads:
            torch.set_num_threads(self.threads)
        return torch.device(self.device)

    def operations(self) -> dict[str, float]:
        """Operations of a training step and of a test pass, counted by PyTorch."""
        network, images = self.network(), torch.zeros(2, 3, self.side, self.side)
        with FlopCounterMode(display=False) as forward:
            outputs = network(images)
        with FlopCounterMode(display=False) as backward:
            outputs.sum().backward()
        once, gradient = forward.get_total_flops() / 2, backward.get_total_flops() / 2
        return {
            "training step": (once + gradient) * self.train_images,
            "test pass": once * self.test_images,
            "landscape point": once * self.train_images,
        }
