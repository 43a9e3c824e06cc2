"""From configuration files to a validated study and the list of its runs."""

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from tlstudy.errors import UserError
from tlstudy.settings import Arm, Study, Training, WeightsFile, WeightsSource
from tlstudy.weights import allowed_sources, known_source

SMALLEST_DIGIT_CLASS = 5421  # training images of the digit 5, the rarest


@dataclass(frozen=True)
class Run:
    """One training: an arm, a subset size and a seed."""

    arm: str
    settings: Arm
    subset_size: int
    seed: int
    sources: tuple[WeightsSource, ...]

    @cached_property
    def name(self) -> str:
        """Folder name of the training settings; the same for arms that share them.

        It holds a digest of the settings that differ from their defaults, so that a new
        setting with a default leaves the runs that exist valid.
        """
        sources = [
            source if isinstance(source, str) else source.model_dump(mode="json")
            for source in self.sources
        ]
        canonical = {"training": changed_training(self.settings), "sources": sources}
        return f"{self.settings.initialisation}-{digest(canonical)}"


def digest(data: Any) -> str:
    """Ten hexadecimal digits of the SHA-256 of the data as JSON; the order of keys counts."""
    text = json.dumps(data, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def changed_training(arm: Arm) -> dict[str, Any]:
    """The arm's training settings that differ from their defaults."""
    changed = arm.model_dump(mode="json", exclude_defaults=True)
    return {key: value for key, value in changed.items() if key in Training.model_fields}


def read_configuration(paths: Sequence[Path]) -> dict[str, Any]:
    """Merge YAML (or JSON) files; later ones override, mapping by mapping."""
    merged: dict[str, Any] = {}
    for path in paths:
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{path}: cannot be read ({error}).") from None
        except yaml.YAMLError as error:
            raise UserError(f"{path}: is not YAML ({' '.join(str(error).split())}).") from None
        if not isinstance(content, dict):
            raise UserError(f"{path}: found {type(content).__name__}; must be a mapping of keys.")
        _merge(merged, content)
    return merged


def _merge(target: dict[str, Any], update: Mapping[str, Any]) -> None:
    for key, value in update.items():
        if isinstance(value, Mapping) and isinstance(target.get(key), Mapping):
            target[key] = dict(target[key])
            _merge(target[key], value)
        else:
            target[key] = value


def build_study(configuration: Mapping[str, Any]) -> Study:
    """Expand the sweeps of a configuration and validate it.

    Raises:
        UserError: one sentence for each key that is wrong.
    """
    expanded = dict(configuration)
    for key in ("seed", "subset_size"):
        if key in expanded and not isinstance(expanded[key], list):
            expanded[key] = [expanded[key]]
    if isinstance(expanded.get("arms"), Mapping):
        expanded["arms"] = _expand_arms(expanded["arms"])
    try:
        study = Study.model_validate(expanded)
    except ValidationError as error:
        problems = dict.fromkeys(_sentence(item) for item in error.errors())
        raise UserError("\n".join(problems)) from None
    problems = dict.fromkeys(_contradictions(study))
    if problems:
        raise UserError("\n".join(problems))
    return study


def load_study(paths: Sequence[Path]) -> Study:
    """Read, merge and validate configuration files."""
    return build_study(read_configuration(paths))


def _expand_arms(arms: Mapping[str, Any]) -> dict[str, Any]:
    expanded = {}
    for name, settings in arms.items():
        if not isinstance(settings, Mapping):
            expanded[str(name)] = settings
            continue
        for variant, choices in _variants(settings):
            suffix = "".join(f"~{key}={value}" for key, value in choices)
            if choices:
                label = settings.get("label") or name
                described = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in choices)
                variant["label"] = f"{label}, {described}"
            expanded[f"{name}{suffix}"] = variant
    return expanded


def _variants(settings: Mapping[str, Any]) -> Iterator[tuple[dict, list[tuple[str, Any]]]]:
    """Every combination of the values listed in (nested) settings."""
    keys, alternatives = list(settings), []
    for key, value in settings.items():
        if isinstance(value, list):
            alternatives.append([(item, [(key, item)]) for item in value])
        elif isinstance(value, Mapping):
            alternatives.append(list(_variants(value)))
        else:
            alternatives.append([(value, [])])
    for combination in itertools.product(*alternatives):
        variant = {key: value for key, (value, _) in zip(keys, combination, strict=True)}
        yield variant, [choice for _, choices in combination for choice in choices]


def _sentence(error: Mapping[str, Any]) -> str:
    """One sentence for a pydantic error: the key, what was found, what is allowed."""
    parts = [str(part) for part in error["loc"] if part not in ("adam", "sgd", "WeightsFile")]
    key = ".".join(parts) or "the configuration"
    if error["type"] == "extra_forbidden":
        return f"{key}: unknown key; {_allowed_keys(parts)}"
    if error["type"] == "missing":
        return f"{key}: missing; it must be given."
    message = error["msg"].removeprefix("Value error, ")
    message = message.removeprefix("Input should be ").removeprefix("Input ")
    if error["type"] == "value_error" and isinstance(error["input"], Mapping):
        return f"{key}: {message}."
    if not message.startswith("must"):
        message = f"must be {message}"
    return f"{key}: found {error['input']!r}; {message}."


def _allowed_keys(parts: Sequence[str]) -> str:
    models: dict[str, type[BaseModel]] = {
        name: field.annotation for name, field in Study.model_fields.items()
    }
    model: Any = Study if len(parts) == 1 else models.get(parts[0], Arm)
    model = Arm if parts[0] == "arms" else model
    if "optimiser" in parts[:-1]:
        return "allowed are the optimiser's own settings."
    if parts[0] == "weights":
        model = WeightsFile
    allowed = sorted(getattr(model, "model_fields", {}))
    close = get_close_matches(parts[-1], allowed, n=1)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"{hint}allowed are {', '.join(allowed)}."


def _contradictions(study: Study) -> Iterator[str]:
    """Sentences on keys that are right one by one and wrong together."""
    for key in ("seed", "subset_size"):
        values = getattr(study, key)
        if len(set(values)) < len(values):
            yield f"{key}: found {values}; a value may be listed once only."
    for seed in study.landscape.seeds:
        if seed not in study.seed:
            yield f"landscape.seeds: found {seed}; must be among the study's seeds {study.seed}."
    for name, arm in study.arms.items():
        yield from _arm_contradictions(study, name, arm)


def _arm_contradictions(study: Study, name: str, arm: Arm) -> Iterator[str]:
    if arm.drawing == "stratified":
        for size in study.subset_size:
            if size > 10 * SMALLEST_DIGIT_CLASS:
                yield (
                    f"subset_size: found {size}; arms.{name} draws the same number of each digit, "
                    f"so at most {10 * SMALLEST_DIGIT_CLASS} are allowed."
                )
    if arm.initialisation == "random":
        return
    key = f"arms.{name}.initialisation"
    if arm.initialisation not in study.weights:
        names = ", ".join(["random", *study.weights])
        yield f"{key}: found '{arm.initialisation}'; allowed are {names}."
        return
    for source in study.weights[arm.initialisation]:
        if isinstance(source, WeightsFile):
            if not source.file.is_file():
                yield f"weights.{arm.initialisation}: found '{source.file}'; no such file."
        elif not known_source(source, arm.architecture):
            yield (
                f"weights.{arm.initialisation}: found '{source}'; allowed for "
                f"{arm.architecture} are {', '.join(allowed_sources(arm.architecture))}, "
                "or a file."
            )


def parse_source(text: str) -> WeightsSource:
    """A source from the command line: a name, or a JSON mapping that describes a file.

    Raises:
        UserError: the mapping is wrong.
    """
    if not text.startswith("{"):
        return text
    try:
        return WeightsFile.model_validate_json(text)
    except ValidationError as error:
        raise UserError("; ".join(_sentence(item) for item in error.errors())) from None


def runs(study: Study) -> list[Run]:
    """All runs of a study: arms x subset sizes x seeds, in the order of the configuration."""
    return [
        Run(name, arm, subset_size, seed, tuple(study.weights.get(arm.initialisation, ())))
        for name, arm in study.arms.items()
        for subset_size in study.subset_size
        for seed in study.seed
    ]


def find_run(study: Study, arm: str, subset_size: int, seed: int) -> Run:
    """The run of an arm (its name, or the name of its run folder).

    Raises:
        UserError: the study has no such run.
    """
    candidates = runs(study)
    for run in candidates:
        if arm in (run.arm, run.name) and (run.subset_size, run.seed) == (subset_size, seed):
            return run
    raise UserError(
        f"arm '{arm}', subset size {subset_size}, seed {seed}: not in the study; it has the arms "
        f"{', '.join(study.arms)}, the sizes {study.subset_size} and the seeds {study.seed}."
    )
