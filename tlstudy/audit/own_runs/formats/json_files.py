"""JSON: histories, records of a trainer, and JSON lines."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tlstudy.audit.own_runs.names import part_of, understood
from tlstudy.audit.own_runs.raw import File, RawTable, cells, unreadable
from tlstudy.storage.errors import UserError

LOG = "log_history"  # of a trainer_state.json of Hugging Face
HISTORY = "history"  # of Keras' History, with its parameters
CURVE = ("Wall time", "Step", "Value")  # TensorBoard's own
DEEPEST = 4
NOTEBOOK = {"cells", "nbformat"}  # of Jupyter
PYTHON = re.compile(r"\s*[\[{(]*\s*\{?\s*'[^']*'\s*:")  # names in single quotes


def read(file: File) -> list[RawTable] | None:
    """The tables of a JSON file, or the rows of one with an object in each line."""
    if file.data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        return None
    try:
        content = json.loads(file.text)
    except RecursionError:
        raise unreadable(file.path, "is nested too deeply") from None
    except ValueError as error:
        rows = list(_lines(file.text))
        if not rows and PYTHON.match(file.text):
            raise UserError(
                f"{file.path}: found a dictionary as Python prints it; must be JSON: write it with "
                "json.dump, or with pandas.DataFrame(...).to_csv."
            ) from None
        if not rows:
            raise unreadable(file.path, f"is no JSON: {error}") from None
        return [RawTable(file.stem, cells([_flat(row) for row in rows]))]
    if isinstance(content, dict) and set(content) >= NOTEBOOK:
        raise UserError(
            f"{file.path}: found a notebook; must be the log itself: write the history in it to a "
            "file, such as pandas.DataFrame(history.history).to_csv('history.csv')."
        )
    tables = list(_tables(content, file.stem))
    if not tables:
        raise UserError(
            f"{file.path}: found JSON without a series of numbers; must have a list for each "
            "quantity, a list of records, or a log_history."
        )
    return tables


def _lines(text: str) -> Iterator[dict[str, Any]]:
    """Objects that have a line; others, such as a last one that was cut off, are left out."""
    for line in text.split("\n"):  # within a text other ends of lines may stand as they are
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            yield row


def _tables(content: Any, name: str, depth: int = 0) -> Iterator[RawTable]:
    if isinstance(content, dict) and depth < DEEPEST:
        yield from _of_object(content, name, depth)
    elif isinstance(content, list):
        objects = [_flat(row) for row in content if isinstance(row, dict)]
        if objects and any(_curves(row) for row in objects):
            for number, row in enumerate(objects, 1):
                yield from _of_object(row, f"{name} {number}", depth)
        elif objects:
            yield RawTable(name, cells(objects))
        elif content and all(isinstance(row, list) and len(row) == len(CURVE) for row in content):
            rows = [dict(zip(CURVE, row, strict=True)) for row in content]
            yield RawTable(name, cells(rows))


def _of_object(content: dict[str, Any], name: str, depth: int) -> Iterator[RawTable]:
    for key in (LOG, HISTORY):
        if isinstance(content.get(key), list | dict):
            yield from _tables(content[key], name, depth + 1)
            return
    if _by_row(content) and all(isinstance(value, dict) for value in content.values()):
        yield from _tables(list(content.values()), name, depth + 1)
        return
    curves = _curves(_flat(content))
    of_runs = all("/" in key and part_of(key.split("/")[0]) is None for key in curves)
    if curves and not of_runs:
        yield _of_curves(curves, name)
        return
    for key, value in content.items():
        yield from _tables(value, str(key), depth + 1)


def _curves(flat: dict[str, Any]) -> dict[str, list[Any]]:
    """Lists of numbers whose names are understood."""
    named = {key: cell for key, cell in flat.items() if understood(key).quantity}
    return {key: line for key, cell in named.items() if (line := _series(cell))}


def _of_curves(curves: dict[str, list[Any]], name: str) -> RawTable:
    """A row for each place. Of a list that is a whole number of times as long, rows are joined.

    So the losses of all steps stand beside the values of the epochs.
    """
    shortest = min((len(line) for line in curves.values() if len(line) > 1), default=1)
    fitting = {key: line for key, line in curves.items() if len(line) % shortest == 0}
    notes = [
        f"{key} is left out: it has {len(line)} values, others {shortest}"
        for key, line in curves.items()
        if key not in fitting
    ]
    if all(len(line) == shortest for line in fitting.values()):
        rows = [{key: line[i] for key, line in fitting.items()} for i in range(shortest)]
        return RawTable(name, cells(rows), notes)
    notes.append(f"the lists have different lengths: joined to {shortest} epochs")
    placed = [
        (i // (len(line) // shortest) + 1, key, value)
        for key, line in fitting.items()
        for i, value in enumerate(line)
        if understood(key).quantity != "epoch"
    ]
    placed.sort(key=lambda cell: cell[0])
    rows = [{"epoch": epoch, key: value} for epoch, key, value in placed]
    return RawTable(name, cells(rows), notes)


def _series(cell: Any) -> list[Any]:
    """A list of numbers or texts, or an object that has one by the number of the row."""
    values = list(cell.values()) if isinstance(cell, dict) and _by_row(cell) else cell
    plain = isinstance(values, list) and not any(isinstance(each, dict | list) for each in values)
    return values if plain else []


def _by_row(content: dict[str, Any]) -> bool:
    return bool(content) and all(key.isdecimal() for key in content)


def _flat(row: dict[str, Any], before: str = "", depth: int = 0) -> dict[str, Any]:
    """Objects within the object as columns of their own: `train/loss`."""
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict) and depth < DEEPEST and not _by_row(value):
            flat |= _flat(value, f"{before}{key}/", depth + 1)
        else:
            flat[f"{before}{key}"] = value
    return flat
