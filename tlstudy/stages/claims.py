"""Stage `claims`: the ladder and the ledger of claims from the tables."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tlstudy import paths
from tlstudy.claims import ledger
from tlstudy.columns import schema
from tlstudy.files import atomic_path
from tlstudy.ladder import ladder_table
from tlstudy.settings import Study
from tlstudy.tables import CLAIM_TABLES, read_table

MEASURED = ("runs", "metrics", "layers", "encoder", "curvature", "reuse")


def make_claims(study: Study) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write ladder.parquet, claims.parquet and claim-values.parquet.

    Returns:
        The ladder and the ledger: `tlstudy.columns.LADDER` and `CLAIMS`.
    """
    tables = {name: read_table(study, name) for name in MEASURED}
    claims, values = ledger(study, tables)
    made = {"ladder": ladder_table(study, tables["runs"]), "claims": claims, "claim-values": values}
    for name, table in made.items():
        _write(paths.tables_folder(study) / f"{name}.parquet", table, CLAIM_TABLES[name])
    return made["ladder"], claims


def _write(path: Path, table: pd.DataFrame, columns: dict) -> None:
    table_schema = schema(columns)
    with atomic_path(path) as temporary:
        content = pa.Table.from_pandas(table, table_schema, preserve_index=False)
        pq.write_table(content, temporary)
