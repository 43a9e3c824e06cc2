"""From the shapes that programs give a table to one with a column for each quantity of each run."""

import re
from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from tlstudy.audit.own_runs.names import (
    AXES,
    METRIC_COLUMN,
    PART_OF_WORD,
    SPLIT_COLUMN,
    is_run,
    part_of,
    understood,
    words_of,
)
from tlstudy.audit.own_runs.raw import RawTable, cells, is_empty, joined

RUN_AND_METRIC = re.compile(r"^(.+) - (.+?)$")  # Weights & Biases: "sunny-sea-1 - val_loss"
EXTREMES = ("__MIN", "__MAX")  # of the runs of a group
WHOLE_RUN = "train_runtime"  # in the last row of a Trainer, which is about all of the training
STEP = "Step"
VALUE = "value"


def shaped(table: RawTable) -> list[RawTable]:
    """The table without columns and rows that are no quantities, and in the usual shape."""
    frame = table.frame.rename(columns=lambda name: str(name).strip())
    frame = frame.loc[:, ~frame.columns.duplicated()]
    frame = frame.drop(columns=[name for name in frame if re.fullmatch(r"(Unnamed: \d+)?", name)])
    frame = frame.astype({n: object for n in frame if not isinstance(frame[n].dtype, np.dtype)})
    notes = list(table.notes)
    if WHOLE_RUN in frame and len(frame) > 1:
        of_all = frame[WHOLE_RUN].map(lambda cell: not is_empty(cell))
        if of_all.sum() < len(frame):
            notes.append(f"left out {of_all.sum()} row of the whole training ({WHOLE_RUN})")
            frame = frame[~of_all].reset_index(drop=True)
    parts = _runs_in_names(frame) or {table.name: frame}
    return [
        RawTable(name, _wide(part, notes), list(notes), table.series)
        for name, part in parts.items()
    ]


def _runs_in_names(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The columns of each run, where names are of a run and a metric."""
    named = {name: RUN_AND_METRIC.match(name) for name in frame}
    named = {
        n: m if m and set(words_of(m[1])) - set(PART_OF_WORD) else None for n, m in named.items()
    }
    runs = [match[1] for match in named.values() if match and understood(match[2]).quantity]
    parts = {}
    for run in dict.fromkeys(runs):
        names = {
            name: match[2] if match else name
            for name, match in named.items()
            if not name.endswith(EXTREMES) and (not match or match[1] == run)
        }
        part = frame[list(names)].rename(columns=names)
        part = part.loc[:, ~part.columns.duplicated()]
        own = [names[name] for name in names if named[name]]
        there = part[own].map(lambda cell: not is_empty(cell)).any(axis=1)
        parts[run] = part[there].reset_index(drop=True)
    return parts


def _wide(frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """A column for each metric of each part, where rows tell the part or the metric."""
    value = next((name for name in frame if name.lower() == VALUE), None)
    metric = value and next((n for n in frame if set(words_of(n)) & METRIC_COLUMN), None)
    split = next((name for name in frame if _is_split(name, frame[name])), None)
    if not split and not metric:
        return frame
    notes.append(f"rows are told apart by {' and '.join(filter(None, (split, metric)))}")
    keys = [
        n
        for n in frame
        if n not in (split, metric) and (understood(n).quantity in AXES or is_run(n))
    ]
    metrics = [value] if metric else [n for n in frame if n not in (*keys, split)]
    rows = []
    for row in frame.to_dict("records"):
        before = "" if not split or is_empty(row[split]) else f"{row[split]}/"
        own = {before + (str(row[metric]) if metric else name): row[name] for name in metrics}
        rows.append({**{key: row[key] for key in keys}, **own})
    once = metric or not frame[[*keys, split]].map(str).duplicated().any()
    return joined([cells(rows)], keys) if keys and once else cells(rows)


def _is_split(name: str, column: pd.Series) -> bool:
    if not set(words_of(name)) & SPLIT_COLUMN:
        return False
    parts = {part_of(str(cell)) for cell in column if not is_empty(cell)}
    return bool(parts) and None not in parts


def of_series(tables: Iterable[RawTable]) -> Iterator[RawTable]:
    """Tables, those of single curves joined by `Step`.

    A curve's run may be a folder or a file for each part: `train` and `validation`.
    """
    series: dict[str, list[RawTable]] = {}
    for table in tables:
        if table.series is None:
            yield table
        else:
            run, frame = _with_part(table.frame, table.series)
            series.setdefault(run, []).append(RawTable(run or table.name, frame, table.notes))
    for parts in series.values():
        if len(parts) == 1:
            yield parts[0]
        else:
            whole = joined((part.frame for part in parts), [STEP])
            yield RawTable(parts[0].name, whole, [f"{len(parts)} sets of curves joined by step"])


def _with_part(frame: pd.DataFrame, run: str) -> tuple[str, pd.DataFrame]:
    """The run, and the curves named after their part if the run's last folder is one.

    It is if it says nothing else (`train`), or if it is a curve's name with the part
    (`Loss_train`, as the add_scalars of PyTorch makes them).
    """
    *before, last = run.split("/")
    curves = [name for name in frame if name not in (STEP, "Wall time")]
    of_curve = any(last.startswith(name.replace("/", "_") + "_") for name in curves)
    if not part_of(last) or not (of_curve or set(words_of(last)) <= set(PART_OF_WORD)):
        return run, frame
    return "/".join(before), frame.rename(columns={name: f"{last}/{name}" for name in curves})
