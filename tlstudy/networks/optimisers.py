"""The optimiser of a training, its learning rates and averages of weights, by PyTorch."""

from collections.abc import Callable
from math import ceil
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, LRScheduler, SequentialLR, StepLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from tlstudy.config.training import Training

# PyTorch's class of each optimiser, and its arguments beside learning rate and weight decay.
OPTIMISERS: dict[str, tuple[type[torch.optim.Optimizer], Callable[[Any], dict]]] = {
    "adam": (torch.optim.Adam, lambda own: {"betas": (own.beta1, own.beta2)}),
    "adamw": (torch.optim.AdamW, lambda own: {"betas": (own.beta1, own.beta2)}),
    "sgd": (torch.optim.SGD, lambda own: {"momentum": own.momentum, "nesterov": own.nesterov}),
}


def make_optimiser(
    training: Training, parameters: list[nn.Parameter], rate_factors: list[float]
) -> torch.optim.Optimizer:
    """An optimiser of parameters, each with its learning rate over the optimiser's own."""
    settings = training.optimiser
    groups = [
        {
            "params": [p for p, own in zip(parameters, rate_factors, strict=True) if own == factor],
            "lr": settings.learning_rate * factor,
        }
        for factor in dict.fromkeys(rate_factors)
    ]
    kind, arguments = OPTIMISERS[settings.name]
    return kind(groups, weight_decay=settings.weight_decay, fused=True, **arguments(settings))


def make_schedule(
    training: Training, optimiser: torch.optim.Optimizer, steps: int
) -> LRScheduler | None:
    """What changes the learning rate after each step; None if it stays.

    Args:
        steps: of an epoch.
    """
    settings = training.schedule
    warm_up = ceil(round(settings.warm_up * steps, 6))  # 1.1 * 10 is a little more than 11
    parts: list[LRScheduler] = []
    if warm_up:
        # The first step has a share of the rate, that after the warm-up the whole.
        parts.append(LinearLR(optimiser, start_factor=1 / (warm_up + 1), total_iters=warm_up))
    if settings.name == "cosine":
        parts.append(CosineAnnealingLR(optimiser, max(1, training.epochs * steps - warm_up)))
    if settings.name == "step":
        parts.append(StepLR(optimiser, settings.every * steps, settings.factor))
    if len(parts) < 2:
        return parts[0] if parts else None
    return SequentialLR(optimiser, parts, milestones=[warm_up])


def weight_average(training: Training, network: nn.Module) -> AveragedModel | None:
    """What follows a network's weights by an exponential average; None if nothing does.

    It starts from the weights after the first step. Buffers, such as BatchNorm's running
    statistics, are those of the network itself.
    """
    decay = training.weight_average
    if decay is None:
        return None
    return AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay))
