"""Rows in which an experiment writes down its measurements."""

from collections.abc import Iterator, Mapping

Row = dict[str, float | int | str]


def measured(condition: Mapping[str, float | str], values: Mapping[str, float]) -> Iterator[Row]:
    """A row of `tlstudy.storage.columns.LABORATORY` for each value, without seed and experiment.

    Args:
        condition: settings by column; columns that do not apply are left out.
        values: values by name of the measure.
    """
    for measure, value in values.items():
        yield {**condition, "measure": measure, "value": float(value)}
