"""The formats of files. One is a function from a file to its tables, or None if it is another."""

from collections.abc import Callable

from tlstudy.audit.own_runs.formats import json_files, parquet, tensorboard, text_tables
from tlstudy.audit.own_runs.raw import File, RawTable

Reader = Callable[[File], list[RawTable] | None]
# In the order in which they are tried. The last one takes any text.
FORMATS: tuple[Reader, ...] = (
    parquet.read,
    tensorboard.read,
    json_files.read,
    text_tables.read,
)


def read_file(file: File) -> list[RawTable]:
    """The tables of a file, by its content: what it is called does not matter.

    Raises:
        UserError: it is in none of the formats, or is damaged.
    """
    found = (read(file) for read in FORMATS)
    return next(tables for tables in found if tables is not None)
