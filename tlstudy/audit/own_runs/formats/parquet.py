"""Parquet."""

import io

import pyarrow as pa
import pyarrow.parquet as pq

from tlstudy.audit.own_runs.raw import File, RawTable, unreadable

MAGIC = b"PAR1"


def read(file: File) -> list[RawTable] | None:
    """The table, in which null is an empty cell and nan is nan."""
    if not file.data.startswith(MAGIC) and file.path.suffix.lower() != ".parquet":
        return None
    try:
        table = pq.read_table(io.BytesIO(file.data))
        frame = table.to_pandas()
    except (OSError, ValueError, TypeError, KeyError, pa.ArrowException) as error:
        raise unreadable(file.path, error) from None
    named = [name for name in frame.index.names if name and name not in frame]
    frame = frame.reset_index(drop=not named)
    for name in set(frame) & set(table.column_names):
        if (column := table[name]).null_count:
            empty = column.is_null().to_numpy()
            frame[name] = frame[name].astype(object).mask(empty, None)
    return [RawTable(file.stem, frame)]
