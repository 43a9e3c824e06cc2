"""Sweeps: lists in the settings of an arm, expanded to arms of their own."""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tlstudy.config.messages import describe
from tlstudy.storage.errors import UserError

MOST_ARMS = 10_000


def expand_arms(arms: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """All arms by name, and for each the arm in which it is written.

    An arm that is null is left out: so a later file removes an arm of an earlier one.
    """
    expanded, origins = {}, {}
    for name, settings in arms.items():
        if settings is None:
            continue
        variants = _variants(settings) if isinstance(settings, Mapping) else [(settings, [])]
        for variant, choices in variants:
            if choices:
                _label(variant, str(name), choices)
            full_name = _variant_name(name, choices)
            expanded[full_name] = variant
            origins[full_name] = str(name)
    return expanded, origins


def _variant_name(name: Any, choices: Iterable[tuple[str, Any]]) -> str:
    return f"{name}{''.join(f'~{key}={value}' for key, value in choices)}"


def _label(variant: dict[str, Any], name: str, choices: Iterable[tuple[str, Any]]) -> None:
    described = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in choices)
    label = variant.get("label") or name
    if isinstance(label, str):
        variant["label"] = f"{label}, {described}"


def _variants(settings: Mapping[str, Any]) -> Iterator[tuple[dict, list[tuple[str, Any]]]]:
    """Every combination of the values listed in (nested) settings."""
    keys, alternatives = list(settings), []
    for key, value in settings.items():
        if _is_sweep(key, value):
            alternatives.append([(item, [(str(key), item)]) for item in value])
        elif isinstance(value, Mapping):
            alternatives.append(list(_variants(value)))
        else:
            alternatives.append([(value, [])])
    for combination in itertools.product(*alternatives):
        variant = {key: value for key, (value, _) in zip(keys, combination, strict=True)}
        yield variant, [choice for _, choices in combination for choice in choices]


def check_number_of_arms(arms: Mapping[str, Any]) -> None:
    """Before they are expanded: three lists of a thousand values are a thousand million arms.

    Raises:
        UserError: an arm's lists make more than `MOST_ARMS`.
    """
    for name, settings in arms.items():
        count = _number_of_variants(settings) if isinstance(settings, Mapping) else 1
        if count > MOST_ARMS:
            raise UserError(f"arms.{name}: found a sweep of {count} arms; allowed are {MOST_ARMS}.")


def _number_of_variants(settings: Mapping[str, Any]) -> int:
    numbers = (
        _number_of_variants(value) if isinstance(value, Mapping) else len(value)
        for key, value in settings.items()
        if isinstance(value, Mapping) or _is_sweep(key, value)
    )
    return math.prod(numbers)


def _is_sweep(key: Any, value: Any) -> bool:
    """Whether a list is a sweep that can be expanded; other lists stay, and are refused."""
    return isinstance(value, list) and not _list_mistake(key, value)


def sweep_mistakes(arms: Mapping[str, Any]) -> Iterator[str]:
    """Sentences on lists that are no sweep, and on arms that get the same name."""
    names: set[str] = set()
    for name, settings in arms.items():
        if settings is None:
            continue
        found = {str(name)}
        if isinstance(settings, Mapping):
            yield from _list_mistakes(f"arms.{name}", settings)
            found = {_variant_name(name, choices) for _, choices in _variants(settings)}
        for double in sorted(names & found):
            yield f"arms.{name}: two arms are named '{double}' (a sweep names its arms so)."
        names |= found


def _list_mistakes(key: str, settings: Mapping[str, Any]) -> Iterator[str]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _list_mistakes(f"{key}.{name}", value)
        elif isinstance(value, list) and (mistake := _list_mistake(name, value)):
            yield f"{key}.{name}: found {describe(value)}; {mistake}."


def _list_mistake(key: Any, values: list[Any]) -> str:
    """Why a list of an arm is no sweep; empty if it is one."""
    if key == "label":
        return "must be text, as the arms of a sweep are told apart by what is swept"
    if key == "optimiser":
        return (
            "must be a mapping; put the list at the value that varies, such as "
            "{learning_rate: [0.01, 0.001]}"
        )
    if not values:
        return "a sweep must have at least one value"
    plain = [_plain(value) for value in values]
    if any(value in plain[:index] for index, value in enumerate(plain)):
        return "a sweep must list a value once only"
    return ""


def _plain(value: Any) -> Any:
    """A number, however it is written (YAML reads 1e-3 as text), or the value."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return value
