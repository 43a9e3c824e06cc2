"""The report's sentences and numbers: each follows from the data."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import synthetic
from reports import Page, inputs_of, make_inputs, report_of

from tlstudy.report import format
from tlstudy.report.page.content import page
from tlstudy.report.page.render import render
from tlstudy.report.sentences import findings


def test_untrained_networks_are_no_evidence():
    text = report_of("one seed").text
    assert "the weights of \u201cNew, as published\u201d did not move" in text
    trained = make_inputs(
        arms={
            name: {**arm, "optimiser_holds": "network"}
            for name, arm in synthetic.default_arms().items()
        }
    )
    assert "did not move" not in Page(render(trained)).text


def test_an_interval_that_contains_zero_is_called_that():
    inputs = inputs_of("ten seeds")
    runs = inputs.runs.copy()
    runs["reported_balanced_accuracy"] = np.tile(np.linspace(0.3, 0.6, 10), 4)
    runs.loc[runs["arm"] == "pretrained", "reported_balanced_accuracy"] = np.linspace(
        0.3, 0.6, 10
    ) + 0.1 * (-1.0) ** np.arange(10)
    sentence = findings.gap_sentence(dataclasses.replace(inputs, runs=runs), "pretrained", 50)
    assert "interval contains zero" in sentence


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([2.3, 2.301], "stays at 2.301"),
        ([2.3, 0.5], "falls from 2.300 to 0.500"),
        ([0.5, 2.3], "rises from 0.500 to 2.300"),
        ([], "has no finite value"),
    ],
)
def test_trends_are_named_by_the_numbers(values, expected):
    assert findings.trend(pd.Series(values, dtype=float)) == expected


def test_flaws_are_those_of_the_arms():
    table = {row[0]: row[3] for row in page(inputs_of("one seed"))["flaws"].rows}
    assert len(table) == 16
    assert table["F1"] == "New, as published"
    assert table["F7"] == "New, as published, Pretrained, as published"
    assert table["F14"] == "all arms: one seed"
    assert all(
        shown.startswith("no arm")
        for name, shown in table.items()
        if name not in ("F1", "F2", "F7", "F8", "F9", "F13", "F14", "F15")
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (format.percent(0.61694), "61.7\u202f%"),
        (format.percent(float("nan")), "\u2013"),
        (format.points(-0.034), "\u22123.4\u202fpoints"),
        (format.loss(2.30251), "2.303"),
        (format.loss(0.0030141), "0.00301"),
        (format.number(3.6e-7), "3.60\u202f\u00d7\u202f10\u207b\u2077"),
        (format.number(9.9999), "10.0"),
        (format.number(0), "0"),
        (format.duration(6420), "1\u202fh 47\u202fmin"),
        (format.duration(3599.9), "1\u202fh 0\u202fmin"),
        (format.duration(3.21), "3.2\u202fs"),
        (format.join(["a", "b", "c"]), "a, b and c"),
        (format.seeds([26, 27, 28]), "26 to 28"),
        (format.seeds([26, 28]), "26 and 28"),
        (format.whole(60000), "60\u202f000"),
    ],
)
def test_numbers_read_well(text, expected):
    assert text == expected


def test_layers_are_named_in_words():
    assert findings.layer_name("fc.weight") == "the last layer\u2019s weights"
    assert findings.layer_name("layer3.0.downsample.0.weight") == "stage 3, block 1, downsampling"
    assert findings.layer_name("layer1.2.conv3.weight") == "stage 1, block 3, convolution 3"
    assert findings.layer_name("conv1.weight") == "the first convolution"
    assert findings.layer_name("bn1.weight") == "the first BatchNorm"
    assert findings.layer_name("layer2.1.bn3.bias") == "stage 2, block 2, BatchNorm 3"


def test_few_arms_are_told_apart_in_columns_and_many_in_rows():
    table = page(inputs_of("sweep"))["differences"]
    assert table.heads == ["Arm", "Start of the weights", "Optimiser"]
    assert table.rows[1] == [
        "Pretrained, corrected, learning rate 0.0001",
        "pretrained (imagenet)",
        "Adam, step size 0.0001",
    ]
    inputs = inputs_of("one seed")
    few = page(inputs)["differences"]
    assert few.heads == ["Setting", *(arm.label for arm in inputs.study.arms.values())]
    assert "Image side" not in [row[0] for row in few.rows]
    assert ["Cross-entropy on", *["softmax outputs"] * 2, *["the logits"] * 2] in few.rows
