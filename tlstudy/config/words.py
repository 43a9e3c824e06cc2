"""Values of settings in a few words, for names of arms and runs and for labels."""

from collections.abc import Mapping
from typing import Any


def in_short(value: Any, between: str = "-", together: str = "_") -> str:
    """A value as it may stand in a name: sgd-momentum-0.9 for {name: sgd, momentum: 0.9}.

    Args:
        between: stands between a key and its value, and between keys.
        together: stands between the items of a list.
    """
    if isinstance(value, Mapping):
        first = [in_short(value["name"], between, together)] if "name" in value else []
        others = {key: item for key, item in value.items() if key != "name" and item is not None}
        pairs = (
            f"{key}{between}{in_short(item, between, together)}" for key, item in others.items()
        )
        return between.join([*first, *pairs])
    if isinstance(value, list | tuple):
        return together.join(in_short(item, between, together) for item in value) or "none"
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:g}".replace("+", "")
    return str(value).lower()
