"""Check and measure a GPU: `python -m benchmarks.gpu`, or `make gpu`."""

import datetime
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import click
import pandas as pd
import torch

from benchmarks import computing, gpu_checks, gpu_times, runs
from benchmarks.limits import limits
from benchmarks.table import table_text
from benchmarks.work import Work
from tlstudy.data.images import cache_images
from tlstudy.networks.device import choose_device, device_name
from tlstudy.storage.environment import environment
from tlstudy.storage.files import without_nan, write_json_atomically

log = logging.getLogger("benchmarks")

NO_GPU = (
    "PyTorch sees no GPU here; `make benchmark` measures a processor, and `python -m "
    "benchmarks.gpu --device cpu --tiny` shows that all parts of this command work."
)
# In this order: what is left out when the time is over are times, not checks.
PARTS: dict[str, Callable[[Work, int, dict], Iterator[dict]]] = {
    "first gradient": gpu_checks.first_gradient,
    "same run again": gpu_checks.run_again,
    "resumed run": gpu_checks.resumed_run,
    "run on the processor": gpu_checks.processor_run,
    "training step": gpu_times.training_step,
    "test pass": gpu_times.passes,
    "whole run": gpu_times.whole_run,
    "several runs": gpu_times.several_runs,
    "landscape": gpu_times.landscape,
}
TINY_MATRIX, TINY_EPOCHS = 256, 3


class Result:
    """What was measured so far, in a file after each row: a call that is ended leaves it there."""

    def __init__(self, destination: Path, work: Work, device: torch.device, side: int | None):
        self.destination = destination
        self.content = {
            "date": datetime.date.today().isoformat(),
            "device": device_name(device),
            "threads": work.threads,
            "cuda": cuda_versions(device),
            "environment": environment(),
            "work": {name: str(value) for name, value in vars(work).items() if name != "cache"},
            "limits": limits(device, side),
            "rows": [],
            "checks": [],
            "failed": {},
            "left_out": list(PARTS),
            "seconds": {},
        }

    def add(self, part: str, rows: Iterator[dict]) -> None:
        """Put a part's rows into the file as they come."""
        began = time.monotonic()
        try:
            for row in rows:
                self.content["checks" if "check" in row else "rows"].append(row)
                self.write()
            torch.cuda.empty_cache()  # other processes need the memory
        except Exception as error:  # what the others find must not be lost
            log.exception("%s", part)
            self.content["failed"][part] = f"{type(error).__name__}: {error}"
        self.content["left_out"].remove(part)  # one that is ended on the way stays there
        self.content["seconds"][part] = time.monotonic() - began
        self.write()

    def write(self) -> None:
        """Replace the file."""
        write_json_atomically(self.destination, without_nan(self.content))

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return not self.content["failed"] and all(row["passed"] for row in self.content["checks"])

    def text(self) -> str:
        """A short account."""
        lines = [table_text(self.content["limits"], pd.DataFrame(self.content["rows"])), ""]
        lines += map(check_line, self.content["checks"])
        lines += [f"FAILED {part}: {error}" for part, error in self.content["failed"].items()]
        if left_out := self.content["left_out"]:
            lines.append(f"Left out, as the time was over: {', '.join(left_out)}.")
        return "\n".join(lines)


def check_line(row: dict) -> str:
    """A check in words."""
    word = "passed" if row["passed"] else "FAILED"
    return f"{word} {row['check']}: {row['found']:.6g} (at {row['bound_is']} {row['bound']:g})"


def cuda_versions(device: torch.device) -> dict:
    """Driver, CUDA, cuDNN and the GPU's memory; nothing on a processor."""
    if device.type != "cuda":
        return {}
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        driver = told.split()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        driver = "unknown"
    properties = torch.cuda.get_device_properties(device)
    return {
        "driver": driver,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "capability": f"{properties.major}.{properties.minor}",
        "memory_gib": properties.total_memory / 2**30,
    }


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--minutes", type=click.FloatRange(0), default=8, show_default=True)
@click.option("--turns", type=click.IntRange(1), default=2, show_default=True)
@click.option("--threads", type=click.IntRange(1), help="Processor threads; all cores if none.")
@click.option("--device", type=click.Choice(["cuda", "cpu"]), default="cuda", hidden=True)
@click.option("--tiny", is_flag=True, hidden=True)
@click.option("--cache", type=click.Path(path_type=Path), default="resources", show_default=True)
@click.option(
    "--json",
    "destination",
    type=click.Path(path_type=Path),
    default="benchmarks/gpu.local.json",
    show_default=True,
    help="File that the figures are written to.",
)
def main(
    minutes: float,
    turns: int,
    threads: int | None,
    device: str,
    tiny: bool,
    cache: Path,
    destination: Path,
) -> None:
    """Check that a GPU computes what it should, and time it.

    No part is begun after so many minutes. Ends with status 1 if a check or a part failed, or if
    there is no GPU: then nothing was checked.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise click.ClickException(NO_GPU)
    began = time.monotonic()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    cache_images(cache)
    chosen = choose_device(device)
    threads = threads or len(os.sched_getaffinity(0))
    work = Work(cache, str(chosen), threads, test_images=10_000, epochs=30, grid=41)
    work = replace(computing.tiny(work), epochs=TINY_EPOCHS) if tiny else work
    runs.set_up(work)  # before anything is computed on the GPU
    result = Result(destination, work, chosen, TINY_MATRIX if tiny else None)
    result.write()
    peaks = result.content["limits"]["operations_per_second"]
    for number, (name, part) in enumerate(PARTS.items(), start=1):
        if time.monotonic() - began > 60 * minutes:
            break
        log.info("%s (part %d of %d)", name, number, len(PARTS))
        result.add(name, part(work, turns, peaks))
    click.echo(result.text())
    click.echo(f"Figures: {destination}")
    sys.exit(0 if result.passed else 1)


if __name__ == "__main__":
    main()
