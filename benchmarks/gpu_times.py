"""How fast a device is, alone and with several runs at once."""

import time
from collections.abc import Iterator
from dataclasses import replace

from benchmarks import computing, landscapes, runs
from benchmarks.computing import BFLOAT16, FLOAT32, PLAIN
from benchmarks.figures import figure
from benchmarks.pairs import at_once, once
from benchmarks.work import SEED, Work
from tlstudy.networks.device import autocast
from tlstudy.networks.evaluation import predict
from tlstudy.networks.trainer import Trainer

PRECISIONS = (FLOAT32, BFLOAT16)
# The plain loop enlarges each image anew in every pass, so few of its epochs are timed.
PLAIN_EPOCHS = 2
PLAIN_GRID = 5
EPOCHS_AT_ONCE = 5
AT_ONCE = (1, 2, 4)
STEP_MS, IMAGES_A_SECOND, TIMES_FASTER = 8, 40_000, 40


def training_step(work: Work, turns: int, _: dict[str, float]) -> Iterator[dict]:
    """Steps of a training."""
    for precision in PRECISIONS:
        seconds = seconds_of_steps(work, precision, turns)
        name = f"training step of {work.train_images} images, {precision}"
        yield figure(name, [1000 * each for each in seconds], "ms", STEP_MS)


def seconds_of_steps(work: Work, precision: str, turns: int) -> list[float]:
    """Seconds of a step: means of epochs of many, after one that warms up."""
    runs.set_up(work)
    device = work.torch_device()
    many = replace(
        work, train_images=work.steps * work.train_images, test_images=10, epochs=turns + 1
    )
    training = many.training(precision).model_copy(update={"batch_size": work.train_images})
    images = runs.images(many, device)
    trainer = Trainer(training, work.network(), images, None, SEED, device, follow_weights=False)
    return [row["training_seconds"] / work.steps for row in trainer.run().metrics[1:]]


def passes(work: Work, turns: int, _: dict[str, float]) -> Iterator[dict]:
    """Predictions of all test images."""
    for precision in PRECISIONS:
        seconds = seconds_of_test_passes(work, precision, turns)
        rates = [work.test_images / each for each in seconds]
        name = f"test pass of {work.test_images:,} images, {precision}"
        yield figure(name, rates, "images/s", IMAGES_A_SECOND, most=False)


def seconds_of_test_passes(work: Work, precision: str, turns: int) -> list[float]:
    """Seconds of passes, after one that warms up."""
    runs.set_up(work)
    device = work.torch_device()
    trainer, seconds = runs.trainer(work, precision), []
    for _ in range(turns + 1):
        began = time.perf_counter()
        with autocast(device, precision):
            predict(trainer.network, trainer.images.test, trainer.images.inputs)
        seconds.append(time.perf_counter() - began)  # the logits are on the processor by now
    return seconds[1:]


def whole_run(work: Work, turns: int, peaks: dict[str, float]) -> Iterator[dict]:
    """A few epochs in turns with the plain loop, then the whole published protocol by ours."""
    few = replace(work, epochs=PLAIN_EPOCHS)
    rows = [row | {"epochs": few.epochs} for row in computing.whole_run(few, turns, peaks)]
    yield from rows
    plain = {row["part"]: row["seconds"] for row in rows if row["way"] == PLAIN}
    epoch = (plain["whole run"] - plain["test pass"]) / few.epochs  # the last has one more pass
    expected = work.epochs * epoch + plain["test pass"]
    what = f"{work.epochs} epochs, {work.test_images:,} test images"
    yield figure(f"{what}, plain loop, by {few.epochs} epochs of it", [expected], "s")
    for precision in PRECISIONS:
        seconds = once(runs.our_run, (work, precision))
        yield figure(f"{what}, {precision}", [seconds], "s")
        faster = [expected / seconds]
        yield figure(f"{what}, {precision}", faster, "times faster", TIMES_FASTER, most=False)


def landscape(work: Work, turns: int, peaks: dict[str, float]) -> Iterator[dict]:
    """A small grid in turns with the plain way, then a large one by ours."""
    few = replace(work, grid=min(PLAIN_GRID, work.grid))
    for row in computing.landscape_grid(few, turns, peaks):
        yield row | {"grid": few.grid}
    name = f"landscape of {work.grid} x {work.grid} points, {work.train_images} images"
    yield figure(name, seconds_of_grids(work, turns), "s")


def seconds_of_grids(work: Work, turns: int) -> list[float]:
    """Seconds of loss grids, each of so many points that a warm-up would change little."""
    grid, seconds = landscapes.our_grid(work), []
    for _ in range(turns):
        began = time.perf_counter()
        grid()
        seconds.append(time.perf_counter() - began)
    return seconds


def several_runs(work: Work, turns: int, _: dict[str, float]) -> Iterator[dict]:
    """Runs in several processes on the one device, the processor's cores shared out."""
    epochs = min(EPOCHS_AT_ONCE, work.epochs)
    for count in AT_ONCE:
        if count > work.threads:
            continue
        each = replace(work, epochs=epochs, threads=work.threads // count)
        seconds = at_once(runs.our_run, (each, BFLOAT16), count, turns)
        rates = [count * 3600 / took * epochs / work.epochs for took in seconds]
        name = f"runs of {work.epochs} epochs an hour, {count} at once, {BFLOAT16}, by {epochs}"
        yield figure(name, rates, "runs/h")
