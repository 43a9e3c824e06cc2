"""Two arms or two studies compared, and the table of results for a paper."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import laboratory_study
import made_results
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from made_results import paired_difference
from study_folder import environment

from tlstudy.audit.statistics import summarise
from tlstudy.cli import main
from tlstudy.config.settings import WeightsFile
from tlstudy.config.sweeps import expand_arms
from tlstudy.jobs import paths
from tlstudy.jobs.calls import note_call
from tlstudy.jobs.study_files import keep_study


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """results/one, and results/two of the same arms in other settings, and one arm more."""
    folder = tmp_path_factory.mktemp("compared")
    first = made_results.small_results(folder / "results", "one")
    slow = {"optimiser": {"name": "adam", "learning_rate": 0.0001}}
    arms = {name: {**arm, **slow} for name, arm in made_results.ARMS.items()}
    made_results.small_results(folder / "results", "two", {**arms, "third": {"label": "Third"}})
    return folder, first


@pytest.fixture
def here(place, monkeypatch) -> Path:
    monkeypatch.chdir(place[0])
    return place[0]


def invoke(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == status, result.output
    return result.output


def files_in(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def test_two_arms_are_compared_seed_by_seed(here, place):
    before = files_in(here)
    text = invoke("compare", "results/one:new", "results/one:pretrained", "--json")
    [found] = json.loads(text)
    assert found["settings"] == {
        "initialisation": {"A": "random", "B": "imagenet"},
        "weights": {"A": [], "B": ["he2015"]},
    }
    accuracy, loss = found["results"]
    expected = summarise(paired_difference(place[1]))
    assert accuracy["seeds"] == [26, 27, 28, 29, 30]
    assert accuracy["difference"]["mean"] == pytest.approx(expected.mean)
    assert accuracy["difference"]["low"] == pytest.approx(expected.low)
    assert (accuracy["unit"], loss["unit"]) == ("share", "nats")
    differences = [second - first for first, second in accuracy["values"].values()]
    assert differences == pytest.approx(list(paired_difference(place[1])))
    assert files_in(here) == before
    shown = invoke("compare", "results/one:new", "results/one:pretrained")
    assert f"+{100 * expected.mean:.1f}" in shown
    assert "B less A" in shown
    assert "26" in next(line for line in shown.splitlines() if line.startswith("        seed"))
    zero = "contains zero" if expected.low <= 0 <= expected.high else "leaves zero out"
    assert f"The 95\u202f% interval {zero}" in shown


def test_the_ending_of_the_file_chooses_the_format(here, tmp_path):
    for name, told in (("a.tex", "latex"), ("a.MD", "markdown"), ("a.csv", "csv")):
        assert told in invoke("export", "results/one", "--output", str(tmp_path / name))
    result = CliRunner().invoke(
        main, ["export", "results/one", "--output", str(tmp_path / "a.txt")]
    )
    assert result.exit_code != 0
    assert "say which --format" in result.output


def test_two_studies_are_compared_arm_by_arm(here):
    found = json.loads(invoke("compare", "results/one", "results/two", "--json"))
    assert [(each["A"]["arm"], each["B"]["study"]) for each in found] == [
        ("new", "two"),
        ("pretrained", "two"),
    ]
    assert found[0]["settings"] == {"optimiser.learning_rate": {"A": 0.001, "B": 0.0001}}
    assert "Only in B: third" in invoke("compare", "results/one", "results/two")


def test_any_quantity_of_claims_is_compared(here):
    text = invoke(
        *("compare", "results/one:new", "results/two:third", "--quantity", "displacement", "--json")
    )
    [row] = json.loads(text)[0]["results"]
    assert row["quantity"] == "displacement"
    assert row["difference"]["n"] == 5


def test_what_does_not_compare_is_said(here):
    made_results.small_results(
        here / "results", "digits", {"new": {"target": "digits"}, "soft": {"head": "softmax"}}
    )
    found = json.loads(invoke("compare", "results/one:new", "results/digits:new", "--json"))
    assert any("tested on different images" in each for each in found[0]["reservations"])
    found = json.loads(invoke("compare", "results/digits:soft", "results/one:new", "--json"))
    assert any("Losses of softmax" in each for each in found[0]["reservations"])


def test_weights_that_differ_are_told(here):
    """By their settings, and where one name in the settings stood for two files."""
    ours = WeightsFile(file="mine.safetensors", mean=[0.5, 0.5, 0.5])
    made_results.small_results(here / "results", "mine", weights={"imagenet": [ours]})
    found = json.loads(invoke("compare", "results/one", "results/mine", "--json"))
    assert found[1]["settings"]["weights"]["B"][0]["mean"] == [0.5, 0.5, 0.5]
    assert not any("other pretrained weights" in each for each in found[1]["reservations"])
    for name in ("one", "mine"):
        file = here / "results" / name / "tables" / "runs.parquet"
        runs = pd.read_parquet(file)
        runs.loc[runs["initialisation"] == "imagenet", "weights_sha256"] = f"of {name}"
        runs.to_parquet(file)
    found = json.loads(invoke("compare", "results/one", "results/mine", "--json"))
    told = [any("other pretrained weights" in r for r in each["reservations"]) for each in found]
    assert told == [False, True]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["results/one:nwe", "results/one:new"],
            "arm 'nwe': did you mean 'new'? arms of one are",
        ),
        (["results/one:new", "results/one"], "no arm is named: arms of one are new, "),
        (["results/none", "results/one"], "results/none: cannot be read"),
        (["new.yaml", "results/one"], "new is not complete ("),
        (
            ["results/one", "results/two", "--quantity", "los"],
            "quantity 'los': did you mean 'loss'?",
        ),
        (["results/one", "results/two", "--quantity", "accuracy"], "mean 'balanced_accuracy'?"),
    ],
)
def test_mistakes_end_in_a_sentence(here, arguments, told):
    Path("new.yaml").write_text("study: new\n")
    assert told in invoke("compare", *arguments, status=1)
    assert "there are no results yet; run `snakemake" in invoke("export", "new.yaml", status=1)


def test_csv_has_all_numbers(here, place):
    rows = list(csv.DictReader(io.StringIO(invoke("export", "results/one"))))
    assert [row["arm"] for row in rows] == ["new", "pretrained"]
    expected = summarise(paired_difference(place[1]))
    pretrained = rows[1]
    ends = ("mean", "low", "high", "smallest", "largest")
    found = [float(pretrained[f"balanced_accuracy_difference_{end}"]) for end in ends]
    np.testing.assert_allclose(found, [getattr(expected, end) for end in ends])
    assert (pretrained["reference"], pretrained["loss_difference_seeds"]) == ("new", "5")
    assert rows[0]["balanced_accuracy_difference_mean"] == ""


def test_tables_for_papers(here, place):
    mean = 100 * summarise(paired_difference(place[1])).mean
    latex = invoke("export", "results/one", "--format", "latex")
    needed, note, begin = latex.splitlines()[:3]
    assert needed == "% Needs \\usepackage{booktabs}."
    assert note.startswith("% In brackets: 95 % intervals.")
    assert note.endswith("over 5 seeds.")
    assert begin == "\\begin{tabular}{lrrrrrl}"
    assert latex.count("5 seeds") == 1
    assert "New \\& old &" in latex
    assert f"{mean:+.1f}\\,points" in latex
    rows = [line for line in latex.splitlines() if line.endswith("\\\\")]
    assert {row.replace("\\&", "").count("&") for row in rows} == {6}
    markdown = invoke("export", "results/one", "--format", "markdown").splitlines()
    assert markdown[1] == "|" + " --- |" * 7
    assert f"{mean:+.1f}" in markdown[3]
    assert markdown[-1].endswith("over 5 seeds.")
    told = invoke("export", "results/one", "--output", "table.csv")
    assert told == "table.csv: csv, 2 rows.\n"
    assert "no folder nowhere" in invoke("export", "results/one", "--output", "nowhere/a", status=1)
    assert not Path("nowhere").exists()
    assert Path("table.csv").read_text() == invoke("export", "results/one")


def test_a_label_is_text_in_latex_and_markdown(here, place):
    label = r"\input{x} $a$ 50 % <script>x</script> [a](javascript:x) `b` _c_ | d"
    arms = {**made_results.ARMS, "new": {**made_results.ARMS["new"], "label": label}}
    made_results.small_results(here / "marked", "one", arms)
    tex = invoke("export", "marked/one", "--format", "latex")
    assert r"\textbackslash input\{x\} \$a\$ 50 \% \textless script\textgreater x" in tex
    text = invoke("export", "marked/one", "--format", "markdown")
    shown = r"\\input{x} \$a\$ 50 % \<script\>x\</script\> \[a\](javascript:x) \`b\` \_c\_ \| d"
    assert shown in text


@pytest.mark.parametrize("name", ["results/one/tables/runs.parquet", "results/one/new.csv"])
def test_a_table_is_not_written_over_results(here, name):
    before = files_in(here)
    assert "lies in results/one, which holds files of studies" in invoke(
        "export", "results/one", "--output", name, status=1
    )
    assert files_in(here) == before


def test_a_table_is_not_written_over_what_is_something_else(here):
    """Another study's results, and a study file."""
    Path("kept.yaml").write_text("study: kept\n")
    before = [file.read_bytes() for file in files_in(here) if file.is_file()]
    for name, told in (
        ("results/two/study.json", "results/two, which holds files of studies"),
        ("results/two/tables/new.csv", "results/two, which holds files of studies"),
        ("kept.yaml", "kept.yaml: is there and is no csv file by its name"),
    ):
        call = ("export", "results/one", "--format", "csv", "--output", name)
        assert told in invoke(*call, status=1)
    told = invoke("pack", "results/one", "--output", "results/two/tables/new.tar.gz", status=1)
    assert "results/two, which holds files of studies" in told
    assert [file.read_bytes() for file in files_in(here) if file.is_file()] == before


def test_a_study_without_networks_has_nothing_to_compare(here):
    keep_study(laboratory_study.make_study().model_copy(update={"study": "lab"}))
    for names in (("results/lab", "results/lab"), ("results/one", "results/lab")):
        assert "results/lab: lab trains no networks" in invoke("compare", *names, status=1)
    told = invoke("compare", "results/lab:new", "results/one:new", status=1)
    assert "arm 'new': lab trains no networks" in told


def test_an_encoding_that_lacks_characters_ends_no_command(here):
    names = ("results/one:new", "results/one:pretrained")
    result = subprocess.run(
        [sys.executable, "-m", "tlstudy.cli", "compare", *names],
        env=environment() | {"PYTHONIOENCODING": "latin-1"},
        capture_output=True,
    )
    assert (result.returncode, result.stderr) == (0, b"")
    assert b"The 95\\u202f% interval" in result.stdout


def test_a_table_is_not_written_over_a_device(here):
    told = invoke("export", "results/one", "--output", "/dev/null", status=1)
    assert "/dev/null: is there and is no file; must be a file's name." in told
    assert not Path("/dev/null").is_file()


def test_a_swept_key_is_a_column(here):
    swept = {"optimiser": {"learning_rate": [0.001, 0.01]}}
    arms, _ = expand_arms({"new": {"label": "New", **swept}, "soft": {"label": "Soft", **swept}})
    made_results.small_results(here / "results", "swept", arms)
    rows = list(csv.DictReader(io.StringIO(invoke("export", "results/swept"))))
    assert [row["learning_rate"] for row in rows] == ["0.001", "0.01"] * 2
    printed = invoke("export", "results/swept", "--format", "markdown").splitlines()
    cells = [line.strip("| ").split(" | ") for line in printed[:6]]
    assert cells[0][:3] == ["Arm", "Learning rate", "Training images"]
    assert [row[:2] for row in cells[2:]] == [
        *(["New", "0.001"], ["New", "0.01"]),
        *(["Soft", "0.001"], ["Soft", "0.01"]),
    ]
    assert [row[-1] for row in cells[4:]] == ["New", "New"]


def test_few_seeds_have_a_mean_without_an_interval(here):
    study = made_results.small_results(here / "results", "few", seed=[26, 27, 28])
    mean = paired_difference(study).mean()
    row = list(csv.DictReader(io.StringIO(invoke("export", "results/few"))))[1]
    assert float(row["balanced_accuracy_difference_mean"]) == pytest.approx(mean)
    assert row["balanced_accuracy_difference_low"] == ""
    names = ("results/few:new", "results/few:pretrained")
    [found] = json.loads(invoke("compare", *names, "--json"))
    assert found["results"][0]["difference"]["mean"] == pytest.approx(mean)
    assert found["results"][0]["difference"]["low"] is None
    assert f"; mean {100 * mean:+.1f}" in invoke("compare", *names)
    text = invoke("export", "results/few", "--format", "markdown")
    assert text.count("range of 3 seeds, too few for an interval") == 1


def test_numbers_of_images_that_one_side_lacks_are_said(here):
    made_results.small_results(here / "results", "sizes", subset_size=[50, 100])
    assert "Only in B: 100 training images" in invoke("compare", "results/one", "results/sizes")


def test_a_study_without_tables_says_how_to_go_on(here):
    study = made_results.small_results(here / "results", "begun")
    for file in paths.tables_folder(study).iterdir():
        file.unlink()
    (study.results / "begun" / "tables" / "half-written").touch()
    told = invoke("export", "results/begun", status=1)
    assert "begun is not complete (0 of 10 runs are there; 10 missing)" in told
    assert "`tlstudy report --incomplete results/begun`" in told
    call = ["snakemake", "--cores", "2", "--configfile", "studies/begun.yaml"]
    note_call(study, call, cores=2, gpus=0)
    assert f"go on with `{' '.join(call)}`" in invoke("export", "results/begun", status=1)


@pytest.mark.parametrize("label", ["[0, 1]", "*"])
def test_a_row_does_not_begin_with_what_latex_takes_for_an_option(here, place, label):
    arms = {**made_results.ARMS, "new": {**made_results.ARMS["new"], "label": label}}
    made_results.small_results(here / "option", "one", arms)
    tex = invoke("export", "option/one", "--format", "latex")
    assert f"\n{{}}{label} &" in tex
    assert "Difference of losses, nats" in tex
