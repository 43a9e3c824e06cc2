"""Step `claims`: the ladder and the ledger of claims from the tables."""

import pandas as pd

from tlstudy.audit.answers import of_tables
from tlstudy.audit.claims import ledger
from tlstudy.audit.ladder import ladder_table
from tlstudy.audit.theory_claims import laboratory_ledger
from tlstudy.config.settings import Study
from tlstudy.config.tables import AGGREGATED_TABLES, CLAIM_TABLES
from tlstudy.jobs import graph, paths
from tlstudy.jobs.claims_seen import read_sightings
from tlstudy.jobs.provenance import with_provenance
from tlstudy.jobs.tables import read_table
from tlstudy.storage.columns import schema
from tlstudy.storage.table_files import write_table


@with_provenance(graph.claims)
def make_claims(study: Study) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Write the tables of `config.tables.CLAIM_TABLES`.

    Returns:
        The ladder, the ledger and the laboratory's: `tlstudy.storage.columns.LADDER`, `CLAIMS` and
        `LABORATORY_CLAIMS`.
    """
    tables = {name: read_table(study, name) for name in AGGREGATED_TABLES}
    claims, values = ledger(study, tables, read_sightings(study))
    of_laboratory, laboratory_values = laboratory_ledger(
        tables["laboratory"], study.laboratory.experiments
    )
    made = {
        "ladder": ladder_table(study, tables["runs"], of_tables(study, tables)),
        "claims": claims,
        "claim-values": values,
        "laboratory-claims": of_laboratory,
        "laboratory-claim-values": laboratory_values,
    }
    for name, table in made.items():
        file = paths.tables_folder(study) / f"{name}.parquet"
        write_table(file, schema(CLAIM_TABLES[name]), table)
    return made["ladder"], claims, of_laboratory
