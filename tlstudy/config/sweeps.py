"""Sweeps: lists in the settings of an arm, expanded to arms of their own."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tlstudy.config.messages import describe

Choices = list[tuple[str, Any]]


def expand_arms(arms: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    """All arms by name, for each the arm in which it is written, and a sentence for each mistake.

    An arm that is null is left out, so a later file can remove an arm of an earlier one.
    """
    expanded: dict[str, Any] = {}
    origins: dict[str, str] = {}
    mistakes: list[str] = []
    for name, settings in arms.items():
        if settings is None:
            continue
        variants: Iterable[tuple[Any, Choices]] = [(settings, [])]
        if isinstance(settings, Mapping):
            mistakes += _list_mistakes(f"arms.{name}", settings)
            variants = _variants(settings)
        for variant, choices in variants:
            full_name = f"{name}{''.join(f'~{key}={value}' for key, value in choices)}"
            if full_name in expanded:
                told = f"arms.{name}: two arms are named '{full_name}' (a sweep names its arms so)."
                mistakes.append(told)
            expanded[full_name] = _labelled(variant, str(name), choices)
            origins[full_name] = str(name)
    return expanded, origins, mistakes


def _labelled(variant: Any, name: str, choices: Choices) -> Any:
    """An arm of a sweep, with the values that tell it apart in its label."""
    label = variant.get("label") or name if choices else None
    if not isinstance(label, str):
        return variant
    described = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in choices)
    return variant | {"label": f"{label}, {described}"}


def _variants(settings: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], Choices]]:
    """Every combination of the values listed in (nested) settings, and the chosen values."""
    alternatives: list[list[tuple[Any, Choices]]] = []
    for key, value in settings.items():
        if isinstance(value, list) and not _list_mistake(key, value):
            alternatives.append([(item, [(str(key), item)]) for item in value])
        elif isinstance(value, Mapping):
            alternatives.append(list(_variants(value)))
        else:
            alternatives.append([(value, [])])
    for combination in itertools.product(*alternatives):
        variant = {key: value for key, (value, _) in zip(settings, combination, strict=True)}
        yield variant, [choice for _, choices in combination for choice in choices]


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
