"""BatchNorm statistics recomputed on given images (flaw F9)."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def recalibrated(network: nn.Module, batches: Iterable[torch.Tensor]) -> Iterator[None]:
    """Within the context, BatchNorm holds the cumulative average over the batches.

    Mean and (unbiased) variance are those of a pass in training mode. On leaving, the running
    statistics and the mode of the network are what they were.
    """
    layers = _layers(network)
    momenta = [layer.momentum for layer in layers]
    buffers = [{key: value.clone() for key, value in layer.named_buffers()} for layer in layers]
    was_training = network.training
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a cumulative average
    try:
        network.train()
        with torch.no_grad():
            for batch in batches:
                network(batch)
        network.train(was_training)
        yield
    finally:
        network.train(was_training)
        for layer, momentum, saved in zip(layers, momenta, buffers, strict=True):
            layer.momentum = momentum
            for key, value in saved.items():
                getattr(layer, key).copy_(value)


@contextmanager
def untracked(network: nn.Module) -> Iterator[None]:
    """Within the context, passes in training mode leave the running statistics alone."""
    layers = _layers(network)
    for layer in layers:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True


def _layers(network: nn.Module) -> list[nn.BatchNorm2d]:
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
