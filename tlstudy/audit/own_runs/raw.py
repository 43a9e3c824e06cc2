"""A file as it lies there, and a table as a program left it: before any name is understood."""

import gzip
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from tlstudy.storage.errors import UserError

GZIP = b"\x1f\x8b"
WINDOWS = "cp1252"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
SHOWN = 12  # names of columns in a sentence
LONGEST = 40  # characters of a name


@dataclass(frozen=True)
class RawTable:
    """A table of cells under their own names.

    Attributes:
        name: of the run, unless a column names several.
        frame: cells of any type. None and "" are empty; a nan was logged as nan.
        notes: sentences on what the reader did.
        series: set for single curves; those of one file or folder with the same text are joined
            to one table by `Step`.
    """

    name: str
    frame: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    series: str | None = None


@dataclass(frozen=True)
class File:
    """A file, unpacked."""

    path: Path

    @cached_property
    def data(self) -> bytes:
        """Its bytes, decompressed.

        Raises:
            UserError: it cannot be read.
        """
        try:
            data = self.path.read_bytes()
            return gzip.decompress(data) if data.startswith(GZIP) else data
        except (OSError, EOFError, zlib.error) as error:
            raise unreadable(self.path, getattr(error, "strerror", None) or error) from None

    @property
    def text(self) -> str:
        """Its text: UTF-8, UTF-16 if it begins so, or what older programs of Windows write.

        Raises:
            UserError: it is no text.
        """
        return self._decoded[0]

    @property
    def is_of_windows(self) -> bool:
        """Whether the text is no UTF-8 and was read as Windows-1252."""
        return self._decoded[1] == WINDOWS

    @cached_property
    def _decoded(self) -> tuple[str, str]:
        """The text and its encoding."""
        utf_16 = self.data.startswith(UTF_16)
        for encoding in ("utf-16",) if utf_16 else ("utf-8-sig", WINDOWS):
            try:
                text = self.data.decode(encoding)
            except UnicodeDecodeError:
                continue
            if "\0" in text:
                raise unreadable(self.path, "is no text: it has zero bytes")
            return text, encoding
        raise unreadable(self.path, "is no text in UTF-8, UTF-16 or Windows-1252")

    @property
    def stem(self) -> str:
        """The name without `.gz` and without its last suffix."""
        return Path(re.sub(r"\.gz$", "", self.path.name, flags=re.IGNORECASE)).stem


def unreadable(path: Path, reason: object) -> UserError:
    """The error of a file that is not what it seems."""
    return UserError(f"{path}: cannot be read ({' '.join(str(reason).split())[:300]}).")


def listed(names: Iterable[object]) -> str:
    """Names in a sentence, the first dozen of them."""
    texts = [" ".join(str(name).split()) for name in names]
    texts = [text if len(text) <= LONGEST else text[:LONGEST] + "..." for text in texts]
    rest = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(texts[:SHOWN]) + rest


def cells(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a table in which a missing cell is None, so that a nan stays one."""
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [row.get(name) for row in rows] for name in names}
    return pd.DataFrame(columns, index=range(len(rows)), dtype=object)


def joined(frames: Iterable[pd.DataFrame], keys: list[str]) -> pd.DataFrame:
    """Rows with the same keys as one row, by rising keys; of several values the last is kept."""
    rows: dict[tuple, dict[str, Any]] = {}
    for frame in frames:
        for row in frame.to_dict("records"):
            known = rows.setdefault(tuple(_order(row[key]) for key in keys), {})
            known.update((name, cell) for name, cell in row.items() if not is_empty(cell))
    return cells([rows[key] for key in sorted(rows)])


def _order(cell: Any) -> tuple[int, float, str]:
    try:
        return 0, float(cell), ""
    except (TypeError, ValueError, OverflowError):
        return 1, 0.0, str(cell)


def is_empty(cell: Any) -> bool:
    """Whether nothing was logged; a nan was."""
    return cell is None or cell is pd.NA or (isinstance(cell, str) and not cell.strip())
