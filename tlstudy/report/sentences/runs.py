"""The runs one by one: settings that were swept, outcome, alarms and time."""

from dataclasses import dataclass

import pandas as pd

from tlstudy.config.sweeps import swept_keys, swept_values
from tlstudy.report.format import MISSING, duration, is_number, join, loss, number, percent, whole
from tlstudy.report.inputs import Inputs
from tlstudy.watching.finding import ALARMS

# Title, how a value is written, and the unit of the number in a CSV.
VALUES = {
    "reported_balanced_accuracy": ("Balanced accuracy", percent, "share"),
    "reported_loss": ("Loss", loss, "nats"),
    "epochs": ("Epochs", whole, ""),
    "training_seconds": ("Training", duration, "s"),
    "evaluation_seconds": ("Evaluation", duration, "s"),
    "seconds": ("In all", duration, "s"),
    "peak_memory_gib": ("Memory, GiB", lambda gib: number(gib, 2), "GiB"),
}


@dataclass(frozen=True)
class Item:
    """A cell: what is shown, and what is sorted by and written to a CSV."""

    text: str
    value: str | float | int


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        choice: whether rows are filtered by its values.
        unit: of its numbers; empty if they have none.
        words: whether its cells may take several lines.
    """

    title: str
    choice: bool = False
    unit: str = ""
    words: bool = False


@dataclass(frozen=True)
class Runs:
    """All runs, a row for each arm, number of images and seed."""

    columns: list[Column]
    rows: list[list[Item]]


def runs_table(inputs: Inputs) -> Runs:
    """The runs as a table that a reader can filter and sort."""
    swept = swept_keys(inputs.study.arms)
    columns = [
        Column("Arm", choice=True),
        Column("Images", choice=True),
        Column("Seed", choice=True),
        *(Column(key.replace("_", " "), choice=True) for key in swept),
        Column("Outcome", choice=True),
        Column("Alarms", choice=True, words=True),
        *(Column(title, unit=unit) for title, _, unit in VALUES.values()),
    ]
    seen = _alarms(inputs.findings)
    rows = [_row(run, swept, seen) for run in inputs.runs.to_dict("records")]
    return Runs(columns, rows)


def _row(run: dict, swept: list[str], seen: dict[tuple, list[str]]) -> list[Item]:
    key = (run["arm"], run["subset_size"], run["seed"])
    chosen, alarms = swept_values(run["arm"]), join(seen.get(key, [])) or "none"
    return [
        _word(run["label"]),
        Item(whole(run["subset_size"]), int(run["subset_size"])),
        Item(str(run["seed"]), int(run["seed"])),
        *(_swept_value(chosen.get(name, "")) for name in swept),
        _word(run["status"]),
        _word(alarms),
        *(
            Item(shown(value), value) if is_number(value := run.get(name)) else Item(MISSING, "")
            for name, (_, shown, _) in VALUES.items()
        ),
    ]


def _word(text: str) -> Item:
    return Item(text, text)


def _swept_value(text: str) -> Item:
    try:
        return Item(text, float(text))
    except ValueError:
        return Item(text or MISSING, text)


def _alarms(findings: pd.DataFrame) -> dict[tuple, list[str]]:
    """Sentinels that raised an alarm, by arm, number of images and seed."""
    rows = findings[findings["severity"].isin(ALARMS)]
    names = rows["sentinel"].str.replace("-", " ")
    return names.groupby([rows["arm"], rows["subset_size"], rows["seed"]]).agg(list).to_dict()
