"""The published protocol with all its test images, timed once: `python -m benchmarks.published`.

An epoch costs as much as any other, so a few stand for the thirty: the table has both.
"""

import datetime
import json
import logging
import time
from pathlib import Path

import click
import torch

from benchmarks import runs
from benchmarks.pairs import apart
from benchmarks.work import Work
from tlstudy.networks.device import device_name
from tlstudy.storage.environment import environment

PUBLISHED_EPOCHS, PUBLISHED_IMAGES = 30, 10_000
WAYS = {
    "plain loop": (runs.plain_run,),
    "float32": (runs.our_run, "float32"),
    "float32, tested in bfloat16": (runs.our_run, "float32", "bfloat16"),
}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--epochs", type=click.IntRange(2), default=PUBLISHED_EPOCHS, show_default=True)
@click.option("--threads", type=click.IntRange(1), help="All cores if not given.")
@click.option("--cache", type=click.Path(path_type=Path), default="resources", show_default=True)
@click.option(
    "--json",
    "destination",
    type=click.Path(path_type=Path),
    default="benchmarks/published.local.json",
    show_default=True,
)
def main(epochs: int, threads: int | None, cache: Path, destination: Path) -> None:
    """Time a run of the published protocol in three ways, one after the other."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    work = Work(cache=cache, threads=threads, epochs=epochs, test_images=PUBLISHED_IMAGES)
    rows = [{"way": name, **apart(_timed, work, *way)} for name, way in WAYS.items()]
    facts = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "device": device_name(torch.device("cpu")),
        "threads": threads or torch.get_num_threads(),
        "epochs": epochs,
        "environment": environment(),
    }
    destination.write_text(json.dumps({**facts, "rows": rows}, indent=1) + "\n")
    for row in rows:
        click.echo(
            f"{row['way']}: step {row['step']:.2f} s, test pass {row['test_pass']:.1f} s, "
            f"run of {epochs} epochs {row['seconds'] / 60:.1f} min, of {PUBLISHED_EPOCHS} "
            f"{row['hours_of_the_published_run']:.2f} h"
        )


def _timed(work: Work, prepare, *arguments: str) -> dict:
    """Seconds of the run, of a training step, of a test pass, and of the run of thirty epochs."""
    once = prepare(work, *arguments)
    began = time.perf_counter()
    steps = [row["training_seconds"] for row in once()["rows"]]
    seconds = time.perf_counter() - began
    # After the last epoch there is a second pass, with recalibrated statistics.
    step, test = sum(steps) / len(steps), (seconds - sum(steps)) / (len(steps) + 1)
    whole = PUBLISHED_EPOCHS * step + (PUBLISHED_EPOCHS + 1) * test
    return {
        "step": step,
        "test_pass": test,
        "seconds": seconds,
        "hours_of_the_published_run": whole / 3600,
    }


if __name__ == "__main__":
    main()
