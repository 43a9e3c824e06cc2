"""Tables of the report: heads of columns, and rows of words or of values with small print."""

from dataclasses import dataclass

from tlstudy.report.format import Cell

MOST_ARM_COLUMNS = 5


@dataclass(frozen=True)
class Table:
    """A table whose rows start with their own head.

    A row of one item is the title of the rows after it; the last item of any other short row
    fills the rest of its row.
    """

    heads: list[str]
    rows: list[list[str | Cell]]


def table_of_arms(corner: str, labels: list[str], rows: list[list[str]]) -> Table:
    """A column for each arm, or a row for each arm where there are many."""
    if len(labels) <= MOST_ARM_COLUMNS:
        return Table([corner, *labels], rows)
    heads, *lines = map(list, zip(["Arm", *labels], *rows, strict=True))
    return Table(heads, lines)
