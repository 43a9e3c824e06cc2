"""From configuration files to a validated study and the list of its runs."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tlstudy.config.architecture_setting import BY_USER
from tlstudy.config.architectures import let_be_called
from tlstudy.config.consistency import contradictions
from tlstudy.config.fields import ALL, Selection
from tlstudy.config.measurements import measurements
from tlstudy.config.messages import sentences
from tlstudy.config.same_network import with_same_networks
from tlstudy.config.settings import STATISTICS, Arm, Study, WeightsFile, WeightsSource
from tlstudy.config.study_targets import with_folders
from tlstudy.config.sweeps import expand_arms, written_name
from tlstudy.config.training import Training
from tlstudy.config.words import in_short
from tlstudy.storage.errors import UserError

# Steps that leave results of a run, in the order of the workflow.
STEPS = ("train", *measurements())
# The study's configuration in its folder, sweeps expanded and defaults filled in; and the folder
# of the same for the jobs of a workflow, each file named by a digest of its content.
STUDY_FILE, SETTINGS_FOLDER = "study.json", "settings"
SETTINGS_NAME = r"[0-9a-f]{10}\.json"
# Characters of a run's name before its digest; settings that do not fit are left out.
LONGEST_IN_WORDS = 89


@dataclass(frozen=True)
class Run:
    """One training: an arm, a subset size and a seed.

    Attributes:
        statistics: BatchNorm statistics with which all test images are evaluated at the end.
        after_epochs: those with which some are evaluated after the epochs before the last.
    """

    arm: str
    settings: Arm
    subset_size: int
    seed: int
    sources: tuple[WeightsSource, ...]
    statistics: tuple[str, ...]
    after_epochs: tuple[str, ...]

    @property
    def key(self) -> tuple[str, int, int]:
        """What names it in all tables: arm, subset size and seed, as `storage.columns.KEYS`."""
        return self.arm, self.subset_size, self.seed

    @property
    def wildcards(self) -> tuple[str, str, str]:
        """What names it in the workflow: its folder's name, subset size and seed."""
        return self.name, str(self.subset_size), str(self.seed)

    @cached_property
    def name(self) -> str:
        """Name of its folder, from the training settings; the same for arms that share them."""
        return run_name(self.settings, self.sources)


def run_name(arm: Arm, sources: Sequence[WeightsSource]) -> str:
    """Name of a run: its start, the settings of its training in words, and their digest.

    Such as imagenet-learning_rate~0.0003-70a1c3f2d4. The words are for readers; the digest tells
    runs apart. Both are of the settings that differ from their defaults, so that a new setting with
    a default leaves the runs that exist valid. What an arm is called does not count.
    """
    described = [
        source if isinstance(source, str) else source.model_dump(mode="json") for source in sources
    ]
    canonical = {"training": _identifying(arm), "sources": described}
    return f"{_in_words(arm)}-{digest(canonical)}"


def _in_words(arm: Arm) -> str:
    words = arm.initialisation
    for key, value in _innermost(_identifying(arm)):
        longer = f"{words}-{key}~{in_short(value)}"
        if key not in ("initialisation", "built_as") and len(longer) <= LONGEST_IN_WORDS:
            words = longer
    return words


def _identifying(arm: Arm) -> dict[str, Any]:
    """The same as `changed_training`, but for a target's folder: it may lie anywhere."""
    changed = changed_training(arm)
    return changed | {"target": arm.target.identity()} if "target" in changed else changed


def _innermost(settings: Mapping[str, Any], of: str = "") -> Iterator[tuple[str, Any]]:
    """Settings without the groups that they are in; the name of a group's kind has the group's."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _innermost(value, key)
        else:
            yield of if key == "name" or (of, key) == ("trained", "part") else key, value


def digest(data: Any) -> str:
    """Ten hexadecimal digits of the SHA-256 of the data as JSON; the order of keys counts."""
    text = json.dumps(data, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def changed_training(arm: Arm) -> dict[str, Any]:
    """The arm's training settings that differ from their defaults."""
    changed = arm.model_dump(mode="json", exclude_defaults=True)
    return {key: value for key, value in changed.items() if key in Training.model_fields}


def merge(target: dict[str, Any], update: Mapping[str, Any]) -> None:
    """Put settings on top of others, mapping by mapping."""
    for key, value in update.items():
        if isinstance(value, Mapping) and isinstance(target.get(key), Mapping):
            target[key] = dict(target[key])
            merge(target[key], value)
        else:
            target[key] = value


def _as_it_is(study: Study) -> Study:
    return study


def build_study(
    configuration: Mapping[str, Any], adapt: Callable[[Study], Study] = _as_it_is
) -> Study:
    """Expand the sweeps of a configuration and validate it.

    Args:
        adapt: changes the study before its settings are held against each other.

    Raises:
        UserError: one sentence for each key that is wrong.
    """
    expanded = dict(configuration)
    for key in ("seed", "subset_size"):
        if key in expanded and not isinstance(expanded[key], list):
            expanded[key] = [expanded[key]]
    origins: dict[str, str] = {}
    if isinstance(expanded.get("arms"), Mapping):
        expanded["arms"], origins = expand_arms(expanded["arms"])
    if isinstance(expanded.get("claims"), Mapping):  # null removes a claim, as it does an arm
        claims = expanded["claims"].items()
        expanded["claims"] = {name: claim for name, claim in claims if claim is not None}
    of_all_seeds = [name for name in measurements() if _is_of_all_seeds(expanded.get(name))]
    expanded |= {name: {**expanded[name], "seeds": []} for name in of_all_seeds}
    try:
        study = Study.model_validate(expanded, context=BY_USER)
    except ValidationError as error:
        raise UserError("\n".join(sentences(error, origins))) from None
    study = _with_all_seeds(study, of_all_seeds)
    let_be_called(arm.architecture for arm in study.arms.values())
    study = with_same_networks(adapt(with_folders(study, origins)))
    left_out = [str(name) for name, arm in configuration["arms"].items() if arm is None]
    if problems := dict.fromkeys(contradictions(study, origins, left_out)):
        raise UserError("\n".join(problems))
    return study


def _is_of_all_seeds(settings: Any) -> bool:
    return isinstance(settings, Mapping) and settings.get("seeds") == ALL


def _with_all_seeds(study: Study, names: Iterable[str]) -> Study:
    """The study with these measurements at all of its seeds."""
    changed = {"seeds": study.seed}
    return study.model_copy(
        update={name: getattr(study, name).model_copy(update=changed) for name in names}
    )


def load_study(path: Path) -> Study:
    """A study from its folder, from the study.json in it, or from the settings of its jobs.

    A folder, or the study.json in it, is the study where it lies now. All were written after a
    validation: they are taken as they are.
    """
    if path.is_dir():
        return finished_study(path)
    study = _read_validated(path)
    if path.name == STUDY_FILE:
        return _lying_in(path.parent, study) or study
    return study


def is_validated(path: Path) -> bool:
    """Whether a file's name is that of a configuration that was written after its validation."""
    of_job = path.parent.name == SETTINGS_FOLDER and re.fullmatch(SETTINGS_NAME, path.name)
    return path.name == STUDY_FILE or bool(of_job)


def in_order_of(settings: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with their keys in the order of others; what others lack comes last."""
    keys = [key for key in others if key in settings]
    return {
        key: in_order_of(value, others[key])
        if isinstance(value := settings[key], Mapping) and isinstance(others.get(key), Mapping)
        else value
        for key in dict.fromkeys((*keys, *settings))
    }


def _read_validated(file: Path) -> Study:
    """A configuration that was written after its validation."""
    try:
        return Study.model_validate_json(file.read_bytes())
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); must be a file.") from None
    except ValidationError as error:
        reason = " ".join(sentences(error))
        raise UserError(f"{file}: is no study's configuration ({reason})") from None


def finished_study(folder: Path) -> Study:
    """The study of a results folder, wherever it was made.

    Raises:
        UserError: it holds no study, or that of another name.
    """
    file = folder / STUDY_FILE
    if not file.is_file():
        raise UserError(
            f"{folder}: found no {STUDY_FILE}; must be the folder of a study that was run, such "
            "as results/quick. To run one: `snakemake --cores all --configfile FILE`."
        )
    study = _read_validated(file)
    if found := _lying_in(folder, study):
        return found
    raise UserError(f"{file}: is of study '{study.study}'; its folder must have that name.")


def _lying_in(folder: Path, study: Study) -> Study | None:
    """The study with its results in the folder; None if the folder has another name."""
    folder = folder.resolve() if folder.name in ("", "..") else folder
    if folder.name != study.study:
        return None
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
    taken = _statistics(study)
    return [
        Run(name, arm, subset_size, seed, sources_of(study, arm), *taken[name])
        for name, arm in study.arms.items()
        for subset_size in study.subset_size
        for seed in study.seed
    ]


def sources_of(study: Study, arm: Arm) -> tuple[WeightsSource, ...]:
    """Weights that an arm starts from, or is built for, in the order in which they are tried."""
    name = arm.built_as if arm.initialisation == "random" else arm.initialisation
    return tuple(study.weights.get(name, ()))


def _statistics(study: Study) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """`Run.statistics` and `Run.after_epochs` by arm.

    Arms that share a run need what any of them reports.
    """
    names = {name: run_name(arm, sources_of(study, arm)) for name, arm in study.arms.items()}
    at_end, chosen_by = set(), set()
    for name, arm in study.arms.items():
        at_end.add((names[name], arm.batchnorm))
        if arm.reported_epoch == "best-on-test":
            chosen_by.add((names[name], arm.batchnorm))
    taken = {}
    for name, folder in names.items():
        both = study.evaluation.statistics == "both"
        used = tuple(each for each in STATISTICS if both or (folder, each) in at_end)
        every = study.evaluation.after_epochs == "all"
        taken[name] = used, tuple(each for each in used if every or (folder, each) in chosen_by)
    return taken


def selected(study: Study, selection: Selection) -> list[Run]:
    """The runs that a selection of seeds and arms names; a swept arm is named by its own name."""
    return [
        run
        for run in runs(study)
        if run.seed in selection.seeds
        and (not selection.arms or {run.arm, written_name(run.arm)} & set(selection.arms))
    ]


def distinct(members: Iterable[Run]) -> list[Run]:
    """Runs that arms share, once: each is trained and measured once."""
    return list({run.wildcards: run for run in members}.values())


def runs_of_step(study: Study, step: str) -> list[Run]:
    """The runs that a step leaves results of, without those that an incomplete study lacks."""
    members = runs(study) if step == "train" else selected(study, getattr(study, step))
    return [run for run in members if study.has(step, *run.key)]


def experiments(study: Study) -> list[tuple[str, int]]:
    """The laboratory's experiments, each with each seed, likewise."""
    return [
        (experiment, seed)
        for experiment in study.laboratory.experiments
        for seed in study.seed
        if study.has("laboratory", experiment, seed)
    ]
