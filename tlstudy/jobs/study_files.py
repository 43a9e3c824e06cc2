"""Files that hold a study's configuration: for its jobs, and in its results folder."""

import hashlib
import json
from pathlib import Path

from tlstudy.config.settings import Study
from tlstudy.jobs import paths
from tlstudy.jobs.records import read_record
from tlstudy.jobs.steps import PLACES
from tlstudy.storage.files import check_file, check_folder, json_bytes, write_bytes_atomically

# Folders of a study.
FOLDERS = (
    *("attempts", "benchmarks", "figures", "incomplete", "laboratory", "logs"),
    *("provenance", "runs", "settings", "subsets", "tables"),
)


def check_places(study: Study) -> None:
    """Check that files and folders of a study can be made, before anything asks for them.

    Raises:
        UserError: a file stands where a folder must be, or the other way round.
    """
    folders = [paths.study_folder(study) / name for name in FOLDERS]
    for folder in (*folders, paths.images_folder(study.cache), study.cache / "weights"):
        check_folder(folder)
    for file in (paths.study_file(study), paths.settings_file(study)):
        check_file(file)


def write_settings(study: Study) -> Path:
    """Write the study for its jobs, sweeps expanded and defaults filled in; return the file.

    The file's name holds a digest of its content. So a call with another configuration does not
    disturb jobs that run, and calls with the same one may write at the same time. A damaged file
    is written anew.
    """
    file, content = paths.settings_file(study), json_bytes(study.model_dump(mode="json"))
    if not file.is_file() or file.read_bytes() != content:
        write_bytes_atomically(file, content)
    keep_study(study)
    return file


def keep_study(study: Study) -> None:
    """Write the study into its folder unless it is there, undamaged.

    A study that was moved differs in its places only. Its file stays if its report was made from
    it, so that the report can still be verified.
    """
    file, content = paths.study_file(study), json_bytes(study.model_dump(mode="json"))
    kept = file.read_bytes() if file.is_file() else b""
    if kept != content and not (
        _is_of_report(study, kept) and _without_places(kept) == _without_places(content)
    ):
        write_bytes_atomically(file, content)


def _is_of_report(study: Study, content: bytes) -> bool:
    """Whether the study's report was made from this file."""
    file = paths.provenance_file(study, "report")
    record = read_record(file) if file.is_file() else None
    name = paths.study_file(study).name
    return bool(record) and record.inputs.get(name) == hashlib.sha256(content).hexdigest()


def _without_places(content: bytes) -> dict:
    return {key: value for key, value in json.loads(content).items() if key not in PLACES}
