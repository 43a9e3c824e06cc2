"""Small real trainings as people log them: sound ones, and ones with a planted flaw."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_wine,
    make_classification,
)
from torch import nn
from torch.nn.functional import cross_entropy

TEST_SHARE = 0.4
SIGMOID, BATCHNORM, DROPOUT = "sigmoid", "batchnorm", "dropout"


@dataclass(frozen=True)
class Recipe:
    """A training.

    Attributes:
        data: digits, cancer, wine, or made-K with K classes.
        train: number of training examples, at most.
        widths: of the hidden layers; none for logistic regression.
        layers: what follows each hidden layer beside its activation.
        rate: learning rate; momentum 0.9 with sgd.
        schedule: constant, cosine or step.
        averaged: train values are means over the epoch's steps, else taken after the epoch.
        flaw: name of the flaw, or empty.
    """

    seed: int
    data: str
    train: int
    widths: tuple[int, ...]
    layers: tuple[str, ...]
    optimiser: str
    rate: float
    schedule: str
    epochs: int
    batch: int
    weight_decay: float
    smoothing: float
    averaged: bool
    flaw: str = ""


@dataclass
class Data:
    """Standardised features (N, D) and labels (N,) of training and test examples."""

    train: torch.Tensor
    train_labels: torch.Tensor
    test: torch.Tensor
    test_labels: torch.Tensor
    classes: int


def sound_recipe(seed: int) -> Recipe:
    """A training that a careful person could have chosen."""
    dice = np.random.default_rng(seed)
    optimiser = str(dice.choice(["adam", "adamw", "sgd"]))
    low, high = (-2.3, -1.2) if optimiser == "sgd" else (-3.3, -2.2)
    widths = [(), (32,), (64,), (128, 64), (64, 64, 32)][dice.integers(5)]
    layers = [(), (), (BATCHNORM,), (DROPOUT,), (BATCHNORM, DROPOUT)][dice.integers(5)]
    return Recipe(
        seed=seed,
        data=str(dice.choice(["digits", "digits", "cancer", "wine", "made-2", "made-4", "made-8"])),
        train=int(dice.choice([200, 400, 900])),
        widths=widths,
        layers=layers if widths else (),
        optimiser=optimiser,
        rate=float(10 ** dice.uniform(low, high)),
        schedule=str(dice.choice(["constant", "cosine", "step"])),
        epochs=int(dice.choice([8, 12, 20, 30, 50])),
        batch=int(dice.choice([16, 32, 64])),
        weight_decay=float(dice.choice([0.0, 1e-4, 1e-2])),
        smoothing=float(dice.choice([0.0, 0.0, 0.0, 0.1])),
        averaged=bool(dice.integers(2)),
    )


def flawed_recipe(flaw: str, seed: int) -> Recipe:
    """A training drawn as a sound one, with settings that the flaw needs."""
    return replace(
        sound_recipe(seed),
        flaw=flaw,
        **SETTINGS.get(flaw, lambda dice: {})(np.random.default_rng((seed, 1))),
    )


# What a flaw needs in order to be one. Everything else is as in a sound training.
SETTINGS: dict[str, Callable[[np.random.Generator], dict]] = {
    "overfitting": lambda dice: {
        "train": int(dice.choice([60, 100])),
        "data": str(dice.choice(["digits", "made-4", "made-8"])),
        "widths": (256, 256),
        "layers": (),
        "weight_decay": 0.0,
        "smoothing": 0.0,
        "epochs": int(dice.choice([60, 100])),
        "rate": 0.002,
        "optimiser": "adam",
        "schedule": "constant",
    },
    "statistics lag": lambda dice: {
        "widths": (64, 64),
        "layers": (BATCHNORM,),
        "data": "digits",
        "batch": 64,
        "train": 200,
        "averaged": True,
        "epochs": int(dice.choice([12, 20])),
    },
    "vanishing gradient": lambda dice: {
        "widths": (32,) * 8,
        "layers": (SIGMOID,),
        "optimiser": "sgd",
        "rate": 0.01,
        "epochs": int(dice.choice([12, 20])),
    },
    "diverging": lambda dice: {
        "optimiser": "sgd",
        "rate": float(10 ** dice.uniform(3, 6)),
        "widths": (64, 64),
        "layers": (),
        "schedule": "constant",
    },
    "dead units": lambda dice: {
        "widths": (64, 64),
        "layers": (),
        "epochs": int(dice.choice([12, 20])),
    },
    "oscillating": lambda dice: {
        "optimiser": "sgd",
        "rate": float(10 ** dice.uniform(0.0, 0.7)),
        "data": str(dice.choice(["made-4", "made-8"])),  # no line parts them, so it never rests
        "train": 200,
        "batch": 16,
        "widths": (),
        "layers": (),
        "schedule": "constant",
        "epochs": int(dice.choice([12, 20, 30])),
    },
    "softmax in the loss": lambda dice: {
        "smoothing": 0.0,
        "epochs": int(dice.choice([20, 30, 50])),
    },
    "softmax in the test loss": lambda dice: {
        "smoothing": 0.0,
        "epochs": int(dice.choice([20, 30, 50])),
    },
    "penalty in the loss": lambda dice: {
        "smoothing": 0.0,
        "widths": (256, 256),
        "optimiser": "adam",
        "rate": 0.0005,
        "epochs": int(dice.choice([8, 12, 20])),
    },
    "stopped early": lambda dice: {
        "optimiser": "sgd",
        "rate": 0.0005,
        "epochs": 8,
        "schedule": "constant",
    },
    "learning rate 0": lambda dice: {"rate": 0.0},
    # With two classes a part of each is left in training, so none is missing there.
    "other classes in the test": lambda dice: {
        "data": str(dice.choice(["digits", "made-4", "made-8"]))
    },
}
FLAWS = (
    *SETTINGS,
    "not trained",
    "gradients add up",
    "other preprocessing in the test",
    "other labels in the test",
    "test examples in training",
)


def load(recipe: Recipe) -> Data:
    """Draw and split the examples."""
    dice = np.random.default_rng((recipe.seed, 2))
    if recipe.data.startswith("made"):
        classes = int(recipe.data.partition("-")[2])
        features, labels = make_classification(
            2000,
            n_features=20,
            n_informative=10,
            n_classes=classes,
            class_sep=1.5,
            random_state=recipe.seed,
        )
    else:
        found = {"digits": load_digits, "cancer": load_breast_cancer, "wine": load_wine}
        features, labels = found[recipe.data](return_X_y=True)
        classes = len(np.unique(labels))
    order = dice.permutation(len(labels))
    tests = round(TEST_SHARE * len(labels))
    test, train = order[:tests], order[tests:][: recipe.train]
    if recipe.flaw == "other classes in the test":
        by_label = np.argsort(labels, kind="stable")
        test, train = by_label[-tests:], dice.permutation(by_label[:-tests])[: recipe.train]
    mean, deviation = features[train].mean(axis=0), features[train].std(axis=0)
    deviation = np.maximum(deviation, 0.5 if recipe.data == "digits" else 1e-6)  # dark pixels
    if recipe.flaw == "statistics lag":
        mean, deviation = 0.0, 1.0  # of raw inputs the statistics are far from where they start
    scaled = torch.tensor((features - mean) / deviation, dtype=torch.float32)
    seen = scaled[test]
    if recipe.flaw == "other preprocessing in the test":
        seen = torch.tensor(features[test], dtype=torch.float32) * 10
    targets = torch.tensor(labels)
    test_labels = targets[test]
    if recipe.flaw == "other labels in the test":
        test_labels = test_labels[torch.from_numpy(dice.permutation(len(test)))]
    if recipe.flaw == "test examples in training":
        # The training examples are made harder, as augmentation does; the test examples are theirs.
        seen, test_labels = scaled[train], targets[train]
    return Data(scaled[train], targets[train], seen, test_labels, classes)


def build(recipe: Recipe, inputs: int, classes: int) -> nn.Sequential:
    """The network at its start."""
    parts: list[nn.Module] = []
    for width in recipe.widths:
        parts.append(nn.Linear(inputs, width))
        momentum = 0.01 if recipe.flaw == "statistics lag" else 0.1
        if BATCHNORM in recipe.layers:
            parts.append(nn.BatchNorm1d(width, momentum=momentum))
        parts.append(nn.Sigmoid() if SIGMOID in recipe.layers else nn.ReLU())
        if DROPOUT in recipe.layers:
            parts.append(nn.Dropout(0.2))
        inputs = width
    if recipe.flaw == "dead units":
        nn.init.constant_(parts[-2].bias, -100.0)  # no ReLU of the last hidden layer ever opens
    return nn.Sequential(*parts, nn.Linear(inputs, classes))


def train(recipe: Recipe) -> tuple[pd.DataFrame, int]:
    """Run a training.

    Returns:
        A row an epoch with epoch, train_loss, train_accuracy, test_loss, test_accuracy,
        gradient_norm and learning_rate; the number of classes.
    """
    torch.manual_seed(recipe.seed)
    data = load(recipe)
    network = build(recipe, data.train.shape[1], data.classes)
    held = copy.deepcopy(network) if recipe.flaw == "not trained" else network
    optimiser = _optimiser(recipe, list(held.parameters()))
    scheduler = _scheduler(recipe, optimiser)
    rows = []
    for epoch in range(1, recipe.epochs + 1):
        rate = optimiser.param_groups[0]["lr"]
        row = {"epoch": epoch, **_epoch(recipe, network, optimiser, data)}
        row["learning_rate"] = rate
        scheduler.step()
        rows.append(row)
        if not np.isfinite(row["train_loss"]):
            break
    return pd.DataFrame(rows), data.classes


def _optimiser(recipe: Recipe, weights: list) -> torch.optim.Optimizer:
    options = {"lr": recipe.rate, "weight_decay": recipe.weight_decay, "fused": True}
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(weights, momentum=0.9, **options)
    kind = torch.optim.Adam if recipe.optimiser == "adam" else torch.optim.AdamW
    return kind(weights, **options)


def _scheduler(recipe: Recipe, optimiser: torch.optim.Optimizer):
    if recipe.schedule == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, recipe.epochs)
    size = max(1, recipe.epochs // 2) if recipe.schedule == "step" else recipe.epochs + 1
    return torch.optim.lr_scheduler.StepLR(optimiser, size, gamma=0.1)


def _loss(recipe: Recipe, network: nn.Module, outputs, labels, training: bool):
    flaw = recipe.flaw
    if flaw == "softmax in the loss" or (flaw == "softmax in the test loss" and not training):
        outputs = outputs.softmax(dim=1)
    smoothing = recipe.smoothing if training else 0.0
    loss = cross_entropy(outputs, labels, label_smoothing=smoothing)
    if flaw == "penalty in the loss":
        loss = loss + 0.01 * sum(weight.square().sum() for weight in network.parameters())
    return loss


def _epoch(recipe: Recipe, network: nn.Module, optimiser, data: Data) -> dict[str, float]:
    network.train()
    losses, right = [], []
    for part in torch.randperm(len(data.train)).split(recipe.batch):
        if len(part) < 2:
            continue  # BatchNorm has no statistics of one example
        inputs, labels = data.train[part], data.train_labels[part]
        if recipe.flaw == "test examples in training":
            inputs = inputs + torch.randn_like(inputs)
        outputs = network(inputs)
        loss = _loss(recipe, network, outputs, labels, training=True)
        if recipe.flaw not in ("gradients add up", "not trained"):
            network.zero_grad()
        loss.backward()
        optimiser.step()
        losses += [loss.item()] * len(part)
        right += (outputs.argmax(dim=1) == labels).tolist()
    row = {"train_loss": float(np.mean(losses)), "train_accuracy": float(np.mean(right))}
    norm = torch.stack([weight.grad.square().sum() for weight in network.parameters()]).sum().sqrt()
    network.eval()
    with torch.no_grad():
        if not recipe.averaged and recipe.flaw != "test examples in training":
            outputs = network(data.train)
            loss = _loss(recipe, network, outputs, data.train_labels, training=True)
            row = {"train_loss": float(loss), "train_accuracy": _share(outputs, data.train_labels)}
        outputs = network(data.test)
        loss = _loss(recipe, network, outputs, data.test_labels, training=False)
        row |= {"test_loss": float(loss), "test_accuracy": _share(outputs, data.test_labels)}
    return row | {"gradient_norm": float(norm), "test_images": len(data.test)}


def _share(outputs: torch.Tensor, labels: torch.Tensor) -> float:
    return float((outputs.argmax(dim=1) == labels).double().mean())


def is_sound(table: pd.DataFrame, classes: int) -> bool:
    """Whether a training without a planted flaw went well, by what a careful person asks of it.

    It learnt (test accuracy above twice what guessing gives, or above 80 %), its test loss ends
    within a tenth of its least or 0.02 nats above it, and the train loss fell by a third.
    """
    last, losses = table.iloc[-1], table["test_loss"]
    learnt = last["test_accuracy"] > min(2 / classes, 0.8)
    kept = losses.iloc[-1] <= max(1.1 * losses.min(), losses.min() + 0.02)
    fell = last["train_loss"] < table["train_loss"].iloc[0] * 2 / 3
    return bool(np.isfinite(last[["train_loss", "test_loss"]]).all() and learnt and kept and fell)
