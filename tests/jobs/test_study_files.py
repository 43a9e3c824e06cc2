"""The configuration that jobs read, and that a results folder is of."""

import pandas as pd
import pytest
from configurations import changed

from tlstudy.config.named_runs import find_run
from tlstudy.config.study import build_study, load_study, runs
from tlstudy.jobs import paths
from tlstudy.jobs.study_files import write_settings


def test_jobs_read_the_study_that_was_written(tmp_path):
    study = build_study(changed("results", str(tmp_path)))
    assert load_study(write_settings(study)) == study


def test_another_configuration_leaves_the_running_jobs_theirs(tmp_path):
    first = build_study(changed("results", str(tmp_path)))
    before = write_settings(first).read_bytes()
    other = first.model_copy(update={"seed": [1]})
    assert write_settings(other) != write_settings(first)
    assert write_settings(first).read_bytes() == before


DAMAGES = {
    "truncated": lambda content: content[: len(content) // 2],
    "a bit flipped in a value": lambda content: content.replace(b"128", b"129", 1),
    "a bit flipped in a place": lambda content: content.replace(b'"cache": "', b'"cache": "x', 1),
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


def test_the_index_names_every_run_with_its_folder_and_logs(tmp_path):
    study = build_study(changed("results", str(tmp_path)))
    write_settings(study)
    index = pd.read_csv(paths.runs_index(study), sep="\t", keep_default_na=False)
    assert list(zip(index["arm"], index["subset_size"], index["seed"], strict=True)) == [
        (run.arm, run.subset_size, run.seed) for run in runs(study)
    ]
    last = index.iloc[-1]
    name = find_run(study, "pretrained", 50, 35).name
    folder = tmp_path / "slides"
    assert last["folder"] == str(folder / "runs" / name / "n~50" / "seed~35")
    assert last["train_log"] == str(folder / "logs" / "train" / name / "n~50" / "seed~35.log")
    with_landscape = index[index["landscape_log"] != ""]
    assert list(with_landscape["seed"]) == [26] * 4


def test_the_index_follows_the_configuration(tmp_path):
    study = build_study(changed("results", str(tmp_path)))
    write_settings(study)
    write_settings(study.model_copy(update={"seed": [1]}))
    assert len(paths.runs_index(study).read_text().splitlines()) == 1 + 4
