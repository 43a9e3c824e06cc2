"""How exact a float32 gradient is, and what that costs: `python -m benchmarks.exactness`.

The first gradient of a run with the slides' inputs, beside the same in float64. PyTorch's BatchNorm
on a processor sums less exactly when the channels come last (pytorch#121651), which is the faster
layout and ours. Our own BatchNorm sums in blocks.
"""

import copy
import time
from pathlib import Path

import click
import numpy as np
import torch
from torch import nn
from torch.nn.functional import linear

from benchmarks.work import SEED, Work
from tlstudy.data.images import cache_images
from tlstudy.jobs import paths
from tlstudy.networks.batchnorm import BatchNorm2d
from tlstudy.networks.build import initial_network
from tlstudy.networks.device import keep_freed_memory
from tlstudy.networks.evaluation import loss_of_head
from tlstudy.networks.inputs import Inputs, resize
from tlstudy.networks.pretrained import PretrainedWeights
from tlstudy.networks.weights import cache_weights, load_weights

OURS, NATIVE, FIRST = "ours", "PyTorch's BatchNorm", "PyTorch's BatchNorm, channels first"
WAYS = {
    OURS: (BatchNorm2d, torch.channels_last),
    NATIVE: (nn.BatchNorm2d, torch.channels_last),
    FIRST: (nn.BatchNorm2d, torch.contiguous_format),
}


class Head(nn.Linear):
    """The last layer in whatever precision its inputs have: the study's own is always float32."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return linear(features, self.weight, self.bias)


class Start:
    """The start of a run: network, inputs and labels.

    Args:
        weights: None for a new network.
    """

    def __init__(self, work: Work, weights: PretrainedWeights | None):
        train, labels, _, _ = work.digits()
        self.network = initial_network(work.training(), SEED, weights)
        self.network.fc.__class__ = Head
        self.inputs = Inputs("none", None, torch.device("cpu"))(
            resize(train, work.side, torch.device("cpu"))
        )
        self.labels = torch.from_numpy(labels)

    def network_with(self, batchnorm: type, layout: torch.memory_format) -> nn.Module:
        """A copy of the network in training mode."""
        network = copy.deepcopy(self.network)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.__class__ = batchnorm
        return network.to(memory_format=layout).train()

    def gradient(self, network: nn.Module, layout: torch.memory_format) -> torch.Tensor:
        """The gradient by all weights, in one vector of the weights' precision and device."""
        weights = list(network.parameters())
        inputs = self.inputs.to(weights[0]).contiguous(memory_format=layout)
        labels = self.labels.to(weights[0].device)
        loss = loss_of_head(network(inputs), labels, "softmax")
        return torch.cat([part.flatten() for part in torch.autograd.grad(loss, weights)])

    def exact_gradient(self) -> torch.Tensor:
        """The gradient in float64, on the processor."""
        network = self.network_with(nn.BatchNorm2d, torch.contiguous_format).double()
        return self.gradient(network, torch.contiguous_format)


def cosines(start: Start) -> dict[str, float]:
    """Cosine of each way's gradient with float64's."""
    exact = start.exact_gradient()
    return {
        name: cosine(start.gradient(start.network_with(batchnorm, layout), layout), exact)
        for name, (batchnorm, layout) in WAYS.items()
    }


def cosine(gradient: torch.Tensor, exact: torch.Tensor) -> float:
    """Cosine of the angle between a gradient on any device and one in float64."""
    each = gradient.cpu().double()
    return float(each @ exact / each.norm() / exact.norm())


def step_seconds(start: Start, turns: int) -> dict[str, list[float]]:
    """Processor seconds of a forward and a backward pass, the ways in turns after a warm-up."""
    networks = {name: start.network_with(*way) for name, way in WAYS.items()}
    seconds = {name: [] for name in WAYS}
    for turn in range(turns + 1):
        for name, network in networks.items():
            began = time.process_time()
            start.gradient(network, WAYS[name][1])
            if turn:
                seconds[name].append(time.process_time() - began)
    return seconds


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--cache", type=click.Path(path_type=Path), default="resources", show_default=True)
@click.option("--weights", default="he2015", show_default=True, help="Source of weights.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
@click.option("--turns", type=click.IntRange(1), default=5, show_default=True)
def main(cache: Path, weights: str, threads: int, turns: int) -> None:
    """Compare the first gradient of ResNet-50 in float32 with that in float64, and time it."""
    keep_freed_memory()
    torch.set_num_threads(threads)
    work = Work(cache, threads=threads)
    cache_images(cache)
    folder = paths.weights_folder(cache, work.architecture, (weights,))
    if not folder.is_dir():
        cache_weights((weights,), work.architecture, folder, paths.downloads_folder(cache))
    for title, chosen in (("new", None), ("pretrained", load_weights(folder))):
        start = Start(work, chosen)
        found, seconds = cosines(start), step_seconds(start, turns)
        for name in WAYS:
            shares = np.divide(seconds[name], seconds[NATIVE])
            click.echo(
                f"{title}, {name}: cosine {found[name]:.5f}, {np.median(seconds[name]):.2f} s, "
                f"{np.median(shares):.3f} ({min(shares):.3f} to {max(shares):.3f}) times {NATIVE}'s"
            )


if __name__ == "__main__":
    main()
