"""Result tables with the columns that are declared for them, written whole or in pieces."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tlstudy.storage.columns import Columns, schema
from tlstudy.storage.files import atomic_path

ROWS_OF_A_GROUP = 250_000


class TableFile:
    """A table while it is written; it collects pieces until they fill a row group."""

    def __init__(self, writer: pq.ParquetWriter):
        self._writer, self._pieces, self._rows = writer, [], 0

    def add(self, table: pa.Table, **constants: str | int) -> None:
        """Append rows.

        Args:
            table: columns by name; a column that it lacks is empty in the file, and a column that
                the file lacks is dropped.
            constants: columns with the same value in all these rows.

        Raises:
            pyarrow.ArrowInvalid: a column cannot be converted to its type in the file.
        """
        columns = [_column(field, table, constants) for field in self._writer.schema]
        self._pieces.append(pa.Table.from_arrays(columns, schema=self._writer.schema))
        self._rows += len(table)
        if self._rows >= ROWS_OF_A_GROUP:
            self.flush()

    def add_frame(self, frame: pd.DataFrame) -> None:
        """The same with the rows of a frame; NaN is empty."""
        known = [name for name in self._writer.schema.names if name in frame]
        self.add(pa.Table.from_pandas(frame[known], preserve_index=False))

    def flush(self) -> None:
        """Write the collected pieces."""
        if self._pieces:
            self._writer.write_table(pa.concat_tables(self._pieces))
        self._pieces, self._rows = [], 0


def _column(field: pa.Field, table: pa.Table, constants: dict) -> pa.Array | pa.ChunkedArray:
    if field.name in constants:
        return pa.repeat(pa.scalar(constants[field.name], field.type), len(table))
    if field.name not in table.schema.names:
        return pa.nulls(len(table), field.type)
    column = table.column(field.name)
    return column if column.type == field.type else column.cast(field.type)


@contextmanager
def table_file(path: Path, columns: Columns) -> Iterator[TableFile]:
    """A table file to be written in pieces, so that only one row group is in memory."""
    kinds = schema(columns)
    # Measured values hardly repeat, and looking for repetitions takes most of the time.
    repeating = [field.name for field in kinds if field.type != pa.float64()]
    with (
        atomic_path(path) as temporary,
        pq.ParquetWriter(temporary, kinds, use_dictionary=repeating) as writer,
    ):
        table = TableFile(writer)
        yield table
        table.flush()


def write_frames(path: Path, columns: Columns, frames: Iterable[pd.DataFrame]) -> None:
    """Write the rows of all frames into one table."""
    with table_file(path, columns) as table:
        for frame in frames:
            table.add_frame(frame)


def write_table(path: Path, kinds: pa.Schema, rows: pd.DataFrame | Iterable[dict]) -> None:
    """Write a table that fits into memory."""
    if isinstance(rows, pd.DataFrame):
        table = pa.Table.from_pandas(rows, kinds, preserve_index=False)
    else:
        table = pa.Table.from_pylist(list(rows), kinds)
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary)
