"""The table of epochs that the watcher writes, and `tlstudy audit` reads."""

import csv
from pathlib import Path

# Names, units and meanings: docs/audit-format.md. What else is given stands after them.
COLUMNS = (
    *("epoch", "train_loss", "train_accuracy", "gradient_norm", "learning_rate"),
    *("test_loss", "test_accuracy", "test_images"),
)

Row = dict[str, float | int | None]

_written: set[Path] = set()  # tables of the watchers of this process


def own_path(path: Path) -> Path:
    """The path if no watcher of this process has a table there; else with -2, -3 and so on."""
    number, own = 1, path
    while own.resolve() in _written and own.exists():
        number += 1
        own = path.with_stem(f"{path.stem}-{number}")
    _written.add(own.resolve())
    return own


def write_table(path: Path, rows: list[Row]) -> None:
    """Write all epochs; a file that is there is replaced. A value that is not known is empty."""
    known = {name for row in rows for name in row}
    columns = [name for name in COLUMNS if name in known]
    columns += [name for row in rows for name in row if name not in COLUMNS]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(columns)))
        writer.writeheader()
        writer.writerows(rows)
