"""Folders of results with made-up tables, as the steps leave them; no run is behind them."""

from collections.abc import Mapping
from pathlib import Path

import audit_study
import numpy as np
import pandas as pd
import synthetic

from tlstudy.config.settings import Study
from tlstudy.config.tables import ALL_TABLES
from tlstudy.jobs import paths
from tlstudy.jobs.study_files import keep_study
from tlstudy.storage.columns import schema
from tlstudy.storage.table_files import write_table

ARMS = {
    "new": {"label": "New & old", "initialisation": "random"},
    "pretrained": {"label": "Pretrained", "initialisation": "imagenet"},
}


def small_results(results: Path, name: str, arms: dict | None = None, **changes) -> Study:
    """Two arms, five seeds, 50 images; of a study `name` in the folder `results`."""
    study = synthetic.make_study(arms or ARMS, seeds=5, epochs=4)
    landscape = study.landscape.model_copy(update={"seeds": []})
    return write_results(study, results, name, landscape=landscape, **changes)


def audit_results(results: Path, name: str) -> Study:
    """The audit, with its ladder and claims."""
    study = audit_study.make_study()
    tables = audit_study.make_tables(study)
    return write_results(study, results, name, tables)


def write_results(
    study: Study, results: Path, name: str, tables: Mapping | None = None, **changes
) -> Study:
    """Write the study and its tables, empty ones too."""
    study = study.model_copy(update={"study": name, "results": results, **changes})
    tables = tables or synthetic.make_tables(study)
    keep_study(study)
    for table, columns in ALL_TABLES.items():
        rows = tables.get(table, pd.DataFrame(columns=list(columns)))
        file = paths.tables_folder(study) / f"{table}.parquet"
        write_table(file, schema(columns), filled(rows, columns))
    return study


def filled(rows: pd.DataFrame, columns: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    """The rows with all columns, of their types."""
    rows = rows.reindex(columns=list(columns))
    for column, (kind, _) in columns.items():
        if kind == "string":
            rows[column] = rows[column].astype(object).where(rows[column].notna(), "")
        elif kind == "binary":
            rows[column] = rows[column].astype(object).where(rows[column].notna(), b"")
        elif kind.startswith("int"):
            rows[column] = rows[column].fillna(0)
    return rows


def paired_difference(study: Study) -> np.ndarray:
    """(seeds,) pretrained less new, in the reported balanced accuracy."""
    runs = pd.read_parquet(paths.tables_folder(study) / "runs.parquet").set_index("arm")
    accuracy = runs["reported_balanced_accuracy"]
    return accuracy.loc["pretrained"].to_numpy() - accuracy.loc["new"].to_numpy()
