"""How exact a float32 gradient is in each layout of memory: `python -m benchmarks.memory_layout`.

PyTorch's BatchNorm on a processor sums over images and pixels less exactly when the channels come
last (pytorch#121651), which is the faster layout and ours.
"""

from pathlib import Path

import click
import torch
from torch import nn
from torch.nn.functional import linear

from benchmarks.work import Work
from tlstudy.networks.evaluation import loss_of_head
from tlstudy.networks.inputs import Inputs, resize

LAYOUTS = {"channels last": torch.channels_last, "channels first": torch.contiguous_format}


class Head(nn.Linear):
    """The last layer in whatever precision its inputs have: the study's own is always float32."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return linear(features, self.weight, self.bias)


def gradient(work: Work, precision: torch.dtype, layout: torch.memory_format) -> torch.Tensor:
    """The first gradient of the benchmark's run, all weights in one float64 vector."""
    train, labels, _, _ = work.digits()
    network = work.network()
    network.fc.__class__ = Head
    network = network.to(precision).to(memory_format=layout).train()
    images = Inputs("none", None, torch.device("cpu"))(resize(train, work.side))
    outputs = network(images.to(precision).contiguous(memory_format=layout))
    loss_of_head(outputs, torch.from_numpy(labels), "softmax").backward()
    return torch.cat([weight.grad.double().flatten() for weight in network.parameters()])


def compare(work: Work) -> dict[str, tuple[float, float]]:
    """Norm of the gradient and its cosine with the float64 one, by layout; float64 itself first."""
    exact = gradient(work, torch.float64, torch.contiguous_format)
    found = {"float64": exact}
    found |= {name: gradient(work, torch.float32, layout) for name, layout in LAYOUTS.items()}
    return {
        name: (float(each.norm()), float(each @ exact / each.norm() / exact.norm()))
        for name, each in found.items()
    }


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--cache", type=click.Path(path_type=Path), default="resources", show_default=True)
def main(cache: Path) -> None:
    """Compare the first gradient of a new ResNet-50 in float32 with that in float64."""
    for name, (norm, cosine) in compare(Work(cache, threads=None)).items():
        click.echo(f"{name}: norm {norm:.3f}, cosine {cosine:.5f}")


if __name__ == "__main__":
    main()
