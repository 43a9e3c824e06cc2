"""The study that a user names: files on top of config.yaml, a folder of results, and changes.

A mistake is told with the file and the line in which it stands.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tlstudy.config.architectures import allowed_sources
from tlstudy.config.hints import did_you_mean
from tlstudy.config.measurements import measurements
from tlstudy.config.settings import Study
from tlstudy.config.study import (
    build_study,
    in_order_of,
    is_validated,
    load_study,
    merge,
)
from tlstudy.config.yaml_files import Content, line_of, parsed, read_content
from tlstudy.storage.errors import UserError

BASE = "config.yaml"
CHECKOUT = Path(__file__).parents[2]  # of an editable installation
# Keys that may be added to a study without making it another one.
NOT_THE_STUDY = {"results", "cache", "scratch", "device"}
# How torchvision's names of weights for ImageNet's usual classes begin, the plain ones first.
OF_IMAGENET = ("IMAGENET1K_V", "IMAGENET1K_")


@dataclass(frozen=True)
class Layer:
    """A part of a configuration: a file, or a change on the command line.

    Attributes:
        name: as the user wrote it.
        has_lines: whether a line of it can be named.
    """

    name: str
    content: Content
    has_lines: bool = True

    def has(self, *keys: str) -> bool:
        """Whether it sets what is below these keys."""
        settings: Any = self.content.settings
        for key in keys:
            if not isinstance(settings, Mapping) or key not in settings:
                return False
            settings = settings[key]
        return True

    def place(self, key: str) -> tuple[int, str]:
        """Characters of a dotted key that it has, and where they stand: file and line."""
        found, line = line_of(self.content, key)
        return found, f"{self.name}, line {line}" if self.has_lines else self.name


def given_study(files: Sequence[Path], changes: Sequence[str] = ()) -> Study:
    """The study of files, each on top of the one before it, or of a folder of results.

    Args:
        files: study files, on top of `config.yaml` unless a file of that name is among them; or one
            folder of results, or the study.json in it; none for `config.yaml` alone.
        changes: such as arms.new.epochs=3; on top of the files.

    Raises:
        UserError: a sentence for each mistake, with file and line where they are known.
    """
    whole = [file for file in files if is_of_results(file)]
    if whole and len(files) == 1 and not changes:
        return load_study(files[0])
    if whole:
        raise UserError(
            f"{whole[0]}: holds a study's results, which other files and --set cannot change. "
            "Name the study file instead."
        )
    named = [file for file in files if file.name == BASE]
    below = [] if named else [base_file()]
    layers = [_layer(file) for file in (*below, *named[:1], *_without(files, named[:1]))]
    for text in changes:
        layers.append(_change(text, merged(layers)))
    try:
        return _study_of(merged(layers), layers)
    except UserError as error:
        if len(files) > 1 or changes or not named or str(named[0]) == BASE:
            raise
        raise UserError(
            f"{error.message}\n{named[0]}: a file named {BASE} is taken for the one below all "
            "studies; a study of your own needs another file name."
        ) from None


def is_of_results(file: Path) -> bool:
    """Whether it is a folder of results, or a configuration in one: they may be anybody's."""
    return file.is_dir() or is_validated(file)


def study_of_workflow(configuration: Mapping[str, Any], files: Sequence[Path], base: Path) -> Study:
    """The study of a configuration that Snakemake merged from files.

    Arms are in the order in which a merge of the files has them: Snakemake puts those of the last
    file first, and the commands would list them otherwise.

    Args:
        files: later ones override.
        base: the file that lies below all studies; a module's may lack it.

    Raises:
        UserError: one sentence for each key that is wrong, or that a file has twice.
    """
    layers = [_layer(file) for file in files]  # of a key that stands twice Snakemake takes the last
    ordered = in_order_of(configuration, merged(layers))
    if not files or not _same(files[0], base):
        return build_study(ordered)  # a module's configuration is a part of these files, or none
    return _study_of(ordered, layers)


def base_file() -> Path:
    """The `config.yaml` of this folder, or else that beside the package.

    Raises:
        UserError: there is none.
    """
    for file in (Path(BASE), CHECKOUT / BASE):
        if file.is_file():
            return file
    raise UserError(
        f"{BASE}: not found in this folder; every study changes keys of this file. It is in the "
        "workflow's repository: run the command there, or name the file first, such as "
        f"tlstudy runs path/to/{BASE} mine.yaml."
    )


def merged(layers: Sequence[Layer]) -> dict[str, Any]:
    """The settings of all layers, later ones above."""
    found: dict[str, Any] = {}
    for layer in layers:
        merge(found, layer.content.settings)
    return found


def _without(files: Sequence[Path], others: Sequence[Path]) -> list[Path]:
    return [file for file in files if file not in others]


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _layer(file: Path) -> Layer:
    if file.exists():
        return Layer(str(file), read_content(file))
    there = [str(path) for path in (*Path("studies").glob("*.yaml"), *Path("results").glob("*"))]
    ending = "such as studies/quick.yaml, or a folder of results, such as results/quick."
    raise UserError(
        f"{file}: cannot be read (no such file or folder); {did_you_mean(str(file), there)}must be "
        f"a study file, {ending}"
    )


def _change(text: str, below: Mapping[str, Any]) -> Layer:
    """A change such as arms.new.epochs=3: dots lead down, the value is YAML.

    Args:
        below: the settings that it changes.
    """
    key, equals, value = text.partition("=")
    keys = key.split(".")
    if not equals or not all(keys):
        raise UserError(f"--set {text}: must be key=value, such as --set arms.new.epochs=3.")
    there = below.get(keys[0]) or {}
    if keys[0] in ("arms", "claims") and keys[2:] and isinstance(there, Mapping):
        names = [str(name) for name, settings in there.items() if settings is not None]
        if keys[1] not in names:
            raise UserError(
                f"--set {text}: there is no {keys[0]}.{keys[1]} to change; "
                f"{did_you_mean(keys[1], names)}{keys[0]} are {', '.join(names) or 'none'}."
            )
    try:
        settings, _ = parsed(value)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise UserError(
            f"--set {text}: the value is not YAML; allowed are numbers, words, [a, b] or {{a: b}}."
        ) from None
    for part in reversed(keys):
        settings = {part: settings}
    content = Content(settings, yaml.compose(yaml.safe_dump(settings)))
    return Layer(f"--set {text}", content, has_lines=False)


def _study_of(configuration: Mapping[str, Any], layers: Sequence[Layer]) -> Study:
    """The study of a configuration whose first layer is the one below all studies."""
    base, *above = layers
    try:
        if problems := [*_forgotten_name(configuration, base, above), *_unknown_nulls(layers)]:
            raise UserError("\n".join(problems))
        fitting = _with_runs_that_fit(configuration, base, above)
        return build_study(fitting, lambda study: _with_weights_that_fit(study, base, above))
    except UserError as error:
        lines = error.message.splitlines()
        told = (_placed(line, configuration, layers) for line in lines)
        raise UserError("\n".join(told)) from None


def _placed(sentence: str, configuration: Mapping[str, Any], layers: Sequence[Layer]) -> str:
    """A sentence about a key, with the file and the line of the key before it."""
    key = sentence.partition(": ")[0]
    first = key.partition(".")[0]
    length, _, place = max(
        (found, number, place)
        for number, layer in enumerate(layers)
        for found, place in [layer.place(key)]
    )
    # What Snakemake's --config changed stands in no file.
    if not length or merged(layers).get(first) != configuration.get(first):
        return sentence
    in_base = layers[0].place(key) == (length, place)
    files = [layer.name for layer in layers[1:] if layer.has_lines]
    hint = f" Give another one in {files[-1]}." if in_base and files else ""
    return f"{place}: {sentence}{hint}"


def _forgotten_name(
    configuration: Mapping[str, Any], base: Layer, above: Sequence[Layer]
) -> Iterator[str]:
    """A file that names no study would put its results among those of config.yaml's."""
    changed = set().union(*(layer.content.settings for layer in above)) - NOT_THE_STUDY
    named = any(layer.has("study") for layer in above)
    name = base.content.settings.get("study")
    files = [layer.name for layer in above if layer.has_lines]
    if files and changed and not named and name and configuration.get("study") == name:
        folder = Path(str(configuration.get("results", "results")), str(name))
        own = Path(files[-1]).stem
        yield (
            f"{files[-1]}: has no `study`, so its results would be mixed with those of {base.name} "
            f"in {folder}; write a line such as `study: {own if own != name else 'mine'}` into it."
        )


def _unknown_nulls(layers: Sequence[Layer]) -> Iterator[str]:
    """Null leaves an arm or a claim out: one that there is."""
    for place, layer in enumerate(layers[1:], start=1):
        below = merged(layers[:place])
        for kind, one in (("arms", "arm"), ("claims", "claim")):
            entries, known = layer.content.settings.get(kind), below.get(kind) or {}
            if not isinstance(entries, Mapping) or not isinstance(known, Mapping):
                continue
            names = list(map(str, known))
            for name, settings in entries.items():
                if settings is None and name not in known:
                    yield (
                        f"{kind}.{name}: found null, and there is no {one} "
                        f"'{name}' to leave out; {did_you_mean(str(name), names)}{kind} are "
                        f"{', '.join(names) or 'none'}."
                    )


def _with_runs_that_fit(
    configuration: Mapping[str, Any], base: Layer, above: Sequence[Layer]
) -> dict[str, Any]:
    """The configuration with measurements of runs that it has where the user did not write which.

    Other seeds and arms may be chosen without a thought of those that config.yaml measures.
    """
    fitting = dict(configuration)
    for name in measurements():
        default, settings = base.content.settings.get(name), configuration.get(name)
        if not isinstance(default, Mapping) or not isinstance(settings, Mapping):
            continue
        unwritten = {
            key: default[key]
            for key in ("seeds", "arms")
            if default.get(key) and settings.get(key) == default[key]
            if not _written(above, name, key)
        }
        changes: dict[str, Any] = {}
        if "seeds" in unwritten:
            changes["seeds"] = _seeds_that_fit(unwritten["seeds"], configuration, base)
        if "arms" in unwritten:
            changes["arms"] = _arms_that_fit(unwritten["arms"], configuration)
            if not changes["arms"] and "seeds" in unwritten:
                changes["seeds"] = []  # as no arms stand for all
        fitting[name] = {**settings, **changes}
    return fitting


def _seeds_that_fit(default: Any, configuration: Mapping[str, Any], base: Layer) -> Any:
    """Those of the default that the study has, or else its first."""
    written = configuration.get("seed")
    seeds = written if isinstance(written, list) else [written]
    right = bool(seeds) and all(isinstance(seed, int) for seed in seeds)
    if not isinstance(default, list) or not right or written == base.content.settings.get("seed"):
        return default
    if default == base.content.settings.get("seed"):  # all, by an anchor
        return seeds
    return [seed for seed in default if seed in seeds] or seeds[:1]


def _arms_that_fit(default: Any, configuration: Mapping[str, Any]) -> Any:
    """Those of the default that the study has."""
    arms = configuration.get("arms")
    if not isinstance(default, list) or not isinstance(arms, Mapping):
        return default
    return [name for name in default if arms.get(name) is not None]


def _written(above: Sequence[Layer], *keys: str) -> bool:
    return any(layer.has(*keys) for layer in above)


def _with_weights_that_fit(study: Study, base: Layer, above: Sequence[Layer]) -> Study:
    """The study with weights that exist for each arm's network where the user wrote none.

    They get a name of their own, such as imagenet-resnet18: so those of other networks stay.
    """
    weights, arms = dict(study.weights), dict(study.arms)
    for name, arm in study.arms.items():
        start = arm.initialisation
        if not base.has("weights", start) or _written(above, "weights", start):
            continue
        sources = study.weights.get(start, [])
        allowed = allowed_sources(arm.architecture)
        there = [source for source in sources if not isinstance(source, str) or source in allowed]
        there = there or _usual(allowed)
        if there and there != sources:
            own = f"{start}-{arm.architecture.replace('_', '-')}"[:100]
            weights[own] = there
            arms[name] = arm.model_copy(update={"initialisation": own})
    return study.model_copy(update={"weights": weights, "arms": arms})


def _usual(allowed: Sequence[str]) -> list[str]:
    """The newest weights for ImageNet's classes, if their names tell."""
    plain, others = (
        [name for name in allowed if name.startswith(beginning)] for beginning in OF_IMAGENET
    )
    of_timm = [name for name in allowed if name.endswith("in1k")]
    return plain[-1:] or others[-1:] or of_timm[:1]
