"""The table of results, the study's settings and its warnings."""

import dataclasses
import re

import pandas as pd
import pytest
import synthetic
from reports import COMMIT, WEIGHTS, Page, inputs_of, make_inputs, report_of

from tlstudy.report import format
from tlstudy.report.format import Cell
from tlstudy.report.inputs import Inputs
from tlstudy.report.page.content import page
from tlstudy.report.page.render import render
from tlstudy.report.sentences import baselines, how_it_was_run, results
from tlstudy.report.sentences.opening import table_caption


def cell_of(inputs: Inputs, measure: str, row: str, column: str) -> Cell:
    table = results.result_table(inputs, inputs.study.subset_size[0])
    start = next(i for i, row in enumerate(table.rows) if row[0].startswith(measure))
    found = next(cells for cells in table.rows[start:] if cells[0] == row)
    return found[table.heads.index(column)]


def test_table_of_one_seed_holds_the_values_of_the_data_and_of_the_slides():
    inputs = inputs_of("one seed")
    runs = inputs.runs.set_index("arm")
    new, pretrained = (runs.loc[arm, "reported_balanced_accuracy"] for arm in ("new", "pretrained"))
    difference = cell_of(inputs, "Balanced", "Ours, corrected", "Difference")
    assert cell_of(inputs, "Balanced", "Ours, corrected", "New").text == format.percent(new)
    assert difference.text == f"{100 * (pretrained - new):+.1f}\u202fpoints"
    assert difference.note == "one seed, no interval"
    loss = runs.loc["pretrained-published", "reported_loss"]
    assert cell_of(inputs, "Loss", "Ours, as published", "Pretrained").text == f"{loss:.3f}"
    assert difference.text in render(inputs)
    assert cell_of(inputs, "Balanced", "Slides", "New").text == "11.05\u202f%"
    assert cell_of(inputs, "Balanced", "Slides", "Pretrained").text == "61.69\u202f%"
    assert cell_of(inputs, "Loss", "Slides", "New").text == "2.3025"
    assert cell_of(inputs, "Loss", "Slides", "Difference").text == "\u22120.468"


def test_table_of_ten_seeds_has_the_paired_interval_and_counts_runs():
    inputs = inputs_of("ten seeds")
    runs = inputs.runs.pivot(index="seed", columns="arm", values="reported_balanced_accuracy")
    paired = (runs["pretrained"] - runs["new"]).dropna()
    cell = cell_of(inputs, "Balanced", "Ours, corrected", "Difference")
    assert len(paired) == 8
    assert cell.text == f"{100 * paired.mean():+.1f}\u202fpoints"
    low, high = map(float, re.match(r"\+([\d.]+) to \+([\d.]+); 8 seeds", cell.note).groups())
    assert low < 100 * paired.mean() < high
    assert "1 of 10 diverged" in cell_of(inputs, "Balanced", "Ours, corrected", "New").note


def test_few_seeds_have_a_range_and_no_interval():
    cell = cell_of(inputs_of("sizes"), "Balanced", "Ours, corrected", "Difference")
    assert re.match(r"\+[\d.]+ to \+[\d.]+\u202fpoints", cell.text)
    assert "range of 3 seeds" in cell.note


def test_groups_that_do_not_line_up_are_listed_arm_by_arm_with_their_reference():
    table = results.result_table(inputs_of("sweep"), 50)
    assert table.heads == ["Arm", "Value", "Difference from the reference"]
    title, first, *others = table.rows
    assert len(title) == 1
    assert first[2].text == "reference"
    assert [len(row) for row in others].index(1) == 5  # six arms, then the other measure
    differences = {row[0]: row[2] for row in table.rows[:7] if len(row) == 3}
    cell = differences["Pretrained, corrected, learning rate 0.0003"]
    assert cell.last == "from New, corrected, learning rate 0.0003"


def cells(inputs: Inputs, arm: str) -> list[Cell]:
    return [results.arm_cell(inputs, arm, 50, measure) for measure in results.MEASURES]


def test_best_epochs_stand_beside_the_last_one():
    inputs = inputs_of("one seed")
    run = inputs.runs.set_index("arm").loc["pretrained-published"]
    share, loss = (cell.last for cell in cells(inputs, "pretrained-published"))
    value = format.percent(run["final_test_balanced_accuracy_running"])
    assert share.startswith(f"last epoch, 2000 images: {value}")
    assert f"2000 images: {run['final_test_loss_running']:.3f}" in loss
    assert [cell.last for cell in cells(inputs, "pretrained")] == ["", ""]
    assert share in Page(render(inputs)).html
    few = make_inputs(seeds=3, diverged={("pretrained-published", 27)})
    few = cells(few, "pretrained-published")[0]
    assert "range of 2 seeds" in few.note
    assert "(" not in few.last  # a range, no interval


def test_few_arms_are_told_apart_in_columns_and_many_in_rows():
    table = page(inputs_of("sweep"))["differences"]
    assert table.heads == ["Arm", "Start of the weights", "Optimiser"]
    assert table.rows[1] == [
        "Pretrained, corrected, learning rate 0.0001",
        "pretrained (imagenet)",
        "Adam, learning rate 0.0001",
    ]
    inputs = inputs_of("one seed")
    few = page(inputs)["differences"]
    assert few.heads == ["Setting", *(arm.label for arm in inputs.study.arms.values())]
    assert "Image side" not in [row[0] for row in few.rows]
    assert ["Cross-entropy on", *["softmax outputs"] * 2, *["the logits"] * 2] in few.rows


def test_flaws_are_those_of_the_arms():
    table = {row[0]: row[3] for row in page(inputs_of("one seed"))["flaws"].rows}
    assert len(table) == 16
    assert table["F1"] == "New, as published"
    assert table["F7"] == "New, as published, Pretrained, as published"
    assert table["F14"] == "all arms: one seed"
    carried = {name for name, shown in table.items() if not shown.startswith("no arm")}
    assert carried == {"F1", "F2", "F7", "F8", "F9", "F13", "F14", "F15"}
    ladder = {row[0]: row[3] for row in page(inputs_of("audit"))["flaws"].rows}
    alone = "New, softmax alone, Pretrained, softmax alone"
    assert ladder["F7"] == f"rungs published, trained; {alone}"


def test_diverged_runs_are_counted_and_named():
    text = " ".join(how_it_was_run.warnings(inputs_of("ten seeds")))
    assert "2 of 40 runs diverged" in text
    assert "\u201cNew, corrected\u201d with 50 images, seed 28" in text
    assert "diverged" not in " ".join(how_it_was_run.warnings(inputs_of("one seed")))


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("device", "cuda", "cpu and cuda"),
        ("precision", "float32", "bfloat16 and float32"),
        ("torch", "2.7.0", "PyTorch: 2.6.0 and 2.7.0"),
        ("code", "9876543210", "0123456789 and 9876543210"),
        ("commit", f"{COMMIT}+changes", "uncommitted code"),
    ],
)
def test_runs_that_are_unlike_are_warned_of(column, value, expected):
    inputs = inputs_of("one seed")
    runs = inputs.runs.copy()
    runs.loc[runs["arm"] == "pretrained", column] = value
    assert expected in Page(render(dataclasses.replace(inputs, runs=runs))).text
    assert expected not in report_of("one seed").text


def test_arms_of_a_group_that_draw_differently_are_warned_of():
    arms = synthetic.default_arms()
    arms["new"]["drawing"] = "published"
    drawn = [text for text in how_it_was_run.warnings(make_inputs(arms=arms)) if "draw" in text]
    assert len(drawn) == 1
    assert "\u201ccorrected\u201d" in drawn[0]


@pytest.mark.parametrize(("network", "other"), [("resnet50", False), ("resnet101", True)])
def test_weights_of_the_slides_are_those_of_one_network(network, other):
    record = {**WEIGHTS, "source": "IMAGENET1K_V2"}
    inputs = dataclasses.replace(inputs_of("one seed"), weights={(network, "imagenet"): record})
    assert bool(how_it_was_run.weights_used(inputs)[0]["other"]) == other


def test_networks_with_weights_of_one_name_have_a_file_each():
    """Which is no difference between runs that should be alike, and is told once."""
    arms = synthetic.default_arms()
    arms["pretrained"]["architecture"] = "resnet18"
    inputs = make_inputs(arms=arms)
    runs = inputs.runs.copy()
    runs.loc[runs["arm"] == "pretrained", "weights_sha256"] = "ef" * 32
    weights = {(network, "imagenet"): WEIGHTS for network in ("resnet18", "resnet50")}
    inputs = dataclasses.replace(inputs, runs=runs, weights=weights)
    assert not [text for text in how_it_was_run.warnings(inputs) if "weights \u201c" in text]
    assert "Pretrained weights: he2015. " in table_caption(inputs, 50)


@pytest.mark.parametrize(("side", "told"), [(128, False), (64, True)])
def test_images_of_another_side_than_the_slides_are_told(side, told):
    arms = {name: {**arm, "image_size": side} for name, arm in synthetic.default_arms().items()}
    inputs = make_inputs(arms=arms)
    assert ("128 pixels" in table_caption(inputs, 50)) == told
    line = "with images of 64 pixels a side in place of 128"
    assert (page(inputs)["side_line"] == line) == told


def test_methods_without_a_network_stand_beside_the_networks():
    inputs = make_inputs(seeds=6)
    reported = inputs.runs[inputs.runs["arm"] == "pretrained"].set_index("seed")
    accuracies = {"nearest": 0.4, "logistic": 0.5, "svm": 0.45}
    rows = [
        {
            "arm": "new",
            "subset_size": 50,
            "seed": seed,
            "method": method,
            "test_balanced_accuracy": accuracy,
        }
        for method, accuracy in accuracies.items()
        for seed in inputs.study.seed
    ]
    inputs = dataclasses.replace(inputs, baselines=pd.DataFrame(rows))
    [line] = baselines.lines(inputs, 50)
    ahead = 100 * (reported["reported_balanced_accuracy"].mean() - 0.5)
    assert "logistic regression on pixels" in line
    assert "nearest" not in line
    assert f"{ahead:+.1f}" in line
    shown = {row[0]: row for row in results.result_table(inputs, 50).rows}
    assert shown["No network: nearest neighbour on pixels"][1].text.startswith("40.0")
    # A network that learnt from other images is not compared with them.
    other = inputs.study.arms["pretrained"].model_copy(update={"drawing": "published"})
    arms = {**inputs.study.arms, "pretrained": other}
    study = inputs.study.model_copy(update={"arms": arms})
    inputs = dataclasses.replace(inputs, study=study)
    assert baselines.lines(inputs, 50) == []
    [row] = [row for row in results.result_table(inputs, 50).rows if "nearest" in row[0]]
    assert "images of" in row[0]
    assert row[1].text.startswith("40.0")
    assert row[-1].text == ""
    assert "less the method" not in table_caption(inputs, 50)


def test_methods_without_a_network_are_told_by_the_images_that_they_learnt_from():
    arms = {
        "one": {"label": "One", "group": "same"},
        "slower": {"label": "Slower", "group": "same", "optimiser": {"learning_rate": 0.0001}},
        "twice": {"label": "Twice", "group": "same", "drawing": "published"},
    }
    inputs = make_inputs(arms=arms)
    rows = pd.DataFrame(
        {
            "arm": list(arms),
            "subset_size": 50,
            "seed": 26,
            "method": "svm",
            "test_balanced_accuracy": [0.4, 0.4, 0.3],
        }
    )
    inputs = dataclasses.replace(inputs, baselines=rows)
    shown = [row[:2] for row in results.result_table(inputs, 50).rows if row[0].startswith("No")]
    method = "support vector machine on pixels"
    assert [(name, value.text) for name, value in shown] == [
        (f"No network, images of \u201cOne\u201d: {method}", "40.0\u202f%"),
        (f"No network, images of \u201cTwice\u201d: {method}", "30.0\u202f%"),
    ]


def test_a_pair_that_learns_other_images_is_listed_arm_by_arm():
    arms = {
        "new": {"target": "fashion-mnist", "label": "New"},
        "pretrained": {"initialisation": "imagenet", "label": "Pretrained"},
    }
    table = results.result_table(make_inputs(arms=arms), 50)
    assert [row[2].text for row in table.rows[1:3]] == ["reference", "reference"]


def test_flaws_are_told_of_networks_that_can_have_them():
    raw = {"normalisation": "none", "batchnorm": "running"}
    arms = {
        "new": {**raw, "architecture": "vit_b_16", "group": "one", "image_size": 224},
        "alone": {**raw, "group": "two", "label": "Alone"},
    }
    table = {row[0]: row[3] for row in page(make_inputs(arms=arms))["flaws"].rows}
    assert table["F9"] == "Alone"
    assert "F8" not in table
    arms["alone"]["initialisation"] = "imagenet"
    table = {row[0]: row[3] for row in page(make_inputs(arms=arms))["flaws"].rows}
    assert table["F8"] == "Alone"
