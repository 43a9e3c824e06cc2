"""JSON: histories, records of a trainer, and JSON lines."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tlstudy.audit.own_runs.names import part_of, understood
from tlstudy.audit.own_runs.raw import File, RawTable, cells, unreadable
from tlstudy.storage.errors import UserError
from tlstudy.watching.finding import counted

LOG = "log_history"  # of a trainer_state.json of Hugging Face
HISTORY = "history"  # of Keras' History, with its parameters
CURVE = ("Wall time", "Step", "Value")  # TensorBoard's own
DEEPEST = 4
NOTEBOOK = {"cells", "nbformat"}  # of Jupyter
PYTHON = re.compile(r"\s*[\[{(]*\s*\{?\s*'[^']*'\s*:")  # names in single quotes
# nan and inf as Python and C print them, which is not as JSON has them; texts stay as they are.
BARE = re.compile(r'"(?:[^"\\\n]|\\.)*"?|([-+]?)\b(?:(nan)(?:\(\w*\))?|inf(?:inity)?)(?!\w)', re.I)


def read(file: File) -> list[RawTable] | None:
    """The tables of a JSON file, or the rows of one with an object in each line."""
    if file.data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        return None
    text = BARE.sub(_of_json, file.text)
    try:
        content = json.loads(text)
    except RecursionError:
        raise unreadable(file.path, "is nested too deeply") from None
    except ValueError as error:
        rows, damaged = _lines(text)
        if not rows and PYTHON.match(file.text):
            raise UserError(
                f"{file.path}: found a dictionary as Python prints it; must be JSON: write it with "
                "json.dump, or with pandas.DataFrame(...).to_csv."
            ) from None
        if not rows:
            raise unreadable(file.path, f"is no JSON: {error}") from None
        last = text.rstrip().count("\n") + 1
        if damaged and damaged[0] < last:
            raise unreadable(file.path, f"line {damaged[0]} is no JSON object") from None
        notes = [f"line {last}, the last one, is cut off and left out"] if damaged else []
        return [RawTable(file.stem, cells([_flat(row) for row in rows]), notes)]
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


def _of_json(found: re.Match) -> str:
    """A bare nan or inf as JSON of Python has it."""
    if found[1] is None:
        return found[0]
    return "NaN" if found[2] else f"{found[1].strip('+')}Infinity"


def _lines(text: str) -> tuple[list[dict[str, Any]], list[int]]:
    """Objects that have a line, and the numbers of lines with anything else."""
    rows, damaged = [], []
    # Within a text other ends of lines may stand as they are.
    for number, line in enumerate(text.split("\n"), 1):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict):
            rows.append(row)
        elif line.strip():
            damaged.append(number)
    return rows, damaged


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

    So the losses of all steps stand beside the values of the epochs. A list may be longer by one:
    a training that was stopped in an epoch has a train loss of it, and no validation loss. A test
    list that is longer has a look before the training, so it is left out: which value is of which
    epoch is not known.
    """
    number = _number_of_rows(curves)
    fitting, notes = {}, []
    for key, line in curves.items():
        if _is_multiple(len(line), number):
            fitting[key] = line
        elif _is_longer(key, len(line), number):
            fitting[key] = line[:number]
            notes.append(
                f"the last value of {key} is left out: it has {len(line)}, others {number}"
            )
        else:
            values = counted(len(line), "value")
            notes.append(f"{key} is left out: it has {values}, others {number}")
    if all(len(line) == number for line in fitting.values()):
        rows = [{key: line[i] for key, line in fitting.items()} for i in range(number)]
        return RawTable(name, cells(rows), notes)
    notes.append(f"the lists have different lengths: joined to {number} epochs")
    placed = [
        (i // (len(line) // number) + 1, key, value)
        for key, line in fitting.items()
        for i, value in enumerate(line)
        if understood(key).quantity != "epoch"
    ]
    placed.sort(key=lambda cell: cell[0])
    rows = [{"epoch": epoch, key: value} for epoch, key, value in placed]
    return RawTable(name, cells(rows), notes)


def _number_of_rows(curves: dict[str, list[Any]]) -> int:
    """The length that most lists fit; at a tie one of the training, the longest.

    Not of learning rates alone.
    """
    lengths = {key: len(line) for key, line in curves.items()}
    known = [lengths[key] for key in lengths if understood(key).quantity != "learning_rate"]
    trained = {length for key, length in lengths.items() if not _is_of_test(key)}

    def rank(number: int) -> tuple[int, bool, int]:
        fits = (
            _is_multiple(length, number) or _is_longer(key, length, number)
            for key, length in lengths.items()
        )
        return sum(fits), number in trained, number

    return max(known or lengths.values(), key=rank, default=1)


def _is_multiple(length: int, number: int) -> bool:
    """Whether it is a whole number of times as long; any list is of a single value."""
    return length % number == 0 if number > 1 else length == 1


def _is_longer(key: str, length: int, number: int) -> bool:
    return length == number + 1 and not _is_of_test(key)


def _is_of_test(key: str) -> bool:
    return part_of(key) in ("validation", "test")


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
