"""From configuration files to a validated study and the list of its runs."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tlstudy.config.consistency import contradictions
from tlstudy.config.fields import Selection
from tlstudy.config.measurements import measurements
from tlstudy.config.messages import sentences
from tlstudy.config.settings import STATISTICS, Arm, Study, Training, WeightsFile, WeightsSource
from tlstudy.config.sweeps import check_number_of_arms, expand_arms, sweep_mistakes
from tlstudy.config.yaml_files import read_mapping
from tlstudy.storage.errors import UserError

# Stages that leave results of a run, in the order of the workflow.
STAGES = ("train", *measurements())
# The study's configuration in its folder, sweeps expanded and defaults filled in.
STUDY_FILE = "study.json"


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
    """Merge YAML (or JSON) files; later ones override, mapping by mapping.

    Raises:
        UserError: a file cannot be read as such.
    """
    merged: dict[str, Any] = {}
    for path in paths:
        _merge(merged, read_mapping(path))
    return merged


def _merge(target: dict[str, Any], update: Mapping[str, Any]) -> None:
    for key, value in update.items():
        if isinstance(value, Mapping) and isinstance(target.get(key), Mapping):
            target[key] = dict(target[key])
            _merge(target[key], value)
        else:
            target[key] = value


def build_study(configuration: Mapping[str, Any], finished: bool = False) -> Study:
    """Expand the sweeps of a configuration and validate it.

    Args:
        finished: the user's own weights need not be there any more.

    Raises:
        UserError: one sentence for each key that is wrong.
    """
    expanded = dict(configuration)
    for key in ("seed", "subset_size"):
        if key in expanded and not isinstance(expanded[key], list):
            expanded[key] = [expanded[key]]
    problems: list[str] = []
    origins: dict[str, str] = {}
    if isinstance(expanded.get("arms"), Mapping):
        check_number_of_arms(expanded["arms"])
        problems += sweep_mistakes(expanded["arms"])
        expanded["arms"], origins = expand_arms(expanded["arms"])
    if isinstance(expanded.get("claims"), Mapping):  # null removes a claim, as it does an arm
        claims = expanded["claims"].items()
        expanded["claims"] = {name: claim for name, claim in claims if claim is not None}
    try:
        study = Study.model_validate(expanded)
    except ValidationError as error:
        told = {problem.partition(": ")[0] for problem in problems}
        problems += [
            sentence
            for sentence in sentences(error, origins)
            if sentence.partition(": ")[0] not in told
        ]
    if not problems:
        left_out = [str(name) for name, arm in configuration["arms"].items() if arm is None]
        problems += dict.fromkeys(contradictions(study, origins, left_out, finished))
    if problems:
        raise UserError("\n".join(problems))
    return study


def load_study(paths: Sequence[Path]) -> Study:
    """Read, merge and validate configuration files.

    A single path to a study's folder, or to the study.json in it, is the study where it lies now.
    """
    if len(paths) == 1 and paths[0].is_dir():
        return finished_study(paths[0])
    if len(paths) == 1 and paths[0].name == STUDY_FILE:
        study = build_study(read_configuration(paths), finished=True)
        folder = _with_name(paths[0].parent)
        return _lying_in(folder, study) if folder.name == study.study else study
    return build_study(read_configuration(paths))


def finished_study(folder: Path) -> Study:
    """The study of a results folder, wherever it was made.

    Raises:
        UserError: it holds no study, or that of another name.
    """
    file = folder / STUDY_FILE
    if not file.is_file():
        raise UserError(
            f"{folder}: found no {STUDY_FILE}; must be a study's folder, such as results/quick "
            "(the workflow and `tlstudy aggregate` leave that file there)."
        )
    try:
        study = build_study(read_configuration([file]), finished=True)
    except UserError as error:
        raise UserError(f"{file}: is no study's configuration ({error.message})") from None
    if _with_name(folder).name != study.study:
        raise UserError(f"{file}: is of study '{study.study}'; its folder must have that name.")
    return _lying_in(_with_name(folder), study)


def _with_name(folder: Path) -> Path:
    return folder.resolve() if folder.name in ("", "..") else folder


def _lying_in(folder: Path, study: Study) -> Study:
    return study.model_copy(update={"results": folder.parent})


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
        raise UserError("\n".join(sentences(error, option="--source"))) from None


def runs(study: Study) -> list[Run]:
    """All runs of a study: arms x subset sizes x seeds, in the order of the configuration."""
    return [
        Run(name, arm, subset_size, seed, tuple(study.weights.get(arm.initialisation, ())))
        for name, arm in study.arms.items()
        for subset_size in study.subset_size
        for seed in study.seed
    ]


def selected(study: Study, selection: Selection) -> list[Run]:
    """The runs that a selection of seeds and arms names; a swept arm is named by its own name."""
    return [
        run
        for run in runs(study)
        if run.seed in selection.seeds
        and (not selection.arms or {run.arm, run.arm.partition("~")[0]} & set(selection.arms))
    ]


def runs_of_stage(study: Study, stage: str) -> list[Run]:
    """The runs that a stage leaves results of, without those that an incomplete study lacks."""
    members = runs(study) if stage == "train" else selected(study, getattr(study, stage))
    return [run for run in members if study.has(stage, run.arm, run.subset_size, run.seed)]


def experiments(study: Study) -> list[tuple[str, int]]:
    """The laboratory's experiments, each with each seed, likewise."""
    return [
        (experiment, seed)
        for experiment in study.laboratory.experiments
        for seed in study.seed
        if study.has("laboratory", experiment, seed)
    ]


def values_after_epochs(study: Study) -> dict[str, tuple[str, ...]]:
    """By name of the run: BatchNorm statistics of the test values taken after every epoch."""
    every = study.evaluation.after_epochs == "all"
    wanted: dict[str, set[str]] = {}
    for run in runs(study.model_copy(update={"seed": study.seed[:1]})):
        from_epochs = run.settings.reported_epoch == "best-on-test"
        wanted.setdefault(run.name, set()).update(
            STATISTICS if every else (run.settings.batchnorm,) if from_epochs else ()
        )
    return {
        name: tuple(statistics for statistics in STATISTICS if statistics in values)
        for name, values in wanted.items()
    }


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


def check_subset(study: Study, drawing: str, subset_size: int, seed: int) -> None:
    """Refuse a choice of training images that no run of the study uses.

    Raises:
        UserError: the drawing, the size or the seed is not the study's.
    """
    drawings = list(dict.fromkeys(arm.drawing for arm in study.arms.values()))
    if drawing in drawings and subset_size in study.subset_size and seed in study.seed:
        return
    raise UserError(
        f"drawing {drawing}, subset size {subset_size}, seed {seed}: not in the study; it has "
        f"the drawings {', '.join(drawings)}, the sizes {study.subset_size} and the seeds "
        f"{study.seed}."
    )
