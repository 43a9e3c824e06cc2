"""The configuration that the jobs of a workflow read, and that a results folder is of."""

import json
from pathlib import Path

from tlstudy import paths
from tlstudy.artefacts import PLACES
from tlstudy.files import write_json_atomically
from tlstudy.settings import Study


def write_settings(study: Study) -> Path:
    """Write the study, sweeps expanded and defaults filled in, where its jobs read it.

    The file's name holds a digest of its content: a call with another configuration in the same
    folder leaves the jobs that run alone, and calls with the same one may write at the same time.
    """
    file = paths.settings_file(study)
    if not file.is_file():
        write_json_atomically(file, study.model_dump(mode="json"))
    keep_study(study)
    return file


def keep_study(study: Study) -> None:
    """Write the study into its folder unless it is there: places of files do not count."""
    file, data = paths.study_file(study), study.model_dump(mode="json")
    kept = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    if kept | {place: data[place] for place in PLACES} != data:
        write_json_atomically(file, data)
