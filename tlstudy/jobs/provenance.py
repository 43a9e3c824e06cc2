"""Provenance: the files, settings and code that each result was made from."""

import functools
import inspect
from collections.abc import Callable, Iterable
from pathlib import Path

from pydantic import BaseModel, ValidationError

from tlstudy.config.settings import Study
from tlstudy.jobs import paths
from tlstudy.jobs.graph import Step
from tlstudy.storage.files import sha256, write_json_atomically
from tlstudy.storage.provenance import environment


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
    """

    settings: dict[str, str]
    code: str
    # Provenance of earlier versions has none.
    libraries: dict[str, str] = {}
    inputs: dict[str, str]
    cache: dict[str, str]
    outputs: dict[str, Output]
    environment: dict[str, str]


def with_provenance(step_of: Callable[..., Step]) -> Callable[[Callable], Callable]:
    """Decorate the function of a step so that it leaves its provenance, if the study is complete.

    Args:
        step_of: makes the step from the function's first arguments.
    """
    count = len(inspect.signature(step_of).parameters)

    def decorated(function: Callable) -> Callable:
        @functools.wraps(function)
        def recording(study: Study, *given: object, **options: object) -> object:
            if study.incomplete:
                return function(study, *given, **options)
            # Before it runs: the provenance is of the inputs and code that it starts with.
            step, folder = step_of(study, *given[: count - 1]), paths.study_folder(study)
            provenance = {
                "stage": step.name,
                "settings": dict(step.settings),
                "code": step.code,
                "libraries": dict(step.libraries),
                "inputs": checksums(step.inputs, folder),
                "cache": checksums(step.cached, study.cache),
            }
            result = function(study, *given, **options)
            provenance["outputs"] = {
                name: {"sha256": digest, "bytes": (folder / name).stat().st_size}
                for name, digest in checksums(step.outputs, folder).items()
            }
            write_json_atomically(step.provenance, provenance | {"environment": environment()})
            return result

        return recording

    return decorated


def read_provenance(file: Path) -> Provenance | None:
    """The provenance in a file; None if it holds none."""
    try:
        return Provenance.model_validate_json(file.read_bytes())
    except ValidationError:
        return None


def checksums(files: Iterable[Path], folder: Path) -> dict[str, str]:
    """SHA-256 by name of the files that are there."""
    return {file.relative_to(folder).as_posix(): sha256(file) for file in files if file.is_file()}
