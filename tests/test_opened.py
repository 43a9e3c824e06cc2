"""A study from Python: tables with units, figures, predictions; and the notebook that shows it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import made_results
import pandas as pd
import pytest
from configurations import ROOT
from matplotlib.figure import Figure

import tlstudy
from tlstudy.config.tables import ALL_TABLES
from tlstudy.data.stored import load_images
from tlstudy.opened import OpenedStudy, with_units
from tlstudy.storage.errors import UserError

NOTEBOOK = ROOT / "docs" / "python.ipynb"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("opened")
    made_results.audit_results(folder, "audit")
    made_results.small_results(folder, "two", subset_size=[50])
    return folder


@pytest.fixture(scope="module")
def real(small_results, tmp_path_factory):
    """Real results under the name that a first study has."""
    folder = tmp_path_factory.mktemp("real")
    shutil.copytree(small_results.folder, folder / "results" / "quick")
    file = folder / "results" / "quick" / "study.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"study": "quick"}))
    return folder


def test_importing_and_opening_is_light(made):
    code = (
        "import sys, tlstudy; heavy = {'torch', 'pandas', 'numpy', 'matplotlib'}; "
        "print(heavy & set(sys.modules)); tlstudy.open(sys.argv[1]).figure_names(); "
        "print(heavy & set(sys.modules)); tlstudy.open(sys.argv[1]).runs; "
        "print({'torch', 'matplotlib'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, str(made / "two")]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["set()"] * 3
    assert {"open", "watch"} <= set(dir(tlstudy))


def test_tables_have_units_and_descriptions(made):
    study = tlstudy.open(made / "audit")
    assert len(study.runs) == len(study.arms) * 5
    assert study.runs.attrs["units"]["reported_loss"] == "nats"
    assert (
        study.metrics.attrs["units"] | {"angle_from_start": "degrees"}
        == (study.metrics.attrs["units"])
    )
    assert study.metrics.attrs["units"]["train_accuracy"] == "share, 0 to 1"
    assert "epoch" not in study.layers.attrs["units"]
    assert "norm" in study.layers.attrs["columns"]
    assert set(study.claims["claim"]) == set(study.settings.claims)
    assert study.table("ladder")["group"].nunique() == len(study.settings.ladder)
    rows = study.runs
    rows["seed"] = 0  # of a copy
    assert set(study.runs["seed"]) == {26, 27, 28, 29, 30}


@pytest.mark.parametrize("name", ALL_TABLES)
def test_only_numbers_have_units(name):
    columns = ALL_TABLES[name]
    units = with_units(columns)["units"]
    assert {columns[column][0] for column in units} <= {"float64"}
    assert not {"df", "seeds", "images"} & set(units)
    named = {column for column in columns if column.endswith(("seconds", "_loss", "_accuracy"))}
    assert named <= set(units)


def test_the_summary_is_what_is_exported(made):
    summary = tlstudy.open(made / "two").summary()
    assert list(summary["arm"]) == ["new", "pretrained"]
    row = summary.iloc[1]
    assert row["balanced_accuracy_low"] < row["balanced_accuracy_mean"]
    assert (row["reference"], row["loss_difference_seeds"]) == ("new", 5)
    assert summary.attrs["units"]["loss_difference_low"] == "nats"
    assert set(summary) == set(summary.attrs["columns"])


def test_two_arms_are_compared_as_the_summary_has_them(made):
    study = tlstudy.open(made / "two")
    reference, arm = study.summary().to_dict("records")
    first, second = study.compare("new", "pretrained").to_dict("records")
    assert (first["quantity"], first["unit"], first["seeds"]) == (
        "balanced_accuracy",
        "share",
        [26, 27, 28, 29, 30],
    )
    assert first["first"] == pytest.approx(reference["balanced_accuracy_mean"])
    for row, name in ((first, "balanced_accuracy"), (second, "loss")):
        found = [row["difference"], row["low"], row["high"]]
        told = [arm[f"{name}_difference_{end}"] for end in ("mean", "low", "high")]
        assert found == pytest.approx(told)
    compared = study.compare("new", "pretrained")
    assert compared.attrs["reservations"] == []
    assert list(compared) == list(compared.attrs["columns"])
    values = study.values("balanced_accuracy")
    assert list(values.index) == [(50, seed) for seed in first["seeds"]]
    differences = values["pretrained"] - values["new"]
    assert differences.mean() == pytest.approx(first["difference"])
    turned = study.compare("pretrained", "new", "loss")
    assert list(turned["difference"]) == pytest.approx([-second["difference"]])


def test_what_does_not_compare_is_said_and_few_seeds_have_no_interval(made, real):
    told = tlstudy.open(made / "audit").compare("new-published", "new-final")
    assert "Losses of softmax outputs and of logits do not compare." in told.attrs["reservations"]
    one = tlstudy.open(real / "results" / "quick").compare("new", "pretrained")
    assert one["difference"].notna().all()
    assert one["low"].isna().all()


@pytest.mark.parametrize("name", ["ladder", "claims", "results", "contradictions"])
def test_figures_are_matplotlibs(made, tmp_path, name):
    study = tlstudy.open(made / "audit")
    figure = study.figure(name)
    assert isinstance(figure, Figure)
    figure.axes[0].set_title("mine")
    figure.savefig(tmp_path / "figure.svg")
    assert name in study.figure_names()


def test_predictions_agree_with_the_table_of_runs(real):
    study = tlstudy.open(real / "results" / "quick")
    for _, run in study.runs.iterrows():
        found = study.predictions(run)
        assert list(found)[:4] == ["image", "label", "answer", "right"]
        assert found["right"].mean() == pytest.approx(run["reported_accuracy"])
        pd.testing.assert_frame_equal(found, study.predictions((run["arm"], 10, 26)))
        pd.testing.assert_frame_equal(found, study.predictions(study.runs.query("arm == @run.arm")))
        assert list(found) == list(found.attrs["columns"])


def test_test_images_are_those_of_the_predictions(small_results):
    study = tlstudy.open(small_results.folder)
    cache = small_results.folder.parents[1] / "aside"
    study = OpenedStudy(study.settings.model_copy(update={"cache": cache}))
    run = study.runs.iloc[0]
    found, images = study.predictions(run), study.test_images(run)
    labels = load_images(cache / "mnist", "test")[1]
    assert images.shape == (10_000, 28, 28)
    assert (labels[found["image"]] == found["label"]).all()


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda study: study.table("run"), "table 'run': did you mean 'runs'? tables are runs, "),
        (lambda study: study.figure("result"), "figure 'result': did you mean 'results'? two has"),
        (lambda study: study.figure("results", 51), "subset_size: found 51; two has [50]"),
        (
            lambda study: study.compare("new", "pretraned"),
            "did you mean 'pretrained'? arms of two are",
        ),
        (lambda study: study.compare("new", "new", ["los"]), "quantity 'los': did you mean 'loss'"),
        (lambda study: study.compare("new", "new", []), "quantities: none is named; see"),
        (lambda study: study.values(None), "quantity 'None': see"),
        (lambda study: study.values(["loss"]), "quantity '['loss']': did you mean 'loss'"),
        (lambda study: study.figure(None), "figure 'None': two has"),
        (lambda study: study.table(None), "table 'None': tables are"),
        (lambda study: study.predictions("new"), "run: found 'new'; must be a row of `runs`, or ("),
        (lambda study: study.predictions(study.runs), "must be one row of `runs`; found 10 rows"),
        (lambda study: study.values("los"), "quantity 'los': did you mean 'loss'"),
        (lambda study: study.predictions(("new", 50, 1)), "arm 'new', subset size 50, seed 1: no"),
        (lambda study: study.predictions(("new", 50, 26)), "answers.parquet: missing; run"),
    ],
)
def test_mistakes_end_in_a_sentence(made, ask, told):
    with pytest.raises(UserError) as caught:
        ask(tlstudy.open(made / "two"))
    assert told in caught.value.message


def test_one_change_may_be_a_text():
    quick = ROOT / "studies" / "quick.yaml"
    assert tlstudy.open(quick, changes="study=x").settings.study == "x"
    assert tlstudy.open(quick, changes=["study=x", "seed=3"]).settings.seed == [3]


def test_the_notebook_runs(real, monkeypatch):
    """In this process, cell by cell: a kernel would be three more packages to install."""
    monkeypatch.chdir(real)
    before = sorted(Path().rglob("*"))
    names: dict[str, object] = {}
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    for source in sources:
        lines = [line for line in source.splitlines() if not line.startswith("%")]
        exec("\n".join(lines), names)
    assert names["study"].settings.study == "quick"
    assert isinstance(names["figure"], Figure)
    assert sorted(Path().rglob("*")) == before
    assert all(cell.get("outputs", []) == [] for cell in cells)


def test_the_page_names_what_there_is():
    text = (ROOT / "docs" / "python.md").read_text()
    public = dir(tlstudy.open(ROOT / "config.yaml"))
    named = [name for name in public if not name.startswith("_")]
    assert [name for name in named if f"study.{name}" not in text] == []


def test_what_is_computed_has_units_too(made):
    study = tlstudy.open(made / "two")
    assert study.values("loss").attrs["units"] == dict.fromkeys(study.arms, "nats")
    assert study.compare("new", "pretrained", "loss").attrs["units"]["difference"] == "nats"
    both = study.compare("new", "pretrained").attrs["units"]
    assert both["difference"] == "as the column unit says"


def test_shares_are_called_shares_and_cosines_are_not():
    assert "cosine" not in with_units(ALL_TABLES["laboratory"])["units"]
    units = with_units(ALL_TABLES["runs"])["units"]
    assert units["explained_variance_1"] == units["explained_variance_2"] == "share, 0 to 1"
