"""The configuration that jobs read, and that a results folder is of."""

import json
from pathlib import Path

import pytest
from configurations import changed

from tlstudy.config.settings import Study
from tlstudy.config.study import build_study, load_study
from tlstudy.jobs import paths
from tlstudy.jobs.records import Record
from tlstudy.jobs.study_files import keep_study, write_settings
from tlstudy.storage.errors import UserError
from tlstudy.storage.files import sha256, write_json_atomically


def test_jobs_read_the_study_that_was_written(tmp_path):
    study = build_study(changed("results", str(tmp_path)))
    assert load_study([write_settings(study)]) == study


def test_another_configuration_leaves_the_running_jobs_theirs(tmp_path):
    first = build_study(changed("results", str(tmp_path)))
    before = write_settings(first).read_bytes()
    other = first.model_copy(update={"seed": [1]})
    assert write_settings(other) != write_settings(first)
    assert write_settings(first).read_bytes() == before


DAMAGES = {
    "truncated": lambda content: content[: len(content) // 2],
    "no mapping": lambda content: b"[1, 2]",
    "nested without end": lambda content: b"[" * 100_000,
    "a blank more": lambda content: content + b" ",
    "a bit flipped in a value": lambda content: content.replace(b"128", b"129", 1),
    "a bit flipped in a place": lambda content: content.replace(b'"cache": "', b'"cache": "x', 1),
    "a key less": lambda content: json.dumps(dict(list(json.loads(content).items())[1:])).encode(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_of_the_study_or_of_its_jobs_is_written_anew(tmp_path, damage):
    study = build_study(changed("results", str(tmp_path)))
    files = [write_settings(study), paths.study_file(study)]
    before = [file.read_bytes() for file in files]
    for file in files:
        damaged = DAMAGES[damage](file.read_bytes())
        assert damaged != file.read_bytes()
        file.write_bytes(damaged)
    assert write_settings(study) == files[0]
    assert [file.read_bytes() for file in files] == before
    assert sorted(tmp_path.rglob(".*")) == []


def test_a_folder_where_the_studys_file_must_be_is_told(tmp_path):
    study = build_study(changed("results", str(tmp_path)))
    paths.study_file(study).mkdir(parents=True)
    with pytest.raises(UserError, match=r"study\.json: is a folder, must be a file"):
        write_settings(study)


def report_of(study: Study) -> None:
    """A record as the report leaves it: it was made from the study's file."""
    file = paths.study_file(study)
    empty = {"settings": {}, "cache": {}, "outputs": {}, "environment": {}}
    record = Record(stage="report", code="", inputs={file.name: sha256(file)}, **empty)
    write_json_atomically(paths.provenance_file(study, "report"), record.model_dump())


def test_a_study_that_was_moved_keeps_the_file_that_its_report_was_made_from(tmp_path):
    study = build_study(changed("results", str(tmp_path)))
    keep_study(study)
    report_of(study)
    before = paths.study_file(study).read_bytes()
    keep_study(study.model_copy(update={"cache": Path("elsewhere")}))
    assert paths.study_file(study).read_bytes() == before
    keep_study(study.model_copy(update={"seed": [1]}))
    assert json.loads(paths.study_file(study).read_bytes())["seed"] == [1]


def test_a_place_is_the_present_one_unless_the_report_says_otherwise(tmp_path):
    study = build_study(changed("results", str(tmp_path)))
    keep_study(study)
    report_of(study)
    file = paths.study_file(study)
    file.write_bytes(file.read_bytes().replace(b'"cache": "', b'"cache": "x', 1))
    keep_study(study)
    assert json.loads(file.read_bytes())["cache"] == str(study.cache)
