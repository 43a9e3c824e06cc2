"""Files that say what a study is: its configuration, and where its runs are."""

import errno
import json
import os
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from tlstudy.config.given import NOT_THE_STUDY
from tlstudy.config.settings import Study, WeightsFile
from tlstudy.config.study import STEPS, finished_study, runs, runs_of_step
from tlstudy.config.study_targets import image_sources
from tlstudy.jobs import paths
from tlstudy.jobs.claims_seen import record_claims
from tlstudy.storage.columns import KEYS
from tlstudy.storage.errors import UserError
from tlstudy.storage.files import NOT_SUPPORTED, check_place, json_bytes, write_bytes_atomically

MODE_OF_RECORDS = 0o660  # that Snakemake gives its files, for a group to share
LONGEST_VALUE = 60  # of a setting that differs, characters


def check_places(study: Study) -> None:
    """Check that files can be made in the folders of results and cache, before any job starts.

    Raises:
        UserError: a file stands where such a folder must be; or a file of the user's has a name
            that a rule cannot have.
        PermissionError: a folder may not be read.
    """
    for source in chain.from_iterable(study.weights.values()):
        file = source.file.absolute() if isinstance(source, WeightsFile) else ""
        if set("{}") & set(str(file)):
            raise UserError(
                f"{file}: has a brace, which Snakemake takes for a wildcard; must have none: "
                "rename it, or give a link to it."
            )
    images = [study.cache / place for place in image_sources(study)]
    for folder in (paths.study_folder(study), *images, study.cache / "weights"):
        _look_into(folder)
        check_place(folder / "file")


def _look_into(folder: Path) -> None:
    """
    Raises:
        PermissionError: the folder, or one above it, may not be read.
    """
    try:
        os.stat(folder / "file")
    except PermissionError as error:
        raise PermissionError(error.errno, error.strerror, str(folder)) from None
    except OSError:
        pass  # it is not there, or is no folder, which has a sentence of its own


def check_records(folder: Path) -> None:
    """Check that Snakemake can keep its records in the folder that it runs in.

    Raises:
        UserError: the file system lets no permissions be changed, which Snakemake does.
    """
    try:
        with NamedTemporaryFile(dir=folder, prefix=".tlstudy-") as file:
            os.chmod(file.name, MODE_OF_RECORDS)
    except OSError as error:
        if error.errno in (errno.EPERM, *NOT_SUPPORTED):
            raise UserError(
                f"{folder}: its file system lets no permissions be changed ({error.strerror}), as "
                "Snakemake must for its records; run Snakemake in a folder of another disk. "
                "`results` and `cache` may be folders here."
            ) from None


def has_results(study: Study) -> bool:
    """Whether anything was made of the study: a run, an experiment or a table."""
    made = (f"{paths.RUNS}/*/*/*/*", f"{paths.LABORATORY}/*/*", f"{paths.TABLES}/*")
    return any(any(paths.study_folder(study).glob(pattern)) for pattern in made)


def check_named(study: Study) -> None:
    """Refuse to judge results by another study than that of their folder, places and device apart.

    Raises:
        UserError: it names the first setting that differs; or the folder holds no study.
    """
    folder = paths.study_folder(study)
    kept, named = (
        each.model_dump(mode="json", exclude=NOT_THE_STUDY)
        for each in (finished_study(folder), study)
    )
    if kept != named:
        raise UserError(
            f"{paths.study_file(study)}: is not of the study that was named "
            f"({first_difference(kept, named)}); name the folder instead, {folder}."
        )


def first_difference(then: Mapping[str, Any], now: Mapping[str, Any], above: str = "") -> str:
    """The first key of settings that differs, dots leading down, with both values."""
    key = next(key for key in {**then, **now} if then.get(key) != now.get(key))
    one, other = then.get(key), now.get(key)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return first_difference(one, other, f"{above}{key}.")
    return f"{above}{key} was {_told(then, key)} and is {_told(now, key)}"


def _told(settings: Mapping[str, Any], key: str) -> str:
    if key not in settings:
        return "not there"
    text = "set" if isinstance(settings[key], Mapping) else json.dumps(settings[key])
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]} ..."


def write_settings(study: Study) -> Path:
    """Write the study for its jobs, sweeps expanded and defaults filled in; return the file.

    The file's name holds a digest of its content. So a call with another configuration does not
    disturb jobs that run, and calls with the same one may write at the same time. The index of the
    study's runs is written too, and when its claims were first seen.
    """
    keep_study(study)
    record_claims(study)
    _keep(paths.runs_index(study), runs_table(study).encode())
    _keep(paths.settings_file(study), _content(study))
    return paths.settings_file(study)


def keep_study(study: Study) -> None:
    """Write the study into its folder."""
    _keep(paths.study_file(study), _content(study))


def runs_table(study: Study) -> str:
    """The study's runs in the order of its grid: where their results are, and each step's log.

    Returns:
        A heading and a line for each run, with tabs between the columns.
    """
    rows = run_rows(study)
    lines = [list(rows[0])] if rows else [[*KEYS, "folder"]]
    lines += [list(row.values()) for row in rows]
    return "".join("\t".join(map(str, line)) + "\n" for line in lines)


def run_rows(study: Study) -> list[dict[str, str | int]]:
    """The same, a mapping for each run: arm, subset_size, seed, folder, and <step>_log."""
    with_log = {step: {run.key for run in runs_of_step(study, step)} for step in STEPS}
    asked = [step for step in STEPS if with_log[step]]
    rows: list[dict[str, str | int]] = []
    for run in runs(study):
        logs = {
            f"{step}_log": str(
                paths.log_file(paths.study_folder(study), paths.job_of_run(step, run))
            )
            if run.key in with_log[step]
            else ""
            for step in asked
        }
        keys = dict(zip(KEYS, run.key, strict=True))
        rows.append({**keys, "folder": str(paths.folder_of_run(study, run)), **logs})
    return rows


def _content(study: Study) -> bytes:
    return json_bytes(study.model_dump(mode="json"))


def _keep(file: Path, content: bytes) -> None:
    if not file.is_file() or file.read_bytes() != content:
        write_bytes_atomically(file, content)
