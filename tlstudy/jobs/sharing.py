"""Results of a run taken from another study in the same folder of results, where they are equal.

What a step makes follows from its settings, its code, its libraries and the files that it reads.
Where the provenance of another study's step says the same of all of them, its files are copied, and
so is its provenance: `tlstudy verify` checks them like any other.
"""

import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path

from tlstudy.config.measurements import measurements
from tlstudy.config.settings import Study
from tlstudy.config.study import Run, selected
from tlstudy.jobs import graph, paths
from tlstudy.jobs.graph import Step
from tlstudy.jobs.provenance import Provenance, check_inside, checksums, read_provenance
from tlstudy.storage.errors import UserError
from tlstudy.storage.files import atomic_path, sha256, write_bytes_atomically, write_json_atomically
from tlstudy.storage.reading import json_or_none

log = logging.getLogger(__name__)

TAKEN_FROM = "taken_from"  # key of provenance: the study that made the results


def take_training(study: Study, run: Run, for_workflow: bool) -> str | None:
    """Take a run's training from a study that has the same one, if one does.

    What the training hands to the measurements does not stay. So every measurement of the run must
    be there too: see `take_measurement`.

    Args:
        for_workflow: whether Snakemake waits for all files of the step, those too that do not stay.

    Returns:
        Name of the other study; None where there is none, or its files could not be copied.
    """
    step = graph.train(study, run)
    others = _others(study, step)
    if not others:  # most often; the checksums of what it reads take time
        return None
    measured = [graph.measure(study, run, name) for name in _measured(study, run)]
    read = checksums(step.inputs, paths.study_folder(study))
    cached = checksums(step.cached, study.cache)
    for other in others:
        found = _same(other, study, step, read, cached)
        if found is None:
            continue
        made = {name: output.sha256 for name, output in found.outputs.items()} | read
        if all(_same(other, study, each, made, cached) for each in measured):
            return _copied(other, study, step, for_workflow)
    return None


def take_measurement(study: Study, run: Run, name: str) -> str | None:
    """Take a measurement of a run, likewise."""
    trained = _provenance_of(paths.study_folder(study), study, graph.train(study, run))
    if trained is None:
        return None
    step = graph.measure(study, run, name)
    read = {output: made.sha256 for output, made in trained.outputs.items()} | trained.inputs
    cached = checksums(step.cached, study.cache)
    for other in _others(study, step):
        if _same(other, study, step, read, cached):
            return _copied(other, study, step)
    return None


def seems_there(study: Study, run: Run) -> bool:
    """Whether another study has the run, by settings and code; its files are not read."""
    train = graph.train(study, run)
    others = _others(study, train)
    if not others:  # most often; to find all measurements takes time
        return False
    steps = [train, *(graph.measure(study, run, name) for name in _measured(study, run))]
    return any(all(is_made(study, step, other) for step in steps) for other in others)


def is_made(study: Study, step: Step, folder: Path) -> bool:
    """Whether a step's results are there, made with its settings, by its code and libraries.

    They were made from files of the same names; what was in those is not looked at.

    Args:
        folder: the study's own, or that of another study.
    """
    found, own = _provenance_of(folder, study, step), paths.study_folder(study)
    if not _decided_alike(found, step):
        return False
    if found.inputs.keys() != {file.relative_to(own).as_posix() for file in step.inputs}:
        return False
    return all((folder / file.relative_to(own)).is_file() for file in step.staying)


def is_taken(study: Study, run: Run, step: str) -> bool:
    """Whether a step's results of a run were taken: this study's records tell no speed of it."""
    found = json_or_none(paths.provenance_file(study, paths.job_of_run(step, run)))
    return isinstance(found, dict) and TAKEN_FROM in found


def _measured(study: Study, run: Run) -> list[str]:
    """Measurements of the run: an arm that shares it may have asked for them."""
    folder = paths.folder_of_run(study, run)
    return [
        name
        for name in measurements()
        if any(
            paths.folder_of_run(study, each) == folder
            for each in selected(study, getattr(study, name))
        )
    ]


def _others(study: Study, step: Step) -> list[Path]:
    """Folders of the other studies that have such a step."""
    folder = paths.study_folder(study)
    name = step.provenance.relative_to(folder)
    found = (other for other in sorted(study.results.glob("*")) if (other / name).is_file())
    return [other for other in found if other.resolve() != folder.resolve()]


def _provenance_of(folder: Path, study: Study, step: Step) -> Provenance | None:
    """The provenance that a study's folder has of a step; None if it has none."""
    file = folder / step.provenance.relative_to(paths.study_folder(study))
    return read_provenance(file) if file.is_file() else None


def _same(
    other: Path, study: Study, step: Step, read: Mapping[str, str], cached: Mapping[str, str]
) -> Provenance | None:
    """The provenance of another study's step, if it is the same and its files are as it says.

    Args:
        read, cached: SHA-256 of what the step reads, by names relative to the study and the cache.
    """
    found = _provenance_of(other, study, step)
    if not _decided_alike(found, step) or found.cache != cached:
        return None
    folder = paths.study_folder(study)
    inputs = [file.relative_to(folder).as_posix() for file in step.inputs]
    if found.inputs != {name: read[name] for name in inputs if name in read}:
        return None
    try:
        for file in step.staying:
            name = file.relative_to(folder).as_posix()
            there = (other / name).is_file()  # to read a pipe might never end
            if not there or sha256(other / name) != found.outputs[name].sha256:
                return None
    except (OSError, KeyError):
        return None
    return found


def _decided_alike(found: Provenance | None, step: Step) -> bool:
    """Whether settings, code and libraries are the step's."""
    decided = (dict(step.settings), step.code, dict(step.libraries))
    return found is not None and (found.settings, found.code, found.libraries) == decided


def _copied(other: Path, study: Study, step: Step, for_workflow: bool = False) -> str | None:
    """Copy a step's files, the provenance last; the other study's name if that went well.

    They are no links: what damages one study leaves the other whole.
    """
    folder = paths.study_folder(study)
    try:
        check_inside(folder, (*step.staying, step.provenance))
        for file in step.staying:
            with atomic_path(file) as temporary:
                shutil.copyfile(other / file.relative_to(folder), temporary)
        if for_workflow:
            for file in step.passing:  # nothing will read it, and Snakemake removes it
                write_bytes_atomically(file, b"")
        provenance = json.loads((other / step.provenance.relative_to(folder)).read_bytes())
        provenance.setdefault(TAKEN_FROM, other.name)
        write_json_atomically(step.provenance, provenance)
    except (OSError, UserError, ValueError) as error:
        log.warning("%s was not taken from %s: %s", step.name, other, error)
        return None
    return other.name
