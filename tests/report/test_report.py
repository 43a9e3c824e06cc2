"""The report: what it says is what the data say, and every reader can read it."""

import dataclasses
import json
import re

import pytest
import synthetic
from reports import (
    AUDIT_CASES,
    CASES,
    COMMIT,
    DRAWING,
    Page,
    inputs_of,
    make_inputs,
    report_of,
)

from tlstudy.report import format
from tlstudy.report.format import Cell
from tlstudy.report.inputs import Inputs
from tlstudy.report.page.render import render, render_results_table
from tlstudy.report.page.svg import inline_svg
from tlstudy.report.sentences import landscapes, results
from tlstudy.storage import columns


@pytest.fixture(params=[*CASES, *AUDIT_CASES])
def report(request) -> Page:
    return report_of(request.param)


def test_the_page_is_well_formed_and_its_links_lead_somewhere(report):
    assert report.errors == []
    ids = [attributes["id"] for _, attributes in report.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {link["href"][1:] for link in report.all("a")}
    named = {
        name
        for _, attributes in report.elements
        for key in ("aria-labelledby", "aria-describedby")
        for name in attributes.get(key, "").split()
    }
    assert targets
    assert targets | named <= set(ids)


def test_everything_drawn_has_words_for_it(report):
    assert all(image.get("alt") for image in report.all("img"))
    assert all(
        drawing["role"] == "img" and drawing["aria-labelledby"] for drawing in report.all("svg")
    )
    assert all(
        canvas["role"] == "img" and canvas["aria-label"] and canvas["tabindex"] == "0"
        for canvas in report.all("canvas")
    )
    assert report.all("svg")
    assert report.all("canvas")


def test_headings_step_down_one_at_a_time_and_table_heads_have_a_scope(report):
    assert report.headings[0] == 1
    assert report.headings.count(1) == 1
    steps = zip(report.headings, report.headings[1:], strict=False)
    assert all(following - heading <= 1 for heading, following in steps)
    assert {head.get("scope") for head in report.all("th")} <= {"row", "col", "rowgroup"}


def test_no_column_name_is_shown(report):
    names = {name for table in (columns.RUNS, columns.METRICS, columns.LAYERS) for name in table}
    shown = {name for name in names if "_" in name and name in report.text}
    assert shown == set()
    assert "nan" not in report.text.lower().replace("finance", "").split()


def test_nothing_comes_from_elsewhere(report):
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", report.html.replace("// ", ""))
    for tag, attributes in report.elements:
        for name in ("src", "href", "srcset", "data", "action"):
            value = attributes.get(name, "#")
            assert value.startswith(("#", "data:")), (tag, name, value)


def test_first_screen_names_weights_seeds_device_and_precision(report):
    start = report.text[: report.text.index("The problem")]
    beginning = report.text[: report.text.index("Balanced accuracy")]
    for words_needed in ("he2015", "not the weights of the slides", "CPU", "bfloat16", "2000"):
        assert words_needed in beginning
    assert "Balanced accuracy" in start


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
    assert "range of 3 seeds, too few for an interval" in cell.note


def test_groups_that_do_not_line_up_are_listed_arm_by_arm():
    table = results.result_table(inputs_of("sweep"), 50)
    assert table.heads == ["Arm", "Value", "Difference from the reference"]
    title, first, *others = table.rows
    assert len(title) == 1
    assert first[2].text == "reference"
    assert [len(row) for row in others].index(1) == 5  # six arms, then the other measure


def test_diverged_runs_are_counted_and_named():
    text = report_of("ten seeds").text
    assert "Two runs of 40 diverged" in text
    assert "\u201cNew, corrected\u201d with 50 images, seed 28" in text
    assert "diverged" not in report_of("one seed").text.replace("outcome", "")


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("device", "cuda", "different devices: cpu and cuda"),
        ("precision", "float32", "different kinds of arithmetic: bfloat16 and float32"),
        ("torch", "2.7.0", "different versions of PyTorch: 2.6.0 and 2.7.0"),
        ("code", "9876543210", "states of the code that trains: 0123456789 and 9876543210"),
        ("commit", f"{COMMIT}+changes", "in no commit when runs were made"),
        ("weights_sha256", "ef" * 32, "used different weights"),
    ],
)
def test_runs_that_are_unlike_are_warned_of(column, value, expected):
    inputs = inputs_of("one seed")
    runs = inputs.runs.copy()
    runs.loc[runs["arm"] == "pretrained", column] = value
    assert expected in Page(render(dataclasses.replace(inputs, runs=runs))).text
    assert expected not in report_of("one seed").text


def test_arms_without_a_plane_have_their_reason():
    text = report_of("one seed").text
    assert "No plane: the weights never moved, so the path is a point (rank 0)" in text
    assert "no plane: the weights never moved" in text  # in the table of numbers as well
    assert "Variance on axis 1 (random walk: 60.8 %)" in text
    assert "Variance on axis 2 (random walk: 15.2 %)" in text
    assert "83.0 %" in text


def test_report_without_landscapes_or_figures_says_so():
    inputs = dataclasses.replace(
        inputs_of("one seed"), landscapes=[], figures={}, contact_sheets=[], weights={}, images=None
    )
    report = Page(render(inputs))
    assert report.errors == []
    assert report.all("canvas") == []
    assert "no landscape to judge by" in report.text
    assert "No record of them was found" in report.text


def surfaces_of(inputs: Inputs, plane: str, group: str) -> list[landscapes.Surface]:
    return [surface for surface in landscapes.surfaces(inputs, 50, plane) if surface.group == group]


def test_surfaces_that_are_compared_share_their_scale():
    drawn = surfaces_of(inputs_of("one seed"), "trajectory", "corrected")
    data = json.loads(landscapes.payload(drawn))
    losses = [value for surface in data["surfaces"] for row in surface["loss"] for value in row]
    assert len(data["surfaces"]) == 2
    assert landscapes.scale(drawn[::-1]) == landscapes.scale(drawn)
    assert data["scale"]["low"] == pytest.approx(min(losses), rel=1e-4)
    assert data["scale"]["high"] == pytest.approx(max(losses), rel=1e-4)
    assert all(len(surface["path"]) == 7 for surface in data["surfaces"])


def test_losses_that_are_not_finite_are_holes_and_peaks_are_told():
    drawn = surfaces_of(inputs_of("one seed"), "random", "corrected")
    data = json.loads(landscapes.payload(drawn))
    assert data["surfaces"][0]["loss"][0][0] is None
    assert data["scale"]["high"] < 10
    assert "the largest is 250.0" in report_of("one seed").text


def test_ticks_are_round_and_inside_the_scale():
    labels = [tick["label"] for tick in landscapes.ticks(0.02, 3.98)]
    assert labels == ["1", "2", "3"]
    assert [tick["label"] for tick in landscapes.ticks(-0.3, 0.3)] == ["\u22120.2", "0.0", "0.2"]


def test_labels_are_escaped():
    arms = synthetic.default_arms()
    arms["new"]["label"] = "<b>New & old</b>"
    html = render(make_inputs(arms=arms))
    assert "<b>New" not in html
    assert "&lt;b&gt;New &amp; old" in html


def test_drawings_take_the_colours_of_the_page_and_keep_their_style_to_themselves():
    svg = inline_svg(DRAWING, "one", "Title", "What it shows & more")
    assert "#8a8a93" not in svg
    assert "#1b1b1e" not in svg
    assert 'href="#one-mark"' in svg
    assert "url(#one-window)" in svg
    assert "#one *{stroke-linejoin: round}" in svg
    assert '<title id="one-title">Title</title>' in svg
    assert "What it shows &amp; more" in svg
    assert "http" not in svg
    assert 'width="504pt"' not in svg


def test_table_of_results_is_a_page_of_its_own():
    report = Page(render_results_table(inputs_of("sizes")))
    assert report.errors == []
    assert report.text.count("Ours, corrected") >= 2
    assert report.all("script") == []
