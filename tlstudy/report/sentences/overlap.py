"""Table on the gap between the two networks against destroyed local structure."""

import pandas as pd

from tlstudy.audit import overlap
from tlstudy.audit.quantities import Tables
from tlstudy.report.format import MISSING, POINTS, bare_points, number
from tlstudy.report.inputs import Inputs
from tlstudy.report.tables import Table


def overlap_table(inputs: Inputs, size: int) -> Table | None:
    """Gap by blocks, its slope, and its rank correlations; a column for each kind of images."""
    tables = {name: getattr(inputs, name) for name in ("runs", "encoder", "features", "answers")}
    found = overlap.overlap_table(inputs.study, tables, size)
    if found["gap"].isna().all():
        return None
    kinds = dict(list(found.groupby("images", sort=False)))
    heads = ["Measure", *kinds]
    rows = [
        [
            _of_blocks(blocks),
            *(
                _gap(inputs, tables, size, rows[rows["blocks"] == blocks])
                for rows in kinds.values()
            ),
        ]
        for blocks in sorted(found["blocks"].unique())
    ]
    change = "Change of the gap with each doubling of the blocks along a side"
    slopes = (overlap.slope(of_kind) for of_kind in kinds.values())
    rows.append([change, *(each.text(bare_points, POINTS, short=True) for each in slopes)])
    if len(kinds) > 1:
        kinds[overlap.ALL_IMAGES] = found
        heads.append(overlap.ALL_IMAGES.capitalize())
        rows = [[*row, MISSING] for row in rows]
    rows += [
        [
            f"Rank correlation of the gap with: {words}",
            *(
                overlap.rank_correlation(of_kind, score).text(_correlation, short=True)
                for of_kind in kinds.values()
            ),
        ]
        for score, words in overlap.SCORES.items()
    ]
    return Table(heads, rows)


def _correlation(value: float) -> str:
    return number(value, 2)


def _of_blocks(blocks: int) -> str:
    return "Gap on whole images" if blocks == 1 else f"Gap with {blocks} x {blocks} blocks"


def _gap(inputs: Inputs, tables: Tables, size: int, rows: pd.DataFrame) -> str:
    if rows.empty:
        return MISSING
    found = overlap.gap_summary(inputs.study, tables, size, rows)
    return found.text(bare_points, POINTS, short=True)
