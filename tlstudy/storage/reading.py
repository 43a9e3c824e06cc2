"""Files of earlier steps, read back: one that is missing or damaged ends in a sentence."""

import json
from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from xml.etree import ElementTree

from tlstudy.storage.errors import UserError
from tlstudy.storage.records import RECORDS

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

DEEPEST = 50  # elements within each other in a drawing; Matplotlib's have ten
Content = TypeVar("Content")


def read_json(file: Path, command: str) -> dict[str, Any]:
    """A mapping from a JSON file; asking for a key that it lacks is a UserError too.

    Values have the types of `tlstudy.storage.records`, if the command's files stand there.

    Args:
        command: the command of `tlstudy` that makes the file, for the message.

    Raises:
        UserError: it is missing or damaged.
    """

    class JsonObject(dict):
        def __missing__(self, key: str) -> Any:
            raise _damaged(file, command, f"it lacks '{key}'")

    def read(path: Path) -> dict[str, Any]:
        content = json.loads(
            path.read_text(encoding="utf-8"),
            object_hook=JsonObject,
            parse_constant=_finite,
            parse_float=_finite,
        )
        if not isinstance(content, JsonObject):
            raise _damaged(path, command, "it is no mapping")
        if command in RECORDS:
            check_types(path, command, RECORDS[command], content)
        return content

    return _read(file, command, read)


def json_or_none(file: Path) -> Any:
    """What a JSON file holds; None if there is no such file, or it holds no JSON.

    For files that may be anybody's and that nothing depends on. A pipe or a device is no file:
    to read one might never end.
    """
    try:
        return json.loads(file.read_bytes()) if file.is_file() else None
    except (OSError, ValueError, RecursionError):
        return None


def check_types(file: Path, command: str, kind: Any, content: Any) -> None:
    """
    Args:
        kind: the type that the content must have, for pydantic.

    Raises:
        UserError: names the file and the first value of another type.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        TypeAdapter(kind).validate_python(content, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        lacks = first["type"] == "missing"
        told = f"it lacks '{key}'" if lacks else f"{key}: {first['msg']}"
        raise _damaged(file, command, told) from None


def read_table(
    file: Path, command: str, columns: Mapping[str, tuple[str, str]] | Iterable[str] = ()
) -> "pd.DataFrame":
    """A table from a parquet file.

    Args:
        columns: those that it must have; where they are given with types, of these types.

    Raises:
        UserError: it is missing or damaged, lacks a column, or has one of another type.
    """
    import pandas as pd  # half a second, and JSON needs no tables
    import pyarrow.parquet as pq

    def read(path: Path) -> "pd.DataFrame":
        found = pq.read_schema(path)
        _check_columns(file, command, found.names, columns)
        table = pd.read_parquet(path)
        for name, (kind, _) in columns.items() if isinstance(columns, Mapping) else ():
            other = str(found.field(name).type)
            # A column without values may be of any type.
            if _family(other) != _family(kind) and table[name].notna().any():
                raise _damaged(file, command, f"{name} is of type {other}, must be {kind}")
        return table

    return _read(file, command, read)


def _family(kind: str) -> str:
    """Types that stand for each other: whole numbers with gaps are kept as float64, say."""
    plain = kind.removeprefix("large_").removesuffix("_view").rstrip("0123456789")
    return {"int": "number", "uint": "number", "float": "number", "double": "number"}.get(
        plain, plain
    )


def read_arrow(file: Path, command: str, kinds: "pa.Schema") -> "pa.Table":
    """The same as an Arrow table of these columns, which takes half the time.

    Raises:
        UserError: it is missing or damaged, lacks a column, or has one of another type.
    """
    import pyarrow.parquet as pq

    def read(path: Path) -> "pa.Table":
        # The caller reads several small tables at once, each in a thread of its own.
        table = pq.ParquetFile(path).read(use_threads=False)
        _check_columns(file, command, table.column_names, kinds.names)
        return table.select(kinds.names).cast(kinds)

    return _read(file, command, read)


def _check_columns(file: Path, command: str, found: Iterable[str], columns: Iterable[str]) -> None:
    lost = [column for column in columns if column not in found]
    if lost:
        reason = f"it lacks the column '{lost[0]}', or is of an earlier version"
        raise _damaged(file, command, reason)


def read_svg(file: Path, command: str) -> str:
    """The text of a drawing.

    Raises:
        UserError: it is missing, or is no whole SVG.
    """

    def read(path: Path) -> str:
        text = path.read_text(encoding="utf-8")
        root = ElementTree.fromstring(text)
        if root.tag.rpartition("}")[2] != "svg":
            raise _damaged(path, command, "it is no drawing")
        level = [root]
        for _ in range(DEEPEST):
            level = [inner for element in level for inner in element]
        if level:
            raise _damaged(path, command, "it is nested too deeply")
        return text

    return _read(file, command, read)


def read_tensors(file: Path, command: str) -> dict[str, Any]:
    """Tensors by name from a safetensors file.

    Raises:
        UserError: it is missing or damaged.
    """
    from safetensors.torch import load_file  # takes seconds, and tables need no torch

    return _read(file, command, load_file)


def _finite(text: str) -> float:
    """A number of JSON; results have null for one that is not finite."""
    if not isfinite(number := float(text)):
        raise ValueError(f"{text} is no finite number")
    return number


def _read(file: Path, command: str, reader: Callable[[Path], Content]) -> Content:
    if not file.is_file():
        raise UserError(f"{file}: missing; {made_by(command)}.")
    try:
        return reader(file)
    except UserError:
        raise
    except Exception as error:  # damaged bytes make pyarrow raise almost anything
        if isinstance(error, OSError) and error.filename:
            raise
        kind = file.suffix.removeprefix(".")
        told = kind == "json" and isinstance(error, json.JSONDecodeError)
        reason = str(error) if told else f"it cannot be read as {kind}"
        raise _damaged(file, command, reason) from None


def _damaged(file: Path, command: str, reason: str) -> UserError:
    return UserError(f"{file}: is damaged ({reason}); delete it and {made_by(command)}.")


def made_by(command: str) -> str:
    """What to type to have a file made again.

    Args:
        command: of `tlstudy`. Without arguments it is a step of a study, which Snakemake calls;
            images and weights it gets only for a step that has something to do.
    """
    if command in ("images", "weights"):
        return f"run `tlstudy {command} STUDY`"
    if " " in command:
        return f"run `tlstudy {command}`"
    return f"run the study again (its step `tlstudy {command}`)"
