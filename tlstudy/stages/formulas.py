"""Stage `formulas`: the printed variants of Proposition 3 against brute force, as a table."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tlstudy import artefacts, paths
from tlstudy.columns import FORMULAS, schema
from tlstudy.files import atomic_path
from tlstudy.formulas import check_all
from tlstudy.records import recorded
from tlstudy.settings import Study


@recorded(artefacts.formulas)
def make_formulas(
    study: Study, draws: int = artefacts.FORMULA_DRAWS, seed: int = artefacts.FORMULA_SEED
) -> pd.DataFrame:
    """Check every formula and write the table of a study.

    Returns:
        A row for each formula: `tlstudy.columns.FORMULAS`.
    """
    table = check_all(draws, seed)
    with atomic_path(paths.formulas_table(study)) as temporary:
        content = pa.Table.from_pandas(table, schema(FORMULAS), preserve_index=False)
        pq.write_table(content, temporary)
    return table
