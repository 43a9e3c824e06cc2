"""Files that hold a study's configuration: for its jobs, and in its results folder."""

from pathlib import Path

from tlstudy.config.settings import Study
from tlstudy.jobs import paths
from tlstudy.storage.files import check_place, json_bytes, write_bytes_atomically

# Folders of a study.
FOLDERS = (
    *("attempts", "benchmarks", "figures", "incomplete", "laboratory", "logs"),
    *("provenance", "runs", "settings", "subsets", "tables"),
)


def check_places(study: Study) -> None:
    """Check that files of a study can be made, before anything asks for them.

    Raises:
        UserError: a file stands where a folder must be, or the other way round.
    """
    folders = [paths.study_folder(study) / name for name in FOLDERS]
    for folder in (*folders, paths.images_folder(study.cache), study.cache / "weights"):
        check_place(folder / "file")
    for file in (paths.study_file(study), paths.settings_file(study)):
        check_place(file)


def write_settings(study: Study) -> Path:
    """Write the study for its jobs, sweeps expanded and defaults filled in; return the file.

    The file's name holds a digest of its content. So a call with another configuration does not
    disturb jobs that run, and calls with the same one may write at the same time.
    """
    _keep(study, paths.settings_file(study))
    keep_study(study)
    return paths.settings_file(study)


def keep_study(study: Study) -> None:
    """Write the study into its folder."""
    _keep(study, paths.study_file(study))


def _keep(study: Study, file: Path) -> None:
    content = json_bytes(study.model_dump(mode="json"))
    if not file.is_file() or file.read_bytes() != content:
        write_bytes_atomically(file, content)
