"""What `tlstudy.watch` costs: processor time of a training step, with it and without, in turns."""

import copy
import statistics
import time
from collections.abc import Callable

import click
import torch
from torch.nn.functional import cross_entropy
from torchvision.models import get_model

import tlstudy

SIDE, IMAGES, CLASSES = 128, 50, 10


def step_of(model: torch.nn.Module, optimiser: torch.optim.Optimizer, images: int) -> Callable:
    """A step on the same images (N, 3, 128, 128) at every call; values are of no matter."""
    inputs = torch.randn(images, 3, SIDE, SIDE)
    labels = torch.arange(images) % CLASSES

    def step() -> None:
        optimiser.zero_grad()
        cross_entropy(model(inputs), labels).backward()
        optimiser.step()

    return step


def seconds(work: Callable) -> float:
    """Processor time of all threads, which other programs lengthen less than the clock's."""
    began = time.process_time()
    work()
    return time.process_time() - began


def measure(architecture: str, images: int, turns: int) -> dict[str, float]:
    """Medians of the turns: seconds a step, and what the watcher adds to a step and an epoch."""
    plain = get_model(architecture, num_classes=CLASSES)
    watched = copy.deepcopy(plain)
    plain_step = step_of(plain, torch.optim.Adam(plain.parameters()), images)
    optimiser = torch.optim.Adam(watched.parameters())
    watched_step = step_of(watched, optimiser, images)
    with tlstudy.watch(watched, optimiser, path=None) as watch:
        for step in (plain_step, watched_step) * 2:  # a warm-up
            step()
        pairs, ends = [], []
        for turn in range(turns):
            order = (plain_step, watched_step) if turn % 2 else (watched_step, plain_step)
            spent = {step: seconds(step) for step in order}
            pairs.append((spent[plain_step], spent[watched_step]))
            ends.append(seconds(watch.end_epoch))
    own = statistics.median(without for without, _ in pairs)
    return {
        "seconds": own,
        "added_to_step": statistics.median(with_it / without for without, with_it in pairs) - 1,
        "end_of_epoch": statistics.median(ends) / own,
    }


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--architecture", default="resnet18", show_default=True)
@click.option("--images", type=click.IntRange(2), default=IMAGES, show_default=True)
@click.option("--turns", type=click.IntRange(1), default=20, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
def main(architecture: str, images: int, turns: int, threads: int) -> None:
    """Time a step with and without the watcher, in turns."""
    torch.set_num_threads(threads)
    found = measure(architecture, images, turns)
    click.echo(
        f"{architecture}, {images} images of {SIDE} x {SIDE}: a step takes {found['seconds']:.2f} "
        f"CPU seconds; the watcher adds {100 * found['added_to_step']:.1f} % to it, and "
        f"{100 * found['end_of_epoch']:.1f} % of a step at the end of an epoch."
    )


if __name__ == "__main__":
    main()
