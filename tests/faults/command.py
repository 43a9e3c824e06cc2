"""The command that makes the faults and prints a table of how they ended."""

import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from faults import damage, disks, kills, mirrors, twice
from faults.case import Case, Ending, Surroundings
from faults.process import ROOT
from faults.tiny_study import TinyStudy
from tlstudy.data.images import cache_images

DEFAULT_SEED = 26
# In the order of the table.
KINDS: dict[str, list[Case]] = {
    "mirror": mirrors.CASES,
    "damage": damage.CASES,
    "kill": kills.CASES,
    "disk": disks.CASES,
    "two at once": twice.CASES,
}


def try_case(kind: str, case: Case, seed: int, tiny: TinyStudy) -> Ending:
    """Try a case in a folder of its own; its dice depend on the seed and its name alone.

    Raises:
        AssertionError: it ended wrongly.
    """
    folder = Path(tempfile.mkdtemp(prefix="tlstudy-fault-"))
    try:
        generator = random.Random(f"{seed}/{kind}/{case.name}")
        return case.make(Surroundings(folder, generator, tiny), *case.arguments)
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
    ends = [*Ending, "failed"]
    lines = [["kind", "tried", *ends], ["---", "---:", *["---:"] * len(ends)]]
    for kind, found in [*counts.items(), ("all", sum(counts.values(), Counter()))]:
        lines.append([kind, str(found.total()), *(str(found[end]) for end in ends)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


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
        cache = ROOT / "resources"
        cache_images(cache)
        tiny = TinyStudy(Path(folder), cache)
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
