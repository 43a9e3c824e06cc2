"""The tables of a study by a plain pandas loop: every file of a run read, all put together."""

import json
import sys
from pathlib import Path

import pandas as pd

from tlstudy.config.settings import Study
from tlstudy.config.study import build_study, runs
from tlstudy.config.yaml_files import read_content
from tlstudy.jobs import paths
from tlstudy.storage import columns

COMPARED = ("metrics", "layers", "runs")


def plain_tables(study: Study) -> dict[str, pd.DataFrame]:
    """Tables of epochs and layers, and of runs what their records and metrics say."""
    frames: dict[str, list[pd.DataFrame]] = {"metrics": [], "layers": []}
    rows = []
    for run in runs(study):
        folder = paths.folder_of_run(study, run)
        keys = {"arm": run.arm, "subset_size": run.subset_size, "seed": run.seed}
        for name, parts in frames.items():
            parts.append(pd.read_parquet(folder / f"{name}.parquet").assign(**keys))
        record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        training = frames["metrics"][-1]["training_seconds"].sum()
        rows.append(keys | {"training_seconds": training, "seconds": record["seconds"]})
    orders = {"metrics": columns.METRICS, "layers": columns.LAYERS}
    tables = {name: pd.concat(parts)[list(orders[name])] for name, parts in frames.items()}
    return tables | {"runs": pd.DataFrame(rows)}


def main() -> None:
    """Write the tables of a configuration beside the study's own."""
    study = build_study(read_content(Path(sys.argv[1])).settings)
    folder = paths.study_folder(study) / "plain"
    folder.mkdir(exist_ok=True)
    for name, table in plain_tables(study).items():
        table.to_parquet(folder / f"{name}.parquet", index=False)


def values_that_differ(tables: dict[str, pd.DataFrame], folder: Path) -> int:
    """How many values of the plain tables differ from those of the tables in a folder.

    Raises:
        ValueError: the tables have other rows.
    """
    different = 0
    for name in COMPARED:
        plain = tables[name].reset_index(drop=True)
        ours = pd.read_parquet(folder / f"{name}.parquet", columns=list(plain))
        if len(ours) != len(plain):
            raise ValueError(f"{name}: {len(ours)} rows and {len(plain)}")
        for column in plain:
            same = (ours[column] == plain[column]) | (ours[column].isna() & plain[column].isna())
            different += int((~same).sum())
    return different
