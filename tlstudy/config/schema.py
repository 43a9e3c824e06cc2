"""The JSON schema of the configuration, generated from the models."""

from typing import Any

from pydantic.json_schema import models_json_schema

from tlstudy.config.fields import ALL, NAME_PATTERN
from tlstudy.config.measurements import measurements
from tlstudy.config.models import MODELS
from tlstudy.config.settings import Study
from tlstudy.config.sweeps import NOT_SWEPT

# Parts of an arm in which a list is no sweep.
WHOLE = ("arms.<name>.augmentation", "arms.<name>.target.images")


def configuration_schema() -> dict[str, Any]:
    """JSON schema of a configuration file, in which a list may stand for every swept value."""
    return schema_and_models()[0]


def schema_and_models() -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The same, and the definition in it of each of `MODELS`, by place."""
    schema, models = _plain()
    for place, model in models.items():
        if place.startswith("arms.") and not place.startswith(WHOLE):
            properties = model["properties"]
            for key, value in properties.items():
                if key not in NOT_SWEPT:
                    properties[key] = _or_list_of(value)
    for key in ("seed", "subset_size"):
        one = schema["properties"][key]["items"]
        schema["properties"][key]["anyOf"] = [one, _list_of(one)]
        for keyword in ("type", "items", "minItems"):
            del schema["properties"][key][keyword]
    for name in measurements():
        selected = models[name]["properties"]
        selected["seeds"] = _or_all(selected["seeds"])
    arms, claims = (schema["properties"][key] for key in ("arms", "claims"))
    _or_null(arms, "additionalProperties")
    _or_null(claims["patternProperties"], NAME_PATTERN)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Configuration of a tlstudy study"
    return schema, models


def _plain() -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """As the models are, without sweeps.

    pydantic says what it calls each of them: another package may have one of the same name.
    """
    every = dict.fromkeys((Study, *MODELS.values()))
    references, schema = models_json_schema([(model, "validation") for model in every])
    definitions = schema["$defs"]
    names = {model: at["$ref"].rpartition("/")[2] for (model, _), at in references.items()}
    study = definitions.pop(names[Study])
    models = {place: definitions[names[model]] for place, model in MODELS.items()}
    return {"$defs": definitions, **study}, models


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
