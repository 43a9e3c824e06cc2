"""Arrays of many small networks that are trained at once, and the rows of their measurements."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, Self

Row = dict[str, float | int | str]


class OfManyNetworks:
    """Dataclass of arrays, or None, whose first axis is the network."""

    def of(self, chosen: Any) -> Self:
        """The chosen networks' part."""
        values = (getattr(self, field.name) for field in fields(self))
        return type(self)(*(value if value is None else value[chosen] for value in values))


def measured(condition: Mapping[str, float | str], values: Mapping[str, float]) -> Iterator[Row]:
    """A row of `laboratory_columns.LABORATORY` for each value, without seed and experiment.

    Args:
        condition: settings by column; columns that do not apply are left out.
        values: by name of the measure.
    """
    for measure, value in values.items():
        yield {**condition, "measure": measure, "value": float(value)}
