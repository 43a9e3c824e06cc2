"""A small training with every part exchangeable: sound as it is, flawed as a test makes it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.modules import module as torch_module
from torch.overrides import _len_torch_function_stack

import tlstudy
from tlstudy.watching.watcher import Watch

CLASSES, EXAMPLES, BATCH = 4, 64, 16


def examples(seed: int, number: int = EXAMPLES) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs (N, 1, 6, 6) near 0 with deviation 1, whose class shifts a quarter of them."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(number) % CLASSES
    inputs = torch.randn(number, 1, 6, 6, generator=generator)
    inputs.view(number, CLASSES, 9)[torch.arange(number), labels] += 1
    return inputs, labels


def network() -> nn.Sequential:
    """A convolution with BatchNorm, a dropout, and a linear layer."""
    torch.manual_seed(3)
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten()),
        *(nn.Dropout(0.1), nn.Linear(8 * 16, CLASSES)),
    )


def hooks() -> tuple[int, int, int]:
    """How many hooks and modes are open."""
    return (
        len(torch_module._global_forward_hooks),
        len(torch_module._global_forward_pre_hooks),
        _len_torch_function_stack(),
    )


@dataclass
class Loop:
    """A training. What a test changes is one of these.

    Attributes:
        clear: when gradients are cleared: before, late (between backward pass and step), never.
        watched: False trains without a watcher.
    """

    model: nn.Module = field(default_factory=network)
    optimiser: Any = None
    train: tuple = field(default_factory=lambda: examples(0))
    test: tuple = field(default_factory=lambda: examples(1, 32))
    loss: Callable = cross_entropy
    clear: str = "before"
    train_mode: bool = True
    evaluation_mode: bool = True
    epochs: int = 8
    steps: int = EXAMPLES // BATCH
    options: dict = field(default_factory=dict)
    watched: bool = True
    watch: Watch | None = None

    def run(self) -> "Loop":
        """Train; the watcher is closed afterwards."""
        optimiser = self.optimiser or torch.optim.SGD(self.model.parameters(), 0.05, momentum=0.9)
        if self.watched:
            self.watch = tlstudy.watch(self.model, optimiser, **{"path": None, **self.options})
        generator = torch.Generator().manual_seed(1)
        for _ in range(self.epochs):
            self.model.train(self.train_mode)
            order = torch.randperm(len(self.train[0]), generator=generator).split(BATCH)
            for rows in order[: self.steps]:
                self.step(optimiser, *(part[rows] for part in self.train))
            self.evaluate()
            if self.watch:
                self.watch.end_epoch()
        if self.watch:
            self.watch.close()
        return self

    def step(self, optimiser: torch.optim.Optimizer, inputs: torch.Tensor, labels) -> None:
        if self.clear == "before":
            optimiser.zero_grad()
        self.loss(self.model(inputs), labels).backward()
        if self.clear == "late":
            optimiser.zero_grad()
        optimiser.step()

    @torch.no_grad()
    def evaluate(self) -> None:
        self.model.train(not self.evaluation_mode)
        for inputs, labels in zip(*(part.split(8) for part in self.test), strict=True):
            self.loss(self.model(inputs), labels)

    @property
    def names(self) -> dict[str, str]:
        """Severities by name of the findings."""
        return {finding.name: finding.severity for finding in self.watch.findings}
