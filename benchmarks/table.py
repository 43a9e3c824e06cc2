"""The figures of a benchmark as a Markdown table."""

import pandas as pd

from benchmarks.figures import figures_text

HEADINGS = (
    "| part | way | seconds (least to most) | times faster than the plain loop | share of peak |\n"
    "|---|---|---|---|---|"
)


def table_text(limits: dict, rows: pd.DataFrame) -> str:
    """Limits in a line, then a row for each part and way, and for each single figure."""
    rows = rows.reindex(columns=[*rows, *({"seconds", "name"} - set(rows))])
    timed, single = rows.dropna(subset="seconds"), rows.dropna(subset="name")
    lines = [limits_text(limits)]
    if len(timed):
        lines += ["", HEADINGS, *map(_line, timed.to_dict("records"))]
    if len(single):
        lines += ["", figures_text(single)]
    return "\n".join(lines)


def limits_text(limits: dict) -> str:
    """What the machine can do at best."""
    peaks = ", ".join(
        f"{name} {operations / 1e9:,.0f} GFLOP/s"
        for name, operations in limits["operations_per_second"].items()
    )
    return f"Matrix products: {peaks}; copies: {limits['bytes_per_second'] / 1e9:.1f} GB/s."


def _line(row: dict) -> str:
    seconds = f"{row['seconds']:.3g} ({row['least_seconds']:.3g} to {row['most_seconds']:.3g})"
    faster = (
        f"{row['times_faster']:.2f} ({row['least_times_faster']:.2f} to "
        f"{row['most_times_faster']:.2f})"
    )
    share = row.get("share_of_peak")
    peak = f"{share:.0%}" if share == share and share is not None else ""
    return f"| {row['part']} | {row['way']} | {seconds} | {faster} | {peak} |"
