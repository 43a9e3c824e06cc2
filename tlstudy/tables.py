"""Reading what the report and the figures are made from: tables, and records of landscapes."""

from pathlib import Path

import pandas as pd

from tlstudy import paths, stored
from tlstudy.columns import (
    CLAIM_VALUES,
    CLAIMS,
    LABORATORY,
    LABORATORY_CLAIM_VALUES,
    LABORATORY_CLAIMS,
    LADDER,
    schema,
)
from tlstudy.settings import Study
from tlstudy.study import STUDY_FILE, selected

# Tables of the stage `claims`, by file name; the others are of the stage `aggregate`.
CLAIM_TABLES = {
    "ladder": LADDER,
    "claims": CLAIMS,
    "claim-values": CLAIM_VALUES,
    "laboratory-claims": LABORATORY_CLAIMS,
    "laboratory-claim-values": LABORATORY_CLAIM_VALUES,
}


def read_table(study: Study, name: str) -> pd.DataFrame:
    """A table of a study by name; columns as in `tlstudy.columns`.

    Raises:
        UserError: it is missing or damaged.
    """
    file = paths.tables_folder(study) / f"{name}.parquet"
    return stored.read_table(file, _command(name, file))


def _command(name: str, file: Path) -> str:
    """The command that makes a table."""
    if name == "formulas":
        return f"formulas --config {file.parents[1] / STUDY_FILE}"
    return "claims" if name in CLAIM_TABLES else "aggregate"


def read_laboratory(study: Study) -> pd.DataFrame:
    """The laboratory's table, empty for a study without experiments."""
    if study.laboratory.experiments:
        return read_table(study, "laboratory")
    return schema(LABORATORY).empty_table().to_pandas()


def read_landscapes(study: Study) -> list[dict]:
    """Landscape records of the study's runs, each with its arm's names: arms may share a run.

    A run that has none yet is left out, and so is one that is to have no landscape.
    """
    records = []
    for run in selected(study, study.landscape):
        file = paths.folder_of_run(study, run) / "landscape.json"
        if not file.is_file():
            continue
        names = {
            "arm": run.arm,
            "group": run.settings.group,
            "label": run.settings.label or run.arm,
            "subset_size": run.subset_size,
            "seed": run.seed,
        }
        records.append(stored.read_record(file, "landscape") | names)
    return records
