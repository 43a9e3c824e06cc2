"""What the report reads from disk: the study's own files, and nothing that was left behind."""

import json
from pathlib import Path

import pytest
from made_results import filled
from records import run_record
from reports import DRAWING, WEIGHTS, Page, make_inputs

from tlstudy.config.catalogue import figure_names
from tlstudy.config.study import runs as runs_of
from tlstudy.config.tables import ALL_TABLES
from tlstudy.jobs import paths
from tlstudy.jobs.progress import progress
from tlstudy.jobs.run_record import write_run_record
from tlstudy.jobs.tables import read_landscapes
from tlstudy.report.inputs import Inputs, load, tables_shown
from tlstudy.report.page.render import render
from tlstudy.report.sentences.progress import section
from tlstudy.storage.columns import schema
from tlstudy.storage.errors import UserError
from tlstudy.storage.table_files import write_table


@pytest.fixture
def study_on_disk(tmp_path):
    made = make_inputs()
    study = made.study.model_copy(update={"results": tmp_path / "r", "cache": tmp_path / "c"})
    lay_out(study, made)
    return study


def without_landscapes(study):
    landscape = study.landscape.model_copy(update={"seeds": []})
    return study.model_copy(update={"landscape": landscape})


def test_files_left_from_before_are_not_shown(study_on_disk):
    folder = paths.figures_folder(study_on_disk)
    put(folder / "n~50" / "strange.svg", DRAWING)
    put(folder / "accuracy-by-size.svg", DRAWING)
    found = found_by_the_report(study_on_disk)
    assert set(found.figures[50]) == set(figure_names(study_on_disk))
    assert found.study_figures == {}
    shrunk = found_by_the_report(without_landscapes(study_on_disk))
    assert not [name for name in shrunk.figures[50] if name.startswith("landscape")]
    assert shrunk.landscapes == []
    page = Page(render(shrunk))
    assert page.all("canvas") == []
    assert "Accuracy against the number of images" not in page.text


def test_landscapes_are_those_of_the_study_s_seeds(study_on_disk):
    run = runs_of(study_on_disk)[0]
    (paths.folder_of_run(study_on_disk, run) / "landscape.json").unlink()
    with pytest.raises(UserError, match=r"landscape\.json: missing"):
        read_landscapes(study_on_disk)
    records = read_landscapes(study_on_disk.without([("landscape", *run.key)]))
    assert [record["arm"] for record in records] == list(study_on_disk.arms)[1:]
    assert {record["seed"] for record in records} == {26}


def test_weights_are_those_that_trained_and_not_those_of_the_cache(study_on_disk):
    folder = paths.weights_folder(
        study_on_disk.cache, "resnet50", study_on_disk.weights["imagenet"]
    )
    put(folder / "record.json", json.dumps({**WEIGHTS, "source": "IMAGENET1K_V2"}))
    found = found_by_the_report(study_on_disk).weights
    assert list(found) == [("resnet50", "imagenet")]
    assert found["resnet50", "imagenet"]["source"] == "he2015"
    for run in runs_of(study_on_disk):
        (paths.folder_of_run(study_on_disk, run) / "run.json").unlink()
    assert found_by_the_report(study_on_disk).weights == {}


def test_the_report_is_made_of_what_is_found_on_disk(tmp_path):
    made = make_inputs()
    study = made.study.model_copy(update={"results": tmp_path / "r", "cache": tmp_path / "c"})
    lay_out(study, made)
    found = found_by_the_report(study)
    assert [record["arm"] for record in found.landscapes] == list(study.arms)
    assert set(found.figures[50]) == set(figure_names(study))
    assert [sheet.drawing for sheet in found.contact_sheets] == ["published", "stratified"]
    assert found.weights[("resnet50", "imagenet")]["source"] == "he2015"
    assert Page(render(found)).errors == []


def found_by_the_report(study) -> Inputs:
    return load(study, section(progress(study)))


def lay_out(study, inputs: Inputs) -> None:
    """Put inputs where the other steps would leave them."""
    paths.tables_folder(study).mkdir(parents=True)
    for key, name in tables_shown(study).items():
        file, columns = paths.tables_folder(study) / f"{name}.parquet", ALL_TABLES[name]
        write_table(file, schema(columns), filled(getattr(inputs, key), columns))
    for name, drawing in inputs.figures[50].items():
        put(paths.figures_folder(study) / "n~50" / f"{name}.svg", drawing)
    landscapes = {record["arm"]: record for record in inputs.landscapes}
    for run in runs_of(study):
        record = {key: landscapes[run.arm][key] for key in ("planes", "checkpoint_train_loss")}
        put(paths.folder_of_run(study, run) / "landscape.json", json.dumps(record))
        weights = WEIGHTS if run.settings.initialisation != "random" else None
        write_run_record(paths.folder_of_run(study, run), run_record(weights=weights))
    for sheet in inputs.contact_sheets:
        folder = paths.subset_folder(study, "mnist", sheet.drawing, 50, 26)
        put(folder / "subset.json", json.dumps(dict(sheet.subset)))
        put(folder / "contact-sheet.svg", DRAWING)


def put(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
