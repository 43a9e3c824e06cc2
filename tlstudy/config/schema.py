"""The JSON schema of the configuration, generated from the models."""

from pathlib import Path
from typing import Any

from tlstudy.config.fields import ALL, NAME_PATTERN
from tlstudy.config.measurements import measurements
from tlstudy.config.settings import Study
from tlstudy.config.sweeps import NOT_SWEPT

SCHEMA_FILE = Path(__file__).parents[1] / "schema.json"


def configuration_schema() -> dict[str, Any]:
    """JSON schema of a configuration file, in which a list may stand for every swept value."""
    schema = Study.model_json_schema()
    of_optimisers, of_schedules = ("Adam", "AdamW", "SGD"), ("Constant", "Cosine", "Step")
    nested = ("Target", "Canvas", *of_optimisers, *of_schedules, "Trained", "Rescaling")
    for model in ("Arm", *nested, "EarlyStopping"):
        properties = schema["$defs"][model]["properties"]
        for key, value in properties.items():
            if key not in NOT_SWEPT:
                properties[key] = _or_list_of(value)
    for key in ("seed", "subset_size"):
        one = schema["properties"][key]["items"]
        schema["properties"][key]["anyOf"] = [one, _list_of(one)]
        for keyword in ("type", "items", "minItems"):
            del schema["properties"][key][keyword]
    for measurement in measurements().values():
        selected = schema["$defs"][measurement.settings.__name__]["properties"]
        selected["seeds"] = _or_all(selected["seeds"])
    arms, claims = (schema["properties"][key] for key in ("arms", "claims"))
    _or_null(arms, "additionalProperties")
    _or_null(claims["patternProperties"], NAME_PATTERN)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Configuration of a tlstudy study"
    return schema


def _or_null(named: dict[str, Any], key: str) -> None:
    named[key] = {"anyOf": [named[key], {"type": "null", "description": "Left out."}]}


def _or_all(value: dict[str, Any]) -> dict[str, Any]:
    described, constraint = _parts(value)
    return {**described, "anyOf": [{"const": ALL}, constraint]}


def _parts(value: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What describes a value, and what constrains it."""
    described = {key: value[key] for key in ("title", "description", "default") if key in value}
    return described, {key: item for key, item in value.items() if key not in described}


def _or_list_of(value: dict[str, Any]) -> dict[str, Any]:
    described, constraint = _parts(value)
    return {**described, "anyOf": [constraint, _list_of(constraint)]}


def _list_of(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": 1, "uniqueItems": True}
