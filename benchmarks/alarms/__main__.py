"""Count the audit's alarms on sound runs and the flaws that it names."""

import json
import time
from pathlib import Path

import click
import torch

from benchmarks.alarms.counts import (
    flawed_trainings,
    made_runs,
    row_of_flaw,
    sound_trainings,
    table_of_sound,
)
from benchmarks.alarms.made import MADE
from benchmarks.alarms.trainings import FLAWS

# Odd seeds below 10,000 were counted before rules were mended, so they are spent.
FIRST = {"even": 0, "odd": 20001}
FIRST_FLAWED = 1000  # more: seeds of flawed runs are others than those of sound ones


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--half",
    type=click.Choice(list(FIRST)),
    default="odd",
    show_default=True,
    help="Seeds: thresholds were looked at on the even ones, the counts are of the odd ones.",
)
@click.option("--real", type=click.IntRange(1), default=156, show_default=True)
@click.option("--made", type=click.IntRange(1), default=12, show_default=True, help="Of each kind.")
@click.option("--flawed", type=click.IntRange(1), default=20, show_default=True, help="Likewise.")
@click.option(
    "--json",
    "destination",
    type=click.Path(path_type=Path),
    default="docs/alarms.json",
    show_default=True,
)
def main(half: str, real: int, made: int, flawed: int, destination: Path) -> None:
    """Sound runs and flawed ones through the audit: two tables, printed and written."""
    began = time.perf_counter()
    torch.set_num_threads(1)
    first = FIRST[half]
    runs = list(sound_trainings(range(first, first + 20 * real, 2), real))
    runs += made_runs(range(first, first + 2 * made, 2))
    sound = table_of_sound(runs)
    _print_sound(sound, len(MADE))
    first += FIRST_FLAWED
    seeds = range(first, first + 2 * flawed, 2)
    flaws = []
    for flaw in FLAWS:
        flaws.append(row_of_flaw(flaw, list(flawed_trainings(flaw, seeds))))
        _print_flaw(flaws[-1])
    seen = [
        {"run": run.kind, "seed": run.seed, "sentinel": found.sentinel, "saw": found.saw}
        for run in runs
        for found in run.findings
        if found.is_alarm
    ]
    counts = {
        "seeds": half,
        "seconds": round(time.perf_counter() - began),
        "sound": sound,
        "alarms": seen,
        "flaws": flaws,
    }
    destination.parent.mkdir(parents=True, exist_ok=True)
    destination.write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")
    click.echo(f"{counts['seconds']} s; written to {destination}")


def _print_sound(rows: list[dict], kinds: int) -> None:
    click.echo(f"Sound runs (made curves are of {kinds} kinds)")
    for row in rows:
        click.echo(
            f"{row['runs']:16} errors {_words(row['errors'])}, alarms {_words(row['alarms'])} "
            f"{row['sentinels'] or ''}"
        )


def _print_flaw(row: dict) -> None:
    shown = row["named where it can show"]
    click.echo(
        f"{row['flaw']:32} named {_words(row['named'])}"
        + (f", where it can show {_words(shown)}" if shown != row["named"] and shown else "")
    )


def _words(share: dict) -> str:
    low, high = 100 * share["low"], 100 * share["high"]
    return f"{share['count']} of {share['of']} ({low:.1f} to {high:.1f} %)"


if __name__ == "__main__":
    main()
