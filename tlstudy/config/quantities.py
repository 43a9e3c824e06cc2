"""The quantities of claims by name: looked up, listed, and the seeds in which they are measured."""

import textwrap
from dataclasses import replace

from tlstudy.config.fields import Selection
from tlstudy.config.hints import did_you_mean
from tlstudy.config.measurements import measured_tables
from tlstudy.config.quantity import Quantity
from tlstudy.config.quantity_table import QUANTITIES, STAGE_FAMILIES
from tlstudy.config.settings import Study
from tlstudy.storage.errors import UserError

# Tables of runs that a study selects, by the key of the selection.
SELECTIONS = tuple(measured_tables())
USUAL = ("balanced_accuracy", "loss")  # compared where no others are named


def quantity_of(name: str) -> Quantity | None:
    """The quantity of a name; None if there is none.

    A stage of any network may follow a family of stages: `probe.features.3`.
    """
    family, _, stage = name.partition(".")
    if name in QUANTITIES or family not in STAGE_FAMILIES or not stage:
        return QUANTITIES.get(name)
    known = QUANTITIES[f"{family}.stem"]
    return replace(known, words=known.words.replace("stem", stage))


def known_quantity(name: str) -> Quantity:
    """
    Raises:
        UserError: there is no such quantity.
    """
    found = quantity_of(name)
    if found is None:
        hint = did_you_mean(name, QUANTITIES)
        raise UserError(f"quantity '{name}': {hint}see `tlstudy claims --quantities`.")
    return found


def planned_seeds(study: Study, name: str) -> list[int]:
    """Seeds in which the study measures the quantity."""
    table = quantity_of(name).table
    if table not in SELECTIONS:
        return list(study.seed)
    selection: Selection = getattr(study, table)
    return [seed for seed in study.seed if seed in selection.seeds]


def listed_names() -> list[str]:
    """Names of all quantities, each family of names in one: probe.<stem|layer1|...>."""
    families: dict[str, list[str]] = {}
    for name in QUANTITIES:
        family, _, argument = name.partition(".")
        families.setdefault(family, []).append(argument)
    return [
        f"{family}.<{'|'.join(arguments)}>" if any(arguments) else family
        for family, arguments in families.items()
    ]


def quantity_data() -> list[dict[str, str]]:
    """The list of quantities for programs: quantity, unit and description."""
    first = {name.partition(".")[0]: quantity for name, quantity in QUANTITIES.items()}
    return [
        {"quantity": name, "unit": quantity.unit, "description": quantity.description}
        for name, quantity in zip(listed_names(), first.values(), strict=True)
    ]


def quantity_list() -> str:
    """The same for a terminal, a paragraph each."""
    indent = {"initial_indent": "    ", "subsequent_indent": "    "}
    return "\n".join(
        f"{each['quantity']}: {each['unit']}\n{textwrap.fill(each['description'], 90, **indent)}"
        for each in quantity_data()
    )
