"""Stage `formulas`: the printed variants of Proposition 3 against brute force, as a table."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tlstudy.columns import FORMULAS, schema
from tlstudy.files import atomic_path
from tlstudy.formulas import check_all


def make_formulas(draws: int, seed: int, destination: Path | None = None) -> pd.DataFrame:
    """Check every formula, and write the table where a destination is given.

    Returns:
        A row for each formula: `tlstudy.columns.FORMULAS`.
    """
    table = check_all(draws, seed)
    if destination is not None:
        with atomic_path(destination) as temporary:
            content = pa.Table.from_pandas(table, schema(FORMULAS), preserve_index=False)
            pq.write_table(content, temporary)
    return table
