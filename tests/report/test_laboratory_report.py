"""A real study of the laboratory alone, one seed of its quickest experiment, to its report."""

import json

import pandas as pd
import pytest
from click.testing import CliRunner
from laboratory_study import make_study
from reports import Page

from tlstudy.cli import main
from tlstudy.jobs import paths
from tlstudy.jobs.progress import progress
from tlstudy.jobs.verify import verdict
from tlstudy.report.format import duration
from tlstudy.report.sentences.laboratory import notes
from tlstudy.report.sentences.theory import share
from tlstudy.steps.aggregate import aggregate_study
from tlstudy.steps.claims import make_claims
from tlstudy.steps.figures import draw_figures
from tlstudy.steps.formulas import make_formulas
from tlstudy.steps.laboratory import run_experiment
from tlstudy.steps.report import make_report
from tlstudy.storage.errors import UserError

SEED = 100


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    made = make_study(experiments=["diagonal"])
    made = made.model_copy(update={"seed": [SEED], "results": folder})
    run_experiment(made, "diagonal", SEED)
    aggregate_study(made)
    make_claims(made)
    make_formulas(made)
    draw_figures(made)
    make_report(made)
    return made


def page_of(study) -> Page:
    return Page(paths.report_file(study).read_text(encoding="utf-8"))


def table(study, name: str) -> pd.DataFrame:
    return pd.read_parquet(paths.tables_folder(study) / f"{name}.parquet")


def test_results_hold(study):
    found = verdict(paths.study_folder(study), everything=True)
    assert found.holds, found.problems
    assert found.jobs == 6
    assert found.strangers == []


def test_its_formulas_are_a_job_that_status_knows(study):
    states = {job.key: job.state for job in progress(study).others}
    assert states["formulas",] == "done"


def test_there_is_no_table_of_results_to_export(study):
    result = CliRunner().invoke(main, ["export", str(paths.study_folder(study))])
    assert result.exit_code == 1
    assert "trains no networks" in result.output


def test_there_is_a_report_and_no_table_of_arms(study):
    page = page_of(study)
    assert page.errors == []
    assert "Diagonal linear networks" in page.text
    assert "BatchNorm whose" not in page.text
    for note in notes(table(study, "laboratory"), "diagonal"):
        assert note.replace("\u202f", " ") in page.text
    assert (
        "of 34 did not fit their training samples (norm of the residuals above 0.001" in page.text
    )
    assert not paths.results_table(study).exists()
    slides = table(study, "formulas").set_index("formula").loc["slides"]
    for told in (f"no solution in {share(slides['no_root'])}", share(slides["exact"])):
        assert told.replace("\u202f", " ") in page.text
    assert any("penalty" in item.get("id", "") for item in page.all("svg"))


def test_time_and_versions_are_those_of_the_record(study):
    record = json.loads(paths.laboratory_facts(study, "diagonal", SEED).read_text())
    for shown in (duration(record["seconds"]), record["environment"]["torch"]):
        assert shown.replace("\u202f", " ") in page_of(study).text


def test_a_missing_table_names_the_command_that_makes_it(study, tmp_path):
    other = study.model_copy(update={"results": tmp_path})
    with pytest.raises(UserError, match="its step `tlstudy laboratory`"):
        aggregate_study(other)
    folder = paths.tables_folder(other)
    folder.mkdir(parents=True, exist_ok=True)
    for file in paths.tables_folder(study).iterdir():
        if file.stem != "formulas":
            (folder / file.name).write_bytes(file.read_bytes())
    with pytest.raises(UserError, match=r"run `tlstudy formulas .*made-up`"):
        make_report(other)
