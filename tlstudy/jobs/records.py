"""Records of provenance: what each result was made from, with the SHA-256 of all of it."""

import functools
import hashlib
import inspect
import json
from collections.abc import Callable, Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from tlstudy.data.download import sha256
from tlstudy.jobs import paths
from tlstudy.jobs.steps import Step
from tlstudy.storage.files import write_bytes_atomically
from tlstudy.storage.provenance import environment


class Output(BaseModel):
    """A file as it was written: its SHA-256 and its size."""

    model_config = ConfigDict(extra="forbid")

    sha256: str
    bytes: int


class Record(BaseModel):
    """What the results of a step were made from.

    Files of the study and of the cache are named as they lie in its folder, so that it can move.

    Attributes:
        settings, code, libraries: see `tlstudy.jobs.steps.Step`.
        inputs, cache: SHA-256 of the files that were read.
        environment: versions and processor.
        seal: SHA-256 of all of the above; empty until it is sealed.
    """

    model_config = ConfigDict(extra="forbid")

    stage: str
    settings: dict[str, str]
    code: str
    # Records of earlier versions have none.
    libraries: dict[str, str] = {}
    inputs: dict[str, str]
    cache: dict[str, str]
    outputs: dict[str, Output]
    environment: dict[str, str]
    seal: str = ""

    def sealed(self) -> "Record":
        """The record with the checksum of its own content."""
        content = json.dumps(self.model_dump(exclude={"seal"}, exclude_defaults=True))
        return self.model_copy(update={"seal": hashlib.sha256(content.encode()).hexdigest()})


def recorded(step_of: Callable[..., Step]) -> Callable[[Callable], Callable]:
    """Decorate a stage so that it leaves a record of what its results were made from.

    What is made of an incomplete study passes, and has none.

    Args:
        step_of: the stage's step, of those arguments of the stage that have its names.
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
            # Before the stage runs: inputs and code are those that it starts with.
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
    """A record that is as it was written; None if it was altered."""
    content = file.read_bytes()
    try:
        record = Record.model_validate_json(content)
    except ValidationError:
        return None
    # The text too: a seal says nothing of blanks between values.
    return record if content == _text(record.sealed()) else None


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
    write_bytes_atomically(step.record, _text(record.sealed()))


def _checksums(files: Iterable[Path], folder: Path) -> dict[str, str]:
    """SHA-256 by name of the files that are there."""
    return {_name(file, folder): sha256(file) for file in files if file.is_file()}


def _name(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()


def _text(record: Record) -> bytes:
    return f"{json.dumps(record.model_dump(exclude_defaults=True), indent=1)}\n".encode()
