"""Single figures with their targets, as rows and as a Markdown table."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

HEADINGS = "| figure | median (least to most) | unit | target |\n|---|---|---|---|"


def figure(
    name: str, values: Sequence[float], unit: str, target: float | None = None, most: bool = True
) -> dict:
    """A row: the median of the turns and their spread.

    Args:
        target: what was asked for, if anything: the most that is allowed, or the least.
    """
    return {
        "name": name,
        "value": float(np.median(values)),
        "least": float(min(values)),
        "most": float(max(values)),
        "turns": len(values),
        "unit": unit,
        "target": target,
        "target_is": "most" if most else "least",
    }


def figures_text(rows: pd.DataFrame) -> str:
    """The rows as a table."""
    return "\n".join([HEADINGS, *map(_line, rows.to_dict("records"))])


def _line(row: dict) -> str:
    values = f"{row['value']:.4g} ({row['least']:.4g} to {row['most']:.4g})"
    target = "" if pd.isna(row["target"]) else f"at {row['target_is']} {row['target']:,g}"
    return f"| {row['name']} | {values} | {row['unit']} | {target} |"
