"""Sentences for what the models of the configuration refuse, one for each mistake."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from tlstudy.config.fields import ALL, Settings
from tlstudy.config.hints import did_you_mean
from tlstudy.config.models import MODELS
from tlstudy.config.settings import Study, WeightsFile
from tlstudy.config.targets import Target

# By the keys that lead to them, without names and positions; then by options of commands.
BY_KEYS: dict[str, type[Settings]] = {
    **{place.replace(".<name>", "").replace(", ", "."): model for place, model in MODELS.items()},
    "--target": Target,
    "--source": WeightsFile,
}
TAGGED = ("optimiser", "schedule")  # keys of an arm whose value is one of several models
ALLOWED = {
    "string_pattern_mismatch": "must hold only the letters a to z and A to Z, digits, dots and "
    "hyphens, and start with a letter or a digit",
    "string_type": "must be text",
    "string_too_long": "must have at most 100 characters",
    "path_type": "must be a path",
    "list_type": "must be a list",
    "model_attributes_type": "must be a mapping of keys to values",
    **dict.fromkeys(("float_type", "float_parsing"), "must be a number"),
    **dict.fromkeys(("dict_type", "model_type"), "must be a mapping of keys to values"),
}
FOLDER = ", or for images of your own {folder: path}"


def sentences(
    error: ValidationError, origins: Mapping[str, str] | None = None, option: str = ""
) -> list[str]:
    """One sentence for each mistake: the key, what was found, what is allowed.

    Args:
        origins: for an arm that a sweep made, the arm in which the sweep is written.
        option: the option of the command line that was validated instead of a configuration.
    """
    told: dict[str, None] = {}  # a set that keeps the order
    for item in error.errors():
        location = ((option,) if option else ()) + item["loc"]
        if location[:1] == ("arms",) and len(location) > 1:
            arm = str(location[1])
            location = ("arms", (origins or {}).get(arm, arm), *location[2:])
        told[_sentence(item, location)] = None
    return list(told)


def _sentence(item: Mapping[str, Any], location: tuple[int | str, ...]) -> str:
    kind, found, context = item["type"], item["input"], item.get("ctx", {})
    key = _key(location)
    if kind in ("extra_forbidden", "invalid_key"):
        return f"{key}: unknown key; {_allowed_keys(location)}"
    if kind == "missing":
        hint = "; config.yaml has some, and a study's file lies on top of it"
        return f"{key}: missing; it must be given{hint if key == 'arms' else ''}."
    if kind == "json_invalid":
        return f"{key}: is not JSON ({context['error']})."
    if kind == "value_error" and isinstance(found, Mapping):
        return f"{key}: {context['error']}."
    if kind == "union_tag_not_found":
        return f"{key}.name: missing; it must be given."
    if kind == "union_tag_invalid":
        tags, name = context["expected_tags"], found["name"]
        hint = _nearest(name, tags)
        return f"{key}.name: found {describe(name)}; {hint}must be {tags.replace(', ', ' or ')}."
    return f"{key}: found {describe(found)}; {_allowed(item, location)}."


def _key(location: tuple[int | str, ...]) -> str:
    """The location as the user writes it: without the tags of unions."""
    keys = [str(key) for key in location]
    if keys[:1] in (["seed"], ["subset_size"]):
        del keys[1:]  # a single value is put into a list before it is validated
    if keys[:1] == ["weights"] or (keys[:1] == ["arms"] and keys[2:3] and keys[2] in TAGGED):
        del keys[3:4]
    if keys[:1] == ["arms"] and keys[2:3] == ["augmentation"]:
        del keys[4:5]
        if keys[4:5] == ["classes"]:
            del keys[5:6]
    return ".".join(key for key in keys if key != "[key]") or "the configuration"


def describe(value: Any) -> str:
    """A value in a few words."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, Mapping):
        return "a mapping" if value else "an empty mapping"
    if value == []:
        return "an empty list"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _allowed(item: Mapping[str, Any], location: Sequence[int | str]) -> str:
    kind, context = item["type"], item.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "model_type" and location[:1] == ("weights",):
        return "must be the name of weights, or a mapping with the key file"
    if kind in ("too_short", "too_long"):
        limit = context.get("min_length", context.get("max_length"))
        bound = "at least" if kind == "too_short" else "at most"
        return f"must have {bound} {limit} {'entry' if limit == 1 else 'entries'}"
    if kind == "list_type" and len(location) == 2 and location[1] == "seeds":
        return f"{ALLOWED[kind]}, or {ALL}"
    if kind == "literal_error":
        names = _nearest(item["input"], context["expected"]) + f"must be {context['expected']}"
        return names + (FOLDER if tuple(location[-2:]) == ("target", "name") else "")
    a_text = kind == "int_type" and isinstance(item["input"], str)
    if a_text and location[0] in ("seed", "subset_size"):
        return "must be a whole number, or a list of them, such as [26, 27]"
    return ALLOWED.get(kind) or item["msg"].replace("Input should be", "must be")


def _allowed_keys(location: Sequence[int | str]) -> str:
    keys = [location[0], *(part for part in location[2:-1] if isinstance(part, str))]
    model = BY_KEYS.get(".".join(map(str, keys)), Study) if len(location) > 1 else Study
    allowed = sorted(model.model_fields)
    return f"{did_you_mean(str(location[-1]), allowed)}allowed are {', '.join(allowed)}."


def _nearest(found: Any, allowed: str) -> str:
    """The same question for a value; the allowed ones are in quotation marks."""
    if not isinstance(found, str):
        return ""
    # Values are often short: gpu is near cpu, and not meant by it.
    return did_you_mean(found, re.findall("'(.*?)'", allowed), least=0.7)
