"""Losses, accuracies and predictions."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from tlstudy.networks.batchnorm import by_batch, recalibrated, untracked
from tlstudy.networks.fused import can_be_fused, fused
from tlstudy.networks.inputs import Inputs
from tlstudy.storage.durations import with_time_left

# Images of 128 x 128. On a processor small batches stay in its cache; on a GPU large ones fill it.
BATCH = {"cpu": 64, "cuda": 1000}


@dataclass(frozen=True)
class Score:
    """Mean loss in nats, accuracy and balanced accuracy from 0 to 1."""

    loss: float
    accuracy: float
    balanced_accuracy: float


NO_SCORE = Score(float("nan"), float("nan"), float("nan"))


def loss_of_head(
    logits: torch.Tensor, labels: torch.Tensor, head: str, smoothing: float = 0.0
) -> torch.Tensor:
    """Mean cross-entropy of (N, classes) logits, or of their softmax as published (F7).

    Args:
        smoothing: share of each label that is spread evenly over all classes.
    """
    scores = logits.softmax(dim=1) if head == "softmax" else logits
    return cross_entropy(scores, labels, label_smoothing=smoothing)


def balanced_accuracy(predicted: torch.Tensor, labels: torch.Tensor) -> float:
    """Mean recall over the classes present in the labels (N,)."""
    correct = (predicted == labels).double()
    recalls = [correct[labels == label].mean() for label in labels.unique()]
    return float(torch.stack(recalls).mean())


def score(logits: torch.Tensor, labels: torch.Tensor, head: str) -> Score:
    """Score (N, classes) logits against (N,) labels."""
    predicted = logits.argmax(dim=1)
    return Score(
        loss=float(loss_of_head(logits.double(), labels, head)),
        accuracy=float((predicted == labels).double().mean()),
        balanced_accuracy=balanced_accuracy(predicted, labels),
    )


def predict(network: nn.Module, images: torch.Tensor, inputs: Inputs) -> torch.Tensor:
    """Logits (N, classes), float32 on the processor, of (N, H, W) uint8 images, evaluation mode."""
    network.eval()
    device = next(network.parameters()).device
    with torch.inference_mode():
        forward = fused(network) if can_be_fused(network) else network
        parts = images.split(batch_size(device, images.shape[-1]))
        logits = [forward(inputs(batch)) for batch in with_time_left(parts, "batch")]
        return torch.cat(logits).cpu()


def batch_size(device: torch.device, side: int) -> int:
    """How many images of side x side pixels to evaluate at once: few large ones fill a GPU too."""
    most = BATCH[device.type]
    return most if device.type == "cpu" else max(1, round(most * (128 / side) ** 2))


def predict_recalibrated(
    network: nn.Module, images: torch.Tensor, inputs: Inputs, batches: Iterable[torch.Tensor]
) -> torch.Tensor:
    """The same with BatchNorm recalibrated on batches (N, 3, H, W) of training inputs."""
    with recalibrated(network, batches):
        return predict(network, images, inputs)


def training_mode_loss(
    network: nn.Module, batches: list[tuple[torch.Tensor, torch.Tensor]], head: str
) -> torch.Tensor:
    """Mean loss (a scalar on the device) with each batch's own BatchNorm statistics.

    This is the function that training descends; the running statistics play no part in it and
    are not touched.
    """
    by_batch(network)
    with torch.no_grad(), untracked(network):
        sums = [
            loss_of_head(network(images), labels, head).double() * len(labels)
            for images, labels in batches
        ]
        return sum(sums) / sum(len(labels) for _, labels in batches)
