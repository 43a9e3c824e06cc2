"""Which jobs of how many threads train fastest together: `python -m benchmarks.jobs`.

Training steps of all jobs are counted for some time, alone and beside a process that keeps one core
busy. Threads of a job wait for each other: by spinning or, with OMP_WAIT_POLICY=PASSIVE, asleep.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import torch

from benchmarks.work import SEED, Work
from tlstudy.data.images import cache_images
from tlstudy.networks.device import keep_freed_memory, make_deterministic
from tlstudy.networks.inputs import Inputs, resize
from tlstudy.networks.trainer import Images, Trainer

READY = "ready"
BUSY = "while True: pass"


@dataclass(frozen=True)
class Way:
    """Jobs that run at the same time."""

    jobs: int
    threads: int
    asleep: bool = False
    compiled: bool = False

    @property
    def name(self) -> str:
        """Two jobs of one thread each, and how they wait."""
        waiting = ", waiting asleep" if self.asleep else ""
        compiled = ", compiled by PyTorch" if self.compiled else ""
        return f"{self.jobs} job(s) of {self.threads} thread(s){waiting}{compiled}"


def ways(cores: int, compiled: bool) -> list[Way]:
    """All threads in one job, or one thread in each of many."""
    found = [Way(1, cores), Way(1, cores, asleep=True), Way(cores, 1)]
    if compiled:
        found += [Way(1, cores, compiled=True), Way(cores, 1, compiled=True)]
    return found


def work_on(cache: Path, threads: int, compiled: bool) -> None:
    """A job: told for how many seconds, it trains, and prints its steps a second."""
    make_deterministic(threads)
    keep_freed_memory()
    work, device = Work(cache, threads=threads), torch.device("cpu")
    train, labels, _, _ = work.digits()
    training = work.training()
    inputs = Inputs(training.normalisation, None, device)
    images = Images(resize(train, work.side, device), torch.from_numpy(labels), None, None, inputs)
    network = work.network()
    if compiled:
        network.compile()
    trainer = Trainer(training, network, images, None, SEED, device, follow_weights=False)
    batches = trainer.fixed_batches()
    for _ in range(2):
        trainer._take(batches)
    print(READY, flush=True)
    seconds = float(sys.stdin.readline())
    began, steps = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        trainer._take(batches)
        steps += 1
    print(steps / (time.perf_counter() - began), flush=True)


def steps_a_second(way: Way, cache: Path, seconds: float, neighbour: bool) -> float:
    """Of all jobs together."""
    policy = {"OMP_WAIT_POLICY": "PASSIVE"} if way.asleep else {}
    options = ["--job", f"{way.threads}", *(["--compiled"] if way.compiled else [])]
    command = [sys.executable, "-m", "benchmarks.jobs", "--cache", str(cache), *options]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    jobs = [subprocess.Popen(command, env=os.environ | policy, **pipes) for _ in range(way.jobs)]
    for job in jobs:
        while (line := job.stdout.readline()).strip() != READY:
            if not line:
                raise RuntimeError(f"a job ended: {' '.join(command)}")
    with _busy_core() if neighbour else nullcontext():
        for job in jobs:
            job.stdin.write(f"{seconds}\n")
            job.stdin.flush()
        return sum(float(job.communicate()[0]) for job in jobs)


@contextmanager
def _busy_core() -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-c", BUSY])
    try:
        yield
    finally:
        process.kill()
        process.wait()


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--cache", type=click.Path(path_type=Path), default="resources", show_default=True)
@click.option("--seconds", type=float, default=30, show_default=True, help="Of each measurement.")
@click.option("--turns", type=click.IntRange(1), default=2, show_default=True)
@click.option("--compiled", is_flag=True, help="Also networks compiled by torch.compile (minutes).")
@click.option("--job", type=int, hidden=True)
def main(cache: Path, seconds: float, turns: int, compiled: bool, job: int | None) -> None:
    """Count training steps of ResNet-50 on the slides' 50 images."""
    if job:
        work_on(cache, job, compiled)
        return
    cache_images(cache)
    compared = ways(len(os.sched_getaffinity(0)), compiled)
    found: dict[tuple[Way, bool], list[float]] = {}
    for _ in range(turns):
        for way in compared:
            for neighbour in (False, True):
                steps = steps_a_second(way, cache, seconds, neighbour)
                found.setdefault((way, neighbour), []).append(steps)
    for (way, neighbour), steps in found.items():
        beside = "beside a busy core" if neighbour else "alone"
        click.echo(
            f"{way.name}, {beside}: {1 / np.median(steps):.2f} s a step "
            f"({1 / max(steps):.2f} to {1 / min(steps):.2f})"
        )


if __name__ == "__main__":
    main()
