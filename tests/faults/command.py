"""The command that tries the faults and prints a table of how they ended."""

import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from faults.case import Case, Ending, Surroundings
from faults.kinds import KINDS
from faults.process import ROOT
from faults.tiny_study import TinyStudy

DEFAULT_SEED = 26


def try_case(kind: str, case: Case, seed: int, tiny: TinyStudy) -> Ending:
    """Try a case in a folder of its own; its dice hang on the seed and its name alone.

    Raises:
        AssertionError: it ended wrongly.
    """
    folder = Path(tempfile.mkdtemp(prefix="tlstudy-fault-"))
    try:
        return case.make(Surroundings(folder, random.Random(f"{seed}/{kind}/{case.name}"), tiny))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def chosen(kinds: Iterable[str], part: str = "", fast: bool = False) -> Iterator[tuple[str, Case]]:
    """Cases of kinds whose name contains a text; the fast ones only if wanted."""
    for kind in kinds:
        for case in KINDS[kind]:
            if part in case.name and not (fast and case.slow):
                yield kind, case


def table(counts: dict[str, Counter]) -> str:
    """Counts by kind and end, as lines of a Markdown table."""
    heads = ["kind", "tried", *Ending, "failed"]
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)]]
    total = Counter()
    for kind, found in counts.items():
        lines.append([kind, *_numbers(found)])
        total += found
    lines.append(["all", *_numbers(total)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _numbers(found: Counter) -> list[str]:
    return [str(number) for number in (found.total(), *(found[end] for end in (*Ending, "failed")))]


@click.command()
@click.option("--seed", default=DEFAULT_SEED, show_default=True, help="Of all that is random.")
@click.option(
    "--only", "kinds", multiple=True, type=click.Choice(list(KINDS)), help="May be repeated."
)
@click.option("--case", "part", default="", help="Cases whose name contains this text.")
@click.option("--fast", is_flag=True, help="Only the cases that every run of the tests tries.")
def main(seed: int, kinds: tuple[str, ...], part: str, fast: bool) -> None:
    """Make faults, and count how they end; exit status 1 if one ends wrongly."""
    counts: dict[str, Counter] = {}
    with tempfile.TemporaryDirectory(prefix="tlstudy-faults-") as folder:
        tiny = TinyStudy(Path(folder), ROOT / "resources")
        for kind, case in chosen(kinds or KINDS, part, fast):
            began = time.monotonic()
            try:
                end: str = try_case(kind, case, seed, tiny)
            except AssertionError as error:
                end = "failed"
                again = f"python -m tests.faults --seed {seed} --only '{kind}' --case '{case.name}'"
                click.echo(f"\n{error}\n{again}\n", err=True)
            counts.setdefault(kind, Counter())[end] += 1
            seconds = time.monotonic() - began
            click.echo(f"{kind}: {case.name}: {end} ({seconds:.1f} s)", err=True)
    click.echo(table(counts))
    sys.exit(any(found["failed"] for found in counts.values()))
