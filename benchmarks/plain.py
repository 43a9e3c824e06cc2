"""The experiment as a careful student would write it, without anything of this package.

A DataLoader with PIL transforms, float32, the default memory layout, gradients off where none are
needed, a deep copy of all weights after every epoch, and the landscape through flat NumPy vectors.
"""

import copy
import time

import numpy as np
import torch
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.metrics import balanced_accuracy_score
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.models import get_model

BATCH = 64


class Digits(Dataset):
    """Grey images (N, 28, 28) uint8 as what ImageNet networks take: three channels, 128 x 128."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, side: int):
        self.images, self.labels = images, labels
        self.transform = transforms.Compose(
            [transforms.Resize((side, side)), transforms.Grayscale(3), transforms.ToTensor()]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.images[index])), int(self.labels[index])


def network(architecture: str, state: dict) -> nn.Module:
    """torchvision's network with ten outputs, holding the given state."""
    made = get_model(architecture, num_classes=10)
    made.load_state_dict(state)
    return made


def loss_of(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of softmax outputs, as published."""
    return cross_entropy(outputs.softmax(dim=1), labels)


def train_epoch(model: nn.Module, optimiser, loader: DataLoader, device: torch.device) -> dict:
    """One pass over the training images: loss, balanced accuracy, norm of the last gradient."""
    model.train()
    losses, predicted, truth = [], [], []
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        optimiser.zero_grad()
        outputs = model(images)
        loss = loss_of(outputs, labels)
        loss.backward()
        norm = torch.cat([weight.grad.flatten() for weight in model.parameters()]).norm()
        optimiser.step()
        losses.append(loss.item())
        predicted += outputs.argmax(dim=1).tolist()
        truth += labels.tolist()
    return {
        "train_loss": float(np.mean(losses)),
        "train_balanced_accuracy": balanced_accuracy_score(truth, predicted),
        "gradient_norm": norm.item(),
    }


@torch.no_grad()
def test(model: nn.Module, loader: DataLoader, device: torch.device) -> dict:
    """Loss and balanced accuracy on the test images."""
    model.eval()
    losses, predicted, truth = [], [], []
    for images, labels in loader:
        outputs = model(images.to(device))
        losses.append(loss_of(outputs, labels.to(device)).item() * len(labels))
        predicted += outputs.argmax(dim=1).tolist()
        truth += labels.tolist()
    return {
        "test_loss": float(np.sum(losses) / len(truth)),
        "test_balanced_accuracy": balanced_accuracy_score(truth, predicted),
    }


@torch.no_grad()
def recalibrate(model: nn.Module, loader: DataLoader, device: torch.device) -> None:
    """BatchNorm statistics of the training images, in place of the running ones."""
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.reset_running_stats()
            layer.momentum = None
    model.train()
    for images, _ in loader:
        model(images.to(device))


def run(
    model: nn.Module,
    train_images: Dataset,
    test_images: Dataset,
    epochs: int,
    learning_rate: float,
    device: torch.device,
) -> tuple[list[dict], list[dict]]:
    """Train, test after every epoch, and once more with recalibrated statistics at the end.

    Returns:
        A row an epoch; all copies of the weights.
    """
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate)
    train_loader, test_loader = loader(train_images), loader(test_images)
    rows, path = [], [weights_of(model)]
    for _ in range(epochs):
        began = time.perf_counter()
        row = train_epoch(model, optimiser, train_loader, device)
        row["training_seconds"] = time.perf_counter() - began
        path.append(weights_of(model))
        row |= changes(path)
        began = time.perf_counter()
        row |= test(model, test_loader, device)
        row["evaluation_seconds"] = time.perf_counter() - began
        rows.append(row)
    recalibrate(model, train_loader, device)
    final = test(model, test_loader, device)
    rows[-1] |= {f"{name}_recalibrated": value for name, value in final.items()}
    return rows, path


def loader(images: Dataset) -> DataLoader:
    """Batches in the images' own order."""
    return DataLoader(images, batch_size=BATCH)


def weights_of(model: nn.Module) -> dict:
    """A deep copy of all weights."""
    return {name: copy.deepcopy(weight.detach().cpu()) for name, weight in model.named_parameters()}


def changes(path: list[dict]) -> dict:
    """Norm of all weights, and how far they are from their start and from the epoch before."""
    now, before, start = (flat(path[index]) for index in (-1, -2, 0))
    return {
        "norm": float(np.linalg.norm(now)),
        "displacement_from_start": float(np.linalg.norm(now - start) / np.linalg.norm(start)),
        "displacement_from_previous": float(np.linalg.norm(now - before) / np.linalg.norm(before)),
    }


def flat(weights: dict) -> np.ndarray:
    """All weights in one vector."""
    return np.concatenate([weight.numpy().ravel() for weight in weights.values()])


@torch.no_grad()
def landscape(
    model: nn.Module,
    directions: tuple[np.ndarray, np.ndarray],
    axis: np.ndarray,
    images: torch.Tensor,
    labels: torch.Tensor,
) -> np.ndarray:
    """Losses of the training images, in training mode, on a grid of flat weight vectors."""
    centre = flat(weights_of(model))
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 0.0
    model.train()
    losses = np.zeros((len(axis), len(axis)))
    for row, second in enumerate(axis):
        for column, first in enumerate(axis):
            put(model, centre + first * directions[0] + second * directions[1])
            losses[row, column] = loss_of(model(images), labels).item()
    put(model, centre)
    return losses


def put(model: nn.Module, vector: np.ndarray) -> None:
    """Write a flat vector into the network."""
    state, position = model.state_dict(), 0
    for name, weight in model.named_parameters():
        part = vector[position : position + weight.numel()].reshape(weight.shape)
        state[name] = torch.from_numpy(part.astype(np.float32))
        position += weight.numel()
    model.load_state_dict(state)


def principal_components(path: list[np.ndarray]) -> dict:
    """Shares of variance and coordinates of a path of flat weights on its two main axes."""
    components = PCA(n_components=2, svd_solver="full")
    coordinates = components.fit_transform(np.stack(path))
    return {"explained": components.explained_variance_ratio_, "coordinates": coordinates}
