"""Step `formulas`: the table of the printed variants of Proposition 3 against brute force."""

import pandas as pd

from tlstudy.config.settings import Study
from tlstudy.jobs import graph, paths
from tlstudy.jobs.provenance import with_provenance
from tlstudy.storage.columns import schema
from tlstudy.storage.laboratory_columns import FORMULAS
from tlstudy.storage.table_files import write_table
from tlstudy.theory.formulas import check_all


@with_provenance(graph.formulas)
def make_formulas(study: Study) -> pd.DataFrame:
    """Check every formula and write the table of a study.

    Returns:
        A row for each formula: `tlstudy.storage.laboratory_columns.FORMULAS`.
    """
    table = check_all(graph.FORMULA_DRAWS, graph.FORMULA_SEED)
    write_table(paths.formulas_table(study), schema(FORMULAS), table)
    return table
