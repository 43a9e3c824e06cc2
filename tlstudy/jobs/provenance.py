"""Provenance: the files, settings and code that each result was made from."""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any

from pydantic import BaseModel, ValidationError

from tlstudy.config.settings import Study
from tlstudy.jobs import paths
from tlstudy.jobs.graph import PLACES, Step
from tlstudy.storage.environment import environment
from tlstudy.storage.errors import UserError
from tlstudy.storage.files import sha256, write_json_atomically
from tlstudy.storage.reading import made_by, read_json

# Steps that put results together, which may be somebody else's.
PRODUCTS = ("formulas", "aggregate", "claims", "figures", "report")


class Output(BaseModel):
    """SHA-256 and size of a file as it was written."""

    sha256: str
    bytes: int


class Provenance(BaseModel):
    """What the results of a step were made from.

    Files are named relative to the folder of the study or of the cache, so that both can move.
    Keys that it does not know are ignored.

    Attributes:
        settings, code, libraries: see `tlstudy.jobs.graph.Step`.
        inputs, cache: SHA-256 of the files that were read.
        environment: versions and processor.
        study: of the tables: all of the study's settings but places, then.
    """

    settings: dict[str, str]
    code: str
    # Provenance of earlier versions has none.
    libraries: dict[str, str] = {}
    inputs: dict[str, str]
    cache: dict[str, str]
    outputs: dict[str, Output]
    environment: dict[str, str]
    study: dict[str, Any] = {}  # earlier versions left none


def with_provenance(step_of: Callable[..., Step]) -> Callable[[Callable], Callable]:
    """Decorate the function of a step so that it leaves its provenance, if the study is complete.

    Args:
        step_of: makes the step from the function's first arguments.
    """
    count = len(inspect.signature(step_of).parameters)

    def decorated(function: Callable) -> Callable:
        @functools.wraps(function)
        def recording(study: Study, *given: object, **options: object) -> object:
            # Before it runs: the provenance is of the inputs and code that it starts with.
            step, folder = step_of(study, *given[: count - 1]), paths.study_folder(study)
            if step.name in PRODUCTS:
                check_inside(folder, (*step.outputs, step.provenance))
            read = checksums(step.inputs, folder)
            hold_against_records(study, read)
            check_cached(step.cached)
            if study.incomplete:
                return function(study, *given, **options)
            provenance = {
                "settings": dict(step.settings),
                "code": step.code,
                "libraries": dict(step.libraries),
                "inputs": read,
                "cache": checksums(step.cached, study.cache),
            }
            if step.name == "aggregate":
                provenance["study"] = study.model_dump(mode="json", exclude=PLACES)
            result = function(study, *given, **options)
            provenance["outputs"] = {
                name: {"sha256": digest, "bytes": (folder / name).stat().st_size}
                for name, digest in checksums(step.outputs, folder).items()
            }
            write_json_atomically(step.provenance, provenance | {"environment": environment()})
            return result

        return recording

    return decorated


def check_inside(folder: Path, files: Iterable[Path]) -> None:
    """Refuse to write where links of somebody else's folder lead out of it.

    The folder itself may be a link.

    Raises:
        UserError: names the first folder that leads elsewhere.
    """
    whole = folder.resolve()
    for place in dict.fromkeys(file.parent for file in files):
        if not place.resolve().is_relative_to(whole):
            raise UserError(
                f"{place}: leads to {place.resolve()}, out of {folder}; nothing is written there: "
                "put a folder in place of the link."
            )


def hold_against_records(study: Study, read: Mapping[str, str]) -> None:
    """Refuse earlier results that are not as they were written.

    What has no record, as results of earlier versions, is taken as it is.

    Args:
        read: SHA-256 of files by their name in the study's folder.

    Raises:
        UserError: names the first file that was altered, or a record that was damaged.
    """
    records: dict[PurePath, Provenance | None] = {}
    for name, digest in read.items():
        job = paths.maker(PurePath(name))
        file = job and paths.provenance_file(study, job)
        if not file or not file.is_file():
            continue
        if job not in records:
            records[job] = read_provenance(file)
        step = job.parts[0]
        if (record := records[job]) is None:
            raise UserError(
                f"{file}: is damaged (it is no provenance); {made_by(step)}, which makes it and "
                "the results."
            )
        written = record.outputs.get(name)
        if written and written.sha256 != digest:
            raise UserError(
                f"{paths.study_folder(study) / name}: was altered (its SHA-256 is not the one in "
                f"{file}); delete it and {made_by(step)}."
            )


def check_cached(files: Iterable[Path]) -> None:
    """Refuse cached images and weights whose record is not as it was written.

    The files themselves are held against the record where they are read.

    Raises:
        UserError: names the record.
    """
    there = [file for file in files if file.is_file()]
    of_weights = {file.parent for file in there if file.suffix == ".safetensors"}
    for folder in dict.fromkeys(file.parent for file in there):
        record, command = folder / "record.json", "weights" if folder in of_weights else "images"
        if not record.is_file():
            continue
        checksum = folder / "record.sha256"  # earlier versions left none
        if checksum.is_file() and checksum.read_bytes() != sha256(record).encode():
            raise UserError(
                f"{record}: was altered (its SHA-256 is not the one in {checksum}); delete "
                f"{folder} and {made_by(command)}."
            )
        read_json(record, command)


def read_provenance(file: Path) -> Provenance | None:
    """The provenance in a file; None if it holds none."""
    try:
        return Provenance.model_validate_json(file.read_bytes())
    except ValidationError:
        return None


def checksums(files: Iterable[Path], folder: Path) -> dict[str, str]:
    """SHA-256 by name of the files that are there."""
    return {file.relative_to(folder).as_posix(): sha256(file) for file in files if file.is_file()}
