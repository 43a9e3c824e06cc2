"""Run the trial: `python -m benchmarks.trial`.

Scripts of Lightning and Hugging Face run if these are installed.
"""

import contextlib
import importlib.util
import io
import json
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import torch
from click.testing import CliRunner

from benchmarks.trial import networks
from benchmarks.trial.flaws import KINDS, PLANTED, planted
from tlstudy.cli import main as tlstudy_command
from tlstudy.watching.finding import SEVERITIES

SCRIPTS = Path(__file__).parent / "scripts"
NEEDS = {"lightning_module": "lightning", "hugging_face": "transformers"}
SOUND = "none (sound)"


def run_script(source: str, name: str) -> str:
    """What the script prints; an error that ends it is at the end."""
    printed = io.StringIO()
    spaces = {"__name__": "__main__", "__file__": f"{name}.py"}
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(source, f"{name}.py", "exec"), spaces)
        except Exception as error:
            print(f"{type(error).__name__}: {error}")
        if watch := spaces.get("watch"):
            watch.close()
    return printed.getvalue()


def watched(printed: str) -> list[tuple[str, str]]:
    """Severity and name of each finding in the watcher's report."""
    lines = (line.strip().split(": ") for line in printed.splitlines() if line.startswith("  "))
    return [(one[0], one[1]) for one in lines if len(one) == 2 and one[0] in SEVERITIES]


def audited(table: Path, classes: int | None) -> list[tuple[str, str]]:
    """Severity and name of each finding of `tlstudy audit` in the watcher's table."""
    options = ["--classes", str(classes)] if classes else []
    command = ["audit", str(table), "--json", "--fail-on", "never", *options]
    result = CliRunner().invoke(tlstudy_command, command)
    if not result.stdout.startswith("{"):
        return [("unread", result.output.strip().splitlines()[-1])]
    runs = json.loads(result.stdout)["runs"]
    return [(one["severity"], one["sentinel"]) for run in runs for one in run["findings"]]


def trial(scripts: tuple[str, ...], kinds: tuple[str, ...]) -> Iterator[dict]:
    """A row a script and flaw: what the watcher found and what the audit did."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        networks.pretrain(Path("pretrained.pt"))
        sys.modules["networks"] = networks
        for script in scripts:
            source = (SCRIPTS / f"{script}.py").read_text(encoding="utf-8")
            classes = {"regression": None, "fine_tuning": 5}.get(script, 10)
            plantings = {SOUND: (), **PLANTED[script]}
            for kind in kinds or plantings:
                if kind not in plantings:
                    continue
                Path("watch.csv").unlink(missing_ok=True)
                random.seed(0)
                np.random.seed(0)
                printed = run_script(planted(source, plantings[kind]), script)
                found = watched(printed)
                table = Path("watch.csv")
                yield {
                    "script": script,
                    "flaw": kind,
                    "watch": found,
                    "named": bool({name for _, name in found} & KINDS.get(kind, set())),
                    "audit": audited(table, classes) if table.exists() else [],
                    "printed": printed,
                }


def table_text(rows: list[dict]) -> str:
    """A row a flaw and a column a script, as a Markdown table; then how many flaws were found."""
    scripts = list(dict.fromkeys(row["script"] for row in rows))
    cells = {(row["flaw"], row["script"]): _cell(row) for row in rows}
    lines = [f"| flaw | {' | '.join(scripts)} |", "|---" * (len(scripts) + 1) + "|"]
    for flaw in dict.fromkeys(row["flaw"] for row in rows):
        lines.append(f"| {flaw} | {' | '.join(cells.get((flaw, one), '') for one in scripts)} |")
    flawed = [row for row in rows if row["flaw"] != SOUND]
    sound = [row for row in rows if row["flaw"] == SOUND]
    lines += [
        "",
        f"Of {len(flawed)} planted flaws the watcher names {sum(r['named'] for r in flawed)}; its "
        f"table makes the audit raise an error or a warning at {_alarms(flawed, 'audit')}. Of "
        f"{len(sound)} sound scripts the watcher alarms at {_alarms(sound, 'watch')}, the audit at "
        f"{_alarms(sound, 'audit')}.",
    ]
    return "\n".join(lines)


def _cell(row: dict) -> str:
    """Who found something: the watcher named the flaw, the audit raised any alarm."""
    by_watcher = row["named"] or (row["flaw"] == SOUND and _alarms([row], "watch"))
    found = [name for name, yes in (("W", by_watcher), ("A", _alarms([row], "audit"))) if yes]
    return ", ".join(found) or "nothing"


def _told(found: list[tuple[str, str]]) -> str:
    return ", ".join(f"{severity}: {name}" for severity, name in found) or "nothing"


def _alarms(rows: list[dict], by: str) -> int:
    return sum(any(severity in SEVERITIES[:2] for severity, _ in row[by]) for row in rows)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--script", "scripts", multiple=True, type=click.Choice(list(PLANTED)))
@click.option("--flaw", "kinds", multiple=True, type=click.Choice([SOUND, *KINDS]))
@click.option("--verbose", is_flag=True, help="Print what the scripts print.")
def main(scripts: tuple[str, ...], kinds: tuple[str, ...], verbose: bool) -> None:
    """Plant each flaw in each script; print what is found as a Markdown table."""
    torch.set_num_threads(1)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    chosen = scripts or tuple(PLANTED)
    missing = [
        one for one in chosen if one in NEEDS and importlib.util.find_spec(NEEDS[one]) is None
    ]
    rows = []
    for row in trial(tuple(one for one in chosen if one not in missing), kinds):
        rows.append(row)
        found = f"watch: {_told(row['watch'])}; audit: {_told(row['audit'])}"
        click.echo(f"{row['script']}, {row['flaw']}: {found}", err=True)
        if verbose:
            click.echo(row["printed"])
    click.echo(table_text(rows))
    for one in missing:
        click.echo(f"{one} did not run: {NEEDS[one]} is not installed.", err=True)


if __name__ == "__main__":
    main()
