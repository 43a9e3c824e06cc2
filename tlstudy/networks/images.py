"""The images of a run on its device, and the batches that it is trained on."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from tlstudy.config.training import EarlyStopping, Training, held_out_of
from tlstudy.networks.inputs import Inputs
from tlstudy.storage.randomness import Stream, derived_seed

Batch = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class HeldOut:
    """Training images (N, H, W) uint8 that are never trained on, and their labels (N,).

    Attributes:
        positions: (N,) places, ascending, among all training images of the run.
    """

    images: torch.Tensor
    labels: torch.Tensor
    positions: np.ndarray


@dataclass
class Images:
    """Images (N, H, W) uint8 on the device, labels (N,) on the processor, the way to inputs.

    Attributes:
        test_indices: (N,) places of the test images among all of the target's; None if unknown.
    """

    train: torch.Tensor
    train_labels: torch.Tensor
    test: torch.Tensor
    test_labels: torch.Tensor
    inputs: Inputs
    test_indices: np.ndarray | None = None
    held_out: HeldOut | None = None

    def with_first_tests(self, count: int) -> "Images":
        """The same with so many test images, the first ones."""
        return replace(self, test=self.test[:count], test_labels=self.test_labels[:count])


def hold_out(images: Images, training: Training, seed: int) -> Images:
    """The images without those that early stopping holds out, which are put aside."""
    if training.early_stopping is None:
        return images
    labels = images.train_labels
    chosen = held_out_positions(labels.numpy(), training.early_stopping, seed)
    held = torch.zeros(len(labels), dtype=torch.bool)
    held[torch.from_numpy(chosen)] = True
    here = held.to(images.train.device)
    return replace(
        images,
        train=images.train[~here],
        train_labels=labels[~held],
        held_out=HeldOut(images.train[here], labels[held], chosen),
    )


def held_out_positions(labels: np.ndarray, settings: EarlyStopping, seed: int) -> np.ndarray:
    """Positions, ascending, of the images that are held out: a share of every class.

    Args:
        labels: (N,) classes of all training images of a run.
    """
    generator = np.random.default_rng(derived_seed(seed, Stream.HELD_OUT))
    chosen = []
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        chosen.append(members[: held_out_of(settings, len(members))])
    return np.sort(np.concatenate(chosen))


def training_inputs(training: Training, images: Images, device: torch.device) -> list[torch.Tensor]:
    """The inputs of `training_batches`, to recalibrate BatchNorm on."""
    return [inputs for inputs, _ in training_batches(training, images, device)]


def training_batches(
    training: Training, images: Images, device: torch.device, order: np.ndarray | None = None
) -> list[Batch]:
    """Inputs and labels of the training images on the device, in the order given or as they are.

    Batches are of equal size: a last batch of a single image would have no BatchNorm statistics.
    """
    order = np.arange(len(images.train_labels)) if order is None else order
    parts = np.array_split(order, -(-len(order) // training.batch_size))
    return [
        (images.inputs(images.train[part]), images.train_labels[part].to(device))
        for part in map(torch.from_numpy, parts)
    ]
