"""Records of provenance: the files, settings and code that each result was made from."""

import functools
import inspect
from collections.abc import Callable, Iterable
from pathlib import Path

from pydantic import BaseModel, ValidationError

from tlstudy.jobs import paths
from tlstudy.jobs.steps import Step
from tlstudy.storage.files import sha256, write_json_atomically
from tlstudy.storage.provenance import environment


class Output(BaseModel):
    """SHA-256 and size of a file as it was written."""

    sha256: str
    bytes: int


class Record(BaseModel):
    """What the results of a step were made from.

    Files are named relative to the folder of the study or of the cache, so that both can move.
    Keys that it does not know are ignored: records of earlier versions have a `seal`.

    Attributes:
        settings, code, libraries: see `tlstudy.jobs.steps.Step`.
        inputs, cache: SHA-256 of the files that were read.
        environment: versions and processor.
    """

    stage: str
    settings: dict[str, str]
    code: str
    # Records of earlier versions have none.
    libraries: dict[str, str] = {}
    inputs: dict[str, str]
    cache: dict[str, str]
    outputs: dict[str, Output]
    environment: dict[str, str]


def recorded(step_of: Callable[..., Step]) -> Callable[[Callable], Callable]:
    """Decorate a stage so that it leaves a record; of an incomplete study none is kept.

    Args:
        step_of: makes the stage's step from the stage's arguments of the same names.
    """

    def decorated(stage: Callable) -> Callable:
        signature = inspect.signature(stage)

        @functools.wraps(stage)
        def recording(*positional: object, **named: object) -> object:
            bound = signature.bind(*positional, **named)
            bound.apply_defaults()
            given = {
                name: bound.arguments[name]
                for name in inspect.signature(step_of).parameters
                if name in bound.arguments
            }
            # Before the stage runs: the record is of the inputs and code that it starts with.
            study, step = given["study"], step_of(**given)
            if study.incomplete:
                return stage(*positional, **named)
            inputs = _checksums(step.inputs, paths.study_folder(study))
            cache = _checksums(step.cached, study.cache)
            result = stage(*positional, **named)
            _write(step, inputs, cache, paths.study_folder(study))
            return result

        return recording

    return decorated


def read_record(file: Path) -> Record | None:
    """A record from its file; None if the file holds none."""
    try:
        return Record.model_validate_json(file.read_bytes())
    except ValidationError:
        return None


def _write(step: Step, inputs: dict[str, str], cache: dict[str, str], folder: Path) -> None:
    record = Record(
        stage=step.stage,
        settings=dict(step.settings),
        code=step.code,
        libraries=dict(step.libraries),
        inputs=inputs,
        cache=cache,
        outputs={
            _name(file, folder): Output(sha256=sha256(file), bytes=file.stat().st_size)
            for file in step.outputs
        },
        environment=environment(),
    )
    write_json_atomically(step.record, record.model_dump())


def _checksums(files: Iterable[Path], folder: Path) -> dict[str, str]:
    """SHA-256 by name of the files that are there."""
    return {_name(file, folder): sha256(file) for file in files if file.is_file()}


def _name(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()
