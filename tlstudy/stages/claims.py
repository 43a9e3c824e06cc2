"""Stage `claims`: the ladder and the ledger of claims from the tables."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tlstudy.audit.claims import ledger
from tlstudy.audit.ladder import ladder_table
from tlstudy.audit.theory_claims import laboratory_ledger
from tlstudy.config.measurements import measured_tables
from tlstudy.config.settings import Study
from tlstudy.config.tables import CLAIM_TABLES
from tlstudy.jobs import paths, steps
from tlstudy.jobs.records import recorded
from tlstudy.jobs.tables import read_laboratory, read_table
from tlstudy.storage.columns import schema
from tlstudy.storage.files import atomic_path

MEASURED = ("runs", "metrics", "layers", *measured_tables())


@recorded(steps.claims)
def make_claims(study: Study) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Write the tables of `config.tables.CLAIM_TABLES`.

    Returns:
        The ladder, the ledger and the laboratory's: `tlstudy.storage.columns.LADDER`, `CLAIMS` and
        `LABORATORY_CLAIMS`.
    """
    tables = {name: read_table(study, name) for name in MEASURED}
    claims, values = ledger(study, tables)
    of_laboratory, laboratory_values = laboratory_ledger(
        read_laboratory(study), study.laboratory.experiments
    )
    made = {
        "ladder": ladder_table(study, tables["runs"]),
        "claims": claims,
        "claim-values": values,
        "laboratory-claims": of_laboratory,
        "laboratory-claim-values": laboratory_values,
    }
    for name, table in made.items():
        _write(paths.tables_folder(study) / f"{name}.parquet", table, CLAIM_TABLES[name])
    return made["ladder"], claims, of_laboratory


def _write(path: Path, table: pd.DataFrame, columns: dict) -> None:
    table_schema = schema(columns)
    with atomic_path(path) as temporary:
        content = pa.Table.from_pandas(table, table_schema, preserve_index=False)
        pq.write_table(content, temporary)
