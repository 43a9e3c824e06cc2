"""Reading the aggregated tables."""

import pandas as pd

from tlstudy import paths
from tlstudy.errors import UserError
from tlstudy.settings import Study


def read_table(study: Study, name: str) -> pd.DataFrame:
    """runs, metrics or layers of a study; columns as in `tlstudy.columns`.

    Raises:
        UserError: it is missing.
    """
    file = paths.tables_folder(study) / f"{name}.parquet"
    if not file.is_file():
        raise UserError(f"{file}: missing; run `tlstudy aggregate`.")
    return pd.read_parquet(file)
