"""Result files: their names, and their content in a form that can be compared to the last digit."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

TIMES = {"seconds", "ended", "peak_memory_gib", "training_seconds", "evaluation_seconds"}


def files_of(folder: Path) -> list[str]:
    """Names of all files, relative to the folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [path.relative_to(folder).as_posix() for path in files]


def content(file: Path) -> Any:
    """Everything in a file but how long its making took and how much memory."""
    if file.suffix == ".parquet":
        table = pd.read_parquet(file)
        # Text with every digit, as a value that is not a number does not equal itself.
        return table.drop(columns=[name for name in table if name in TIMES]).to_csv()
    if file.suffix == ".json":
        return json.dumps(_without_times(json.loads(file.read_text())), sort_keys=True)
    return file.read_bytes()


def _without_times(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without_times(value) for key, value in data.items() if key not in TIMES}
    return list(map(_without_times, data)) if isinstance(data, list) else data
