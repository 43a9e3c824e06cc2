"""The note of Snakemake's last call for a study: how to go on, and the cores that it has."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePath

from pydantic import NonNegativeInt

from tlstudy.config.settings import Study
from tlstudy.jobs import paths
from tlstudy.jobs.attempts import Attempt, read_attempt
from tlstudy.storage.files import write_json_atomically

JOB = PurePath("snakemake")


@dataclass(frozen=True)
class Call(Attempt):
    """A call of Snakemake that has not ended well.

    Attributes:
        cores, gpus: that it was given; with cores 0 its jobs run on other machines.
    """

    cores: NonNegativeInt = 0
    gpus: NonNegativeInt = 0


def note_call(study: Study, command: Sequence[str], cores: int, gpus: int) -> None:
    """Keep a note of the call that this process is."""
    noted = Call.of_this_process(command, cores=cores, gpus=gpus)
    write_json_atomically(_file(study), asdict(noted))


def forget_call(study: Study) -> None:
    """Remove the note: the call ended well."""
    _file(study).unlink(missing_ok=True)


def read_call(study: Study) -> Call | None:
    """The last call; None where it ended well, or left no note."""
    return read_attempt(_file(study), Call)


def going_on(study: Study) -> str:
    """What goes on with a study, to follow the words "go on with"."""
    call = read_call(study)
    return (
        f"`{call.command}`" if call else "`snakemake --cores all --configfile` and the study's file"
    )


def _file(study: Study) -> Path:
    return paths.attempt_file(paths.study_folder(study), JOB)
