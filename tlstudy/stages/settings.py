"""The configuration that the jobs of a workflow read."""

from pathlib import Path

from tlstudy import paths
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
    return file
