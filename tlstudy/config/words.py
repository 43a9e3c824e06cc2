"""Values of settings in a few words, for names of arms and runs and for labels."""

from collections.abc import Mapping
from typing import Any

NAMING = ("name", "folder", "python")  # keys whose values say enough


def in_short(value: Any, between: str = "-", together: str = "_") -> str:
    """A value as it may stand in a name: sgd-momentum-0.9 for {name: sgd, momentum: 0.9}.

    What a mapping is called stands without its key, and a switch that is on without its value.

    Args:
        between: stands between a key and its value, and between keys.
        together: stands between the items of a list.
    """
    if isinstance(value, Mapping):
        called = [str(item) for key, item in value.items() if key in NAMING]
        others = {
            key: item for key, item in value.items() if key not in NAMING and item is not None
        }
        pairs = (
            key if item is True else f"{key}{between}{in_short(item, between, together)}"
            for key, item in others.items()
        )
        return between.join([*called, *pairs])
    if isinstance(value, list | tuple):
        return together.join(in_short(item, between, together) for item in value) or "none"
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:g}".replace("+", "")
    return str(value).lower()
