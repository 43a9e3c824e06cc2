"""Sweeps: lists in the settings of an arm, expanded to arms of their own."""

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tlstudy.config.words import in_short
from tlstudy.storage.errors import UserError

MOST_ARMS = 10_000
Choices = list[tuple[str, Any]]
# Lists are no sweeps there: arms are told apart by what is swept, and stages go together.
NOT_SWEPT = ("label", "stages")
# A list is one value there; a sweep is a list of lists.
LISTS = ("augmentation",)


def expand_arms(arms: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """All arms by name, and for each the arm in which it is written.

    An arm that is null is left out, so a later file can remove an arm of an earlier one.

    Raises:
        UserError: two arms have the same name, or are of one value that is written in two ways.
    """
    expanded: dict[str, Any] = {}
    origins: dict[str, str] = {}
    taken: set[str] = set()
    for name, settings in arms.items():
        if name is None or isinstance(name, bool):
            raise UserError(
                f"arms: found an arm named {name}, as YAML takes words such as on, yes and null; "
                "must be text: put the name in quotes."
            )
        if settings is None:
            continue
        swept = isinstance(settings, Mapping)
        count = _count(settings) if swept else 1
        if len(expanded) + count > MOST_ARMS:
            raise UserError(
                f"arms.{name}: its lists stand for {count:,} arms; all arms of a study must be at "
                f"most {MOST_ARMS:,}: list fewer values."
            )
        for variant, choices in _variants(settings) if swept else [(settings, [])]:
            full_name, plain_name = (
                f"{name}{''.join(f'~{key}={shown(value)}' for key, value in choices)}"
                for shown in (_named, _plain)
            )
            if taken & {full_name, plain_name}:
                raise UserError(
                    f"arms.{name}: two arms are named '{plain_name}'; names must differ (a sweep "
                    "names its arms so, and must list a value once only)."
                )
            taken |= {full_name, plain_name}
            expanded[full_name] = _labelled(variant, str(name), choices)
            origins[full_name] = str(name)
    return expanded, origins


def written_name(arm: str) -> str:
    """The name under which a swept arm is written: pretrained, of pretrained~epochs=3."""
    return arm.partition("~")[0]


def swept_values(arm: str) -> dict[str, str]:
    """What a sweep set in an arm, by key: ~key=value each, at the end of its name."""
    return dict(re.findall(r"~(\w+)=(.*?)(?=~\w+=|$)", arm))


def swept_keys(arms: Iterable[str]) -> list[str]:
    """Keys that sweeps set in any of the arms."""
    return list(dict.fromkeys(key for arm in arms for key in swept_values(arm)))


def _count(settings: Mapping[str, Any]) -> int:
    """How many combinations there are of the values listed in (nested) settings."""
    counts = (
        sum(map(_count_of, value)) if _is_sweep(key, value) else _count_of(value)
        for key, value in settings.items()
    )
    return math.prod(counts)


def _count_of(value: Any) -> int:
    return _count(value) if isinstance(value, Mapping) else 1


def _named(value: Any) -> str:
    """A value in the name of an arm."""
    return in_short(value) if isinstance(value, Mapping | list) or value is None else str(value)


def _plain(value: Any) -> Any:
    """The number in a text, as YAML reads 1e-3 as text; any other value as in a name."""
    if isinstance(value, Mapping):
        return _named({key: _plain(item) for key, item in value.items()})
    try:
        return float(value) if isinstance(value, str) else _named(value)
    except ValueError:
        return value


def _in_label(value: Any) -> str:
    if isinstance(value, list):
        return " + ".join(map(_in_label, value)) or "none"
    words = in_short(value, " ", " and ") if isinstance(value, Mapping) else _named(value)
    return words.replace("_", " ")


def _is_sweep(key: str, value: Any) -> bool:
    if not isinstance(value, list) or not value or key in NOT_SWEPT:
        return False
    return key not in LISTS or any(isinstance(item, list) for item in value)


def _labelled(variant: Any, name: str, choices: Choices) -> Any:
    """An arm of a sweep, with the values that tell it apart in its label."""
    label = variant.get("label") or name if choices else None
    if not isinstance(label, str):
        return variant
    described = ", ".join(f"{key.replace('_', ' ')} {_in_label(value)}" for key, value in choices)
    return variant | {"label": f"{label}, {described}"}


def _items(item: Any) -> Iterator[Any]:
    if isinstance(item, Mapping):
        yield from (variant for variant, _ in _variants(item))
    else:
        yield item


def _variants(settings: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], Choices]]:
    """Every combination of the values listed in (nested) settings, and the chosen values."""
    alternatives: list[list[tuple[Any, Choices]]] = []
    for key, value in settings.items():
        if _is_sweep(key, value):
            # Two optimisers may each have a list of learning rates.
            items = [one for item in value for one in _items(item)]
            alternatives.append([(item, [(str(key), item)]) for item in items])
        elif isinstance(value, Mapping):
            alternatives.append(list(_variants(value)))
        else:
            alternatives.append([(value, [])])
    for combination in itertools.product(*alternatives):
        variant = {key: value for key, (value, _) in zip(settings, combination, strict=True)}
        yield variant, [choice for _, choices in combination for choice in choices]
