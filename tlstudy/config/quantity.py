"""The type of a quantity that claims may be about, and families of them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Quantity:
    """One number for each run.

    Attributes:
        unit: its unit, in words that can follow a number.
        words: what it is, to be read before "of <arm>".
        description: how it is computed.
        table: the table without which it has no value; the table of runs is always needed.
        bound: lower or upper if the value is only such a bound of what is meant, as a search
            found it; no verdict goes the other way.
    """

    unit: str
    words: str
    description: str
    table: str
    bound: str = ""


def family(
    name: str,
    arguments: dict[str, str],
    unit: str,
    words: str,
    description: str,
    table: str,
    bound: str = "",
) -> dict[str, Quantity]:
    """Quantities <name>.<argument>; what the argument stands for is put into the words."""
    return {
        f"{name}.{argument}": Quantity(unit, words.format(meaning), description, table, bound)
        for argument, meaning in arguments.items()
    }
