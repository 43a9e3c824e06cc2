"""Measure this machine: `python -m benchmarks`."""

import datetime
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pandas as pd
import torch

from benchmarks import computing
from benchmarks.limits import limits
from benchmarks.scale import scale
from benchmarks.table import table_text
from benchmarks.work import Work
from tlstudy.data.images import cache_images
from tlstudy.networks.device import choose_device, device_name
from tlstudy.storage.environment import environment

log = logging.getLogger("benchmarks")

PARTS: dict[str, Callable[[Work, int, dict], Iterator[dict]]] = {
    "run": computing.whole_run,
    "landscape": computing.landscape_grid,
    "plane": computing.trajectory_plane,
    "scale": scale,
}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--part", "parts", multiple=True, type=click.Choice(list(PARTS)), help="All if none.")
@click.option("--turns", type=click.IntRange(1), default=3, show_default=True)
@click.option("--test-images", type=click.IntRange(10, 10_000), default=1000, show_default=True)
@click.option("--epochs", type=click.IntRange(2), default=2, show_default=True)
@click.option(
    "--runs",
    type=click.IntRange(8),
    default=1000,
    show_default=True,
    help="Made runs that are put into tables; each takes about 0.7 MB on the disk.",
)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto")
@click.option(
    "--threads", type=click.IntRange(1), help="Processor threads; all cores if not given."
)
@click.option("--tiny", is_flag=True, help="A small network: shows that all works, not how fast.")
@click.option("--cache", type=click.Path(path_type=Path), default="resources", show_default=True)
@click.option(
    "--json",
    "destination",
    type=click.Path(path_type=Path),
    default="benchmarks/this-machine.local.json",
    show_default=True,
    help="File that the figures are written to.",
)
def main(
    parts: tuple[str, ...],
    turns: int,
    test_images: int,
    epochs: int,
    runs: int,
    device: str,
    threads: int | None,
    tiny: bool,
    cache: Path,
    destination: Path,
) -> None:
    """Time each part of a study, ours and a plain loop's in turns, beside the machine's limits.

    The parts that compute take about a quarter of an hour on two cores; scale comes on top.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    cache_images(cache)
    threads = threads or len(os.sched_getaffinity(0))
    chosen = choose_device(device)
    torch.set_num_threads(threads)
    work = Work(cache, chosen.type, threads, test_images=test_images, epochs=epochs, runs=runs)
    work = computing.tiny(work) if tiny else work
    log.info("limits of %s", device_name(chosen))
    measured = limits(chosen)
    rows = []
    for number, part in enumerate(parts or PARTS, start=1):
        log.info("%s (part %d of %d)", part, number, len(parts or PARTS))
        rows += PARTS[part](work, turns, measured["operations_per_second"])
    result = {
        "date": datetime.date.today().isoformat(),
        "device": device_name(chosen),
        "threads": threads,
        "environment": environment(),
        "work": {name: str(value) for name, value in vars(work).items() if name != "cache"},
        "limits": measured,
        "rows": rows,
    }
    destination.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    click.echo(table_text(result["limits"], pd.DataFrame(rows)))
    click.echo(f"Figures: {destination}")


if __name__ == "__main__":
    main()
