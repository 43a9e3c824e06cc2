"""The report: what it says is what the data say, and every reader can read it."""

import dataclasses
import functools
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import numpy as np
import pandas as pd
import pytest
import synthetic
from docutils.core import publish_parts

from tlstudy import columns, paths
from tlstudy.figures.names import FIGURES, FOR_ALL_SIZES, figure_names
from tlstudy.report import (
    ContactSheet,
    Inputs,
    findings,
    load,
    planes,
    render,
    render_results_table,
    results,
    words,
    write_report,
    write_results_table,
)
from tlstudy.report.content import page
from tlstudy.report.svg import inline_svg

CAPTIONS = Path(__file__).parents[1] / "report"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
WEIGHTS = {
    "architecture": "resnet50",
    "source": "he2015",
    "description": "He et al. 2015",
    "imagenet_top1_percent": 74.9,
    "origin_sha256": "cd" * 32,
    "sha256": "ab" * 32,
    "parameters": 25_557_032,
    "tried": [
        {"source": "IMAGENET1K_V2", "outcome": "could not be had"},
        {"source": "he2015", "outcome": "used"},
    ],
}
DRAWING = """<?xml version="1.0" encoding="utf-8"?>
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
     width="504pt" height="216pt" viewBox="0 0 504 216" version="1.1">
 <metadata><x href="http://purl.org/dc/dcmitype/StillImage"/></metadata>
 <defs><style type="text/css">*{stroke-linejoin: round}</style>
  <clipPath id="window"><rect width="500" height="200"/></clipPath></defs>
 <g id="axes" clip-path="url(#window)">
  <path id="mark" d="M 1.123456 2.987654 L 3 4" style="stroke: #8A8A93"/>
  <use xlink:href="#mark" x="5" y="6" style="fill: #1b1b1e" stroke="#8a8a93"/>
 </g>
</svg>"""


def make_inputs(seeds=1, diverged=frozenset(), sizes=(50,), arms=None, epochs=6) -> Inputs:
    study = synthetic.make_study(seeds=seeds, sizes=sizes, arms=arms, epochs=epochs)
    tables = synthetic.make_tables(study, diverged)
    drawings = {name: DRAWING for name in figure_names(study)}
    digits = [digit for digit in range(10) for _ in range(5)]
    subset = {"indices": list(range(50)), "labels": digits, "counts": [5] * 10, "duplicates": 0}
    return Inputs(
        study=study,
        runs=fill_runs(tables["runs"]),
        metrics=tables["metrics"],
        layers=tables["layers"],
        landscapes=tables["landscapes"],
        figures={size: drawings for size in sizes},
        study_figures={name: DRAWING for name in FOR_ALL_SIZES} if len(sizes) > 1 else {},
        contact_sheets=[
            ContactSheet("published", 50, 26, subset, svg=DRAWING),
            ContactSheet("stratified", 50, 26, subset, png=b"\x89PNG"),
        ],
        weights={("resnet50", "imagenet"): WEIGHTS},
        images={"files": {"train-images-idx3-ubyte": "0f" * 32}},
    )


def fill_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """The columns that made-up runs lack; those that diverged have no reported values."""
    pretrained = runs["initialisation"] != "random"
    runs = runs.assign(
        run=runs["arm"],
        device="cpu",
        precision="bfloat16",
        threads=2,
        torch="2.6.0",
        commit=COMMIT,
        reported_test_images=2000,
        weights_source=np.where(pretrained, "he2015", ""),
        weights_sha256=np.where(pretrained, "ab" * 32, ""),
        training_seconds=120.0,
        evaluation_seconds=240.0,
        seconds=360.0,
        peak_memory_gib=3.2,
    )
    lost = runs["status"] != "finished"
    runs.loc[lost, [name for name in runs if name.startswith("reported_l")]] = np.nan
    runs.loc[lost, ["reported_accuracy", "reported_balanced_accuracy"]] = np.nan
    return runs


DIVERGED = frozenset({("new", 28), ("pretrained", 30)})
CASES = {
    "one seed": {},
    "ten seeds": {"seeds": 10, "diverged": DIVERGED},
    "sizes": {"seeds": 3, "sizes": (50, 100)},
    "sweep": {"seeds": 2, "arms": synthetic.sweep_arms()},
}


@functools.cache
def inputs_of(case: str) -> Inputs:
    return make_inputs(**CASES[case])


@functools.cache
def report_of(case: str) -> "Page":
    return Page(render(inputs_of(case)))


class Page(HTMLParser):
    """Elements, visible text and nesting of a page; nesting errors are collected."""

    VOID = frozenset({"meta", "link", "img", "br"})
    HIDDEN = frozenset({"style", "script", "pre", "title", "desc"})

    def __init__(self, html: str):
        super().__init__()
        self.html, self.elements, self.texts, self.open = html, [], [], []
        self.errors, self.headings = [], []
        self.feed(html)
        self.close()
        self.errors += [f"<{tag}> is not closed" for tag in self.open]

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.errors.append(f"</{tag}> inside {self.open[-3:]}")
        else:
            self.open.pop()

    def handle_data(self, data):
        if not self.HIDDEN & set(self.open):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(params=CASES)
def report(request) -> Page:
    return report_of(request.param)


def test_elements_are_nested_and_closed(report):
    assert report.errors == []


def test_a_page_with_a_wrong_nesting_is_noticed():
    assert Page("<p><b>x</p></b>").errors
    assert Page("<div>").errors


def test_ids_are_unique_and_links_lead_somewhere(report):
    ids = [attributes["id"] for _, attributes in report.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [a["href"][1:] for a in report.all("a")]
    named = [
        name
        for _, attributes in report.elements
        for key in ("aria-labelledby", "aria-describedby")
        for name in attributes.get(key, "").split()
    ]
    assert targets
    assert set(targets) | set(named) <= set(ids)


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
    assert report.all("img")


def test_headings_step_down_one_at_a_time(report):
    assert report.headings[0] == 1
    assert report.headings.count(1) == 1
    steps = zip(report.headings, report.headings[1:], strict=False)
    assert all(following - heading <= 1 for heading, following in steps)


def test_table_heads_have_a_scope(report):
    assert report.all("th")
    assert all(head.get("scope") in ("row", "col", "rowgroup") for head in report.all("th"))


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


def test_weights_of_the_slides_are_not_called_others():
    record = {**WEIGHTS, "source": "IMAGENET1K_V2"}
    inputs = dataclasses.replace(inputs_of("one seed"), weights={("resnet50", "imagenet"): record})
    assert "not the weights of the slides" not in Page(render(inputs)).text


def cell_of(inputs: Inputs, measure: str, row: str, column: str) -> results.Cell:
    table = results.result_table(inputs, inputs.study.subset_size[0])
    block = next(block for block in table.blocks if block.measure.startswith(measure))
    return dict(block.rows)[row][table.heads.index(column)]


def test_table_of_one_seed_holds_the_values_of_the_data():
    inputs = inputs_of("one seed")
    runs = inputs.runs.set_index("arm")
    new, pretrained = (runs.loc[arm, "reported_balanced_accuracy"] for arm in ("new", "pretrained"))
    difference = cell_of(inputs, "Balanced", "Difference", "Ours, corrected")
    assert cell_of(inputs, "Balanced", "New", "Ours, corrected").text == words.percent(new)
    assert difference.text == f"{100 * (pretrained - new):+.1f}\u202fpoints"
    assert difference.note == "one seed: no interval"
    loss = runs.loc["pretrained-published", "reported_loss"]
    assert cell_of(inputs, "Loss", "Pretrained", "Ours, as published").text == f"{loss:.3f}"
    assert difference.text in render(inputs)


def test_table_has_the_values_of_the_slides():
    inputs = inputs_of("one seed")
    assert cell_of(inputs, "Balanced", "New", "Slides").text == "11.1\u202f%"
    assert cell_of(inputs, "Balanced", "Pretrained", "Slides").text == "61.7\u202f%"
    assert cell_of(inputs, "Loss", "New", "Slides").text == "2.303"
    assert cell_of(inputs, "Loss", "Difference", "Slides").text == "\u22120.468"


def test_table_of_ten_seeds_has_the_paired_interval_and_counts_runs():
    inputs = inputs_of("ten seeds")
    runs = inputs.runs.pivot(index="seed", columns="arm", values="reported_balanced_accuracy")
    paired = (runs["pretrained"] - runs["new"]).dropna()
    cell = cell_of(inputs, "Balanced", "Difference", "Ours, corrected")
    assert len(paired) == 8
    assert cell.text == f"{100 * paired.mean():+.1f}\u202fpoints"
    low, high = map(float, re.match(r"\+([\d.]+) to \+([\d.]+); 8 seeds", cell.note).groups())
    assert low < 100 * paired.mean() < high
    assert "1 of 10 diverged" in cell_of(inputs, "Balanced", "New", "Ours, corrected").note


def test_few_seeds_have_a_range_and_no_interval():
    cell = cell_of(inputs_of("sizes"), "Balanced", "Difference", "Ours, corrected")
    assert re.match(r"\+[\d.]+ to \+[\d.]+\u202fpoints", cell.text)
    assert "range of 3 seeds, too few for an interval" in cell.note


def test_groups_that_do_not_line_up_are_listed_arm_by_arm():
    table = results.result_table(inputs_of("sweep"), 50)
    assert table.heads == ["Value", "Difference from the first"]
    assert len(table.blocks[0].rows) == 6
    assert table.blocks[0].rows[0][1][1].text == "reference"


def test_many_groups_are_listed_downwards():
    base = synthetic.default_arms()
    arms = {
        f"{name}-{step}": {**base[name], "group": f"step-{step}", "label": f"{name} {step}"}
        for step in range(4)
        for name in ("new", "pretrained")
    }
    table = results.result_table(make_inputs(arms=arms), 50)
    assert table.heads == ["New", "Pretrained", "Difference"]
    assert [head for head, _ in table.blocks[0].rows][:2] == ["Slides", "Ours, step 0"]


def test_diverged_runs_are_counted_and_named():
    text = report_of("ten seeds").text
    assert "Two runs of 40 diverged" in text
    assert "\u201cNew, corrected\u201d with 50 images, seed 28" in text
    assert "diverged" not in report_of("one seed").text.replace("outcome", "")


def test_missing_runs_are_named():
    inputs = inputs_of("one seed")
    inputs = dataclasses.replace(inputs, runs=inputs.runs[inputs.runs["arm"] != "pretrained"])
    text = Page(render(inputs)).text
    assert "\u201cPretrained, corrected\u201d has no result for seed 26 with 50 images" in text


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("device", "cuda", "different devices: cpu and cuda"),
        ("precision", "float32", "different kinds of arithmetic: bfloat16 and float32"),
        ("torch", "2.7.0", "different versions of PyTorch: 2.6.0 and 2.7.0"),
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


def test_report_without_landscapes_or_figures_says_so():
    inputs = dataclasses.replace(
        inputs_of("one seed"), landscapes=[], figures={}, contact_sheets=[], weights={}, images=None
    )
    report = Page(render(inputs))
    assert report.errors == []
    assert report.all("canvas") == []
    assert "no landscape to judge by" in report.text
    assert "No record of them was found" in report.text


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
    assert "the interval contains zero" in sentence
    assert "ahead" not in sentence


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


def surfaces_of(inputs: Inputs, plane: str, group: str) -> list[planes.Surface]:
    return [surface for surface in planes.surfaces(inputs, 50, plane) if surface.group == group]


def test_surfaces_that_are_compared_share_their_scale():
    drawn = surfaces_of(inputs_of("one seed"), "trajectory", "corrected")
    data = json.loads(planes.payload(drawn))
    losses = [value for surface in data["surfaces"] for row in surface["loss"] for value in row]
    assert len(data["surfaces"]) == 2
    assert data["scale"]["low"] == pytest.approx(min(losses), rel=1e-4)
    assert data["scale"]["high"] == pytest.approx(max(losses), rel=1e-4)
    assert all(len(surface["path"]) == 7 for surface in data["surfaces"])


def test_losses_that_are_not_finite_are_holes_and_peaks_are_told():
    drawn = surfaces_of(inputs_of("one seed"), "random", "corrected")
    data = json.loads(planes.payload(drawn))
    assert data["surfaces"][0]["loss"][0][0] is None
    assert data["scale"]["high"] < 10
    assert "the largest is 250.0" in report_of("one seed").text


def test_ticks_are_round_and_inside_the_scale():
    labels = [tick["label"] for tick in planes.ticks(0.02, 3.98)]
    assert labels == ["1", "2", "3"]
    assert [tick["label"] for tick in planes.ticks(-0.3, 0.3)] == ["\u22120.2", "0.0", "0.2"]


def test_text_in_the_data_cannot_end_its_script():
    surface = surfaces_of(inputs_of("one seed"), "random", "corrected")[0]
    plane = {**surface.plane, "path": []}
    assert "<" not in planes.payload([dataclasses.replace(surface, plane=plane)])


def test_labels_are_escaped():
    arms = synthetic.default_arms()
    arms["new"]["label"] = "<b>New & old</b>"
    html = render(make_inputs(arms=arms))
    assert "<b>New" not in html
    assert "&lt;b&gt;New &amp; old" in html


def test_drawings_take_the_colours_of_the_page_and_keep_their_style_to_themselves():
    svg = inline_svg(DRAWING, "one", "Title", "What it shows & more")
    assert "#8a8a93" not in svg.lower()
    assert "#1b1b1e" not in svg.lower()
    assert 'd="M 1.12 2.99 L 3 4"' in svg
    assert 'href="#one-mark"' in svg
    assert "url(#one-window)" in svg
    assert "#one * {stroke-linejoin: round}" in svg
    assert '<title id="one-title">Title</title>' in svg
    assert "What it shows &amp; more" in svg
    assert "http" not in svg
    assert 'width="504pt"' not in svg


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (words.percent(0.61694), "61.7\u202f%"),
        (words.percent(float("nan")), "\u2013"),
        (words.points(-0.034), "\u22123.4\u202fpoints"),
        (words.loss(2.30251), "2.303"),
        (words.loss(0.0030141), "0.00301"),
        (words.number(3.6e-7), "3.60\u202f\u00d7\u202f10\u207b\u2077"),
        (words.number(9.9999), "10.0"),
        (words.number(0), "0"),
        (words.duration(6420), "1\u202fh 47\u202fmin"),
        (words.duration(3599.9), "1\u202fh 0\u202fmin"),
        (words.duration(3.21), "3.2\u202fs"),
        (words.join(["a", "b", "c"]), "a, b and c"),
        (words.seeds([26, 27, 28]), "26 to 28"),
        (words.seeds([26, 28]), "26 and 28"),
        (words.whole(60000), "60\u202f000"),
    ],
)
def test_numbers_read_well(text, expected):
    assert text == expected


def test_layers_are_named_in_words():
    assert findings.layer_name("fc.weight") == "the last layer\u2019s weights"
    assert findings.layer_name("layer3.0.downsample.0.weight") == "stage 3, block 1, downsampling"
    assert findings.layer_name("layer1.2.conv3.weight") == "stage 1, block 3, convolution 3"
    assert findings.layer_name("conv1.weight") == "the first convolution"


def test_report_is_found_on_disk_and_written_whole(tmp_path):
    made = make_inputs()
    study = made.study.model_copy(update={"results": tmp_path / "r", "cache": tmp_path / "c"})
    lay_out(study, made)
    found = load(study)
    assert [record["arm"] for record in found.landscapes] == list(study.arms)
    assert set(found.figures[50]) == set(figure_names(study))
    assert [sheet.drawing for sheet in found.contact_sheets] == ["published", "stratified"]
    assert found.weights[("resnet50", "imagenet")]["source"] == "he2015"
    target = paths.report_file(study)
    write_report(found, target)
    assert Page(target.read_text(encoding="utf-8")).errors == []
    write_results_table(found, paths.results_table(study))
    assert [file.name for file in target.parent.glob("*report*")] == ["report.html"]


def lay_out(study, inputs: Inputs) -> None:
    """Put inputs where the other stages would leave them."""
    from tlstudy.study import runs as runs_of

    paths.tables_folder(study).mkdir(parents=True)
    for name in ("runs", "metrics", "layers"):
        getattr(inputs, name).to_parquet(paths.tables_folder(study) / f"{name}.parquet")
    for name, drawing in inputs.figures[50].items():
        put(paths.figures_folder(study) / "n~50" / f"{name}.svg", drawing)
    landscapes = {record["arm"]: record for record in inputs.landscapes}
    for run in runs_of(study):
        record = {key: landscapes[run.arm][key] for key in ("planes", "checkpoint_train_loss")}
        put(paths.folder_of_run(study, run) / "landscape.json", json.dumps(record))
    for sheet in inputs.contact_sheets:
        folder = paths.subset_folder(study, sheet.drawing, 50, 26)
        put(folder / "subset.json", json.dumps(dict(sheet.record)))
        put(folder / "contact-sheet.svg", DRAWING)
    weights = paths.weights_folder(study.cache, "resnet50", study.weights["imagenet"])
    put(weights / "record.json", json.dumps(WEIGHTS))


def put(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def test_table_of_results_is_a_page_of_its_own():
    report = Page(render_results_table(inputs_of("sizes")))
    assert report.errors == []
    assert report.text.count("Ours, corrected") >= 2
    assert report.all("script") == []


def test_report_is_small():
    assert len(render(inputs_of("ten seeds")).encode()) < 3_000_000


class Snakemake:
    """What Snakemake lets a caption see."""

    def __init__(self, seed):
        self.config = {
            "study": "slides",
            "seed": seed,
            "subset_size": 50,
            "arms": {"new": {"epochs": 30}},
            "landscape": {"trajectory_radius": 30, "random_radius": 1},
        }
        self.wildcards = {"drawing": "published", "n": "50", "seed": "26"}


@pytest.mark.parametrize("caption", sorted(CAPTIONS.glob("*.rst")), ids=lambda path: path.stem)
@pytest.mark.parametrize(
    ("seed", "expected"),
    [(26, "ne seed"), ([26, 27, 28], "too few for an interval"), (list(range(10)), "10 seeds")],
)
def test_captions_render_and_say_what_the_interval_is(caption, seed, expected):
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
    text = environment.from_string(caption.read_text(encoding="utf-8")).render(
        snakemake=Snakemake(seed)
    )
    body = publish_parts(text, writer="html", settings_overrides={"halt_level": 2})["body"]
    assert "{" not in body.replace("{\n", "").replace('": {', "") or caption.stem == "workflow"
    shown = " ".join(re.sub("<[^>]+>", "", body).split())
    statistic = caption.stem not in ("report", "contact-sheet") and "layerwise" not in caption.stem
    if statistic and "landscape" not in caption.stem:
        assert expected in shown
    if "landscape" in caption.stem or "layerwise" in caption.stem:
        assert "no interval" in shown


def test_every_figure_has_a_caption_and_every_caption_a_subject():
    others = {"workflow", "report", "results-table", "contact-sheet"}
    assert {path.stem for path in CAPTIONS.glob("*.rst")} == {*FIGURES, *FOR_ALL_SIZES} | others


PROBE = """
window.addEventListener("error", (event) => { document.title = "ERROR " + event.message; });
window.addEventListener("load", () => setTimeout(() => {
  const root = document.documentElement, canvases = [...document.querySelectorAll("canvas")];
  const ink = (canvas) => {
    const pen = canvas.getContext("2d");
    return pen.getImageData(0, 0, canvas.width, canvas.height).data.reduce((a, b) => a + b, 0);
  };
  const before = canvases.map(ink);
  const press = { key: "ArrowLeft", bubbles: true, cancelable: true };
  if (canvases.length) canvases[0].dispatchEvent(new KeyboardEvent("keydown", press));
  let looks = 0;
  const look = () => {
    const turned = canvases.filter((canvas, i) => ink(canvas) !== before[i]).length;
    looks += 1;
    if (turned < 3 && looks < 10) return setTimeout(look, 200);
    root.setAttribute("data-probe", JSON.stringify({
      title: document.title, width: root.scrollWidth, viewport: window.innerWidth,
      drawn: before.filter((sum) => sum > 0).length, canvases: canvases.length, turned,
    }));
  };
  setTimeout(look, 200);
}, 200));
"""


def probe(html: str, folder: Path, width: int) -> dict:
    """Open a page in Chromium, press a key on a landscape, and read what came of it.

    The page stands in a frame of the given width: a headless window is never narrower than 500.
    """
    page_file, frame = folder / "page.html", folder / "frame.html"
    script = f"<head><script>{PROBE}</script>"
    page_file.write_text(html.replace("<head>", script, 1), encoding="utf-8")
    frame.write_text(
        f'<iframe id="f" src="page.html" width="{width}" height="900" style="border:0"></iframe>'
        "<script>setInterval(() => { const probe = document.getElementById('f').contentDocument"
        ".documentElement.dataset.probe; if (probe) document.body.dataset.probe = probe; }, 50)"
        "</script>",
        encoding="utf-8",
    )
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--allow-file-access-from-files",
        f"--user-data-dir={folder / 'user'}",
        "--virtual-time-budget=8000",
        "--dump-dom",
        frame.as_uri(),
    ]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    found = [
        attributes["data-probe"]
        for attributes in Page(shown).all("body")
        if "data-probe" in attributes
    ]
    assert found, f"the page did not answer: {shown[-500:]}"
    return json.loads(found[0])


needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


@pytest.mark.browser
@needs_chromium
@pytest.mark.parametrize("case", ["one seed", "sizes", "sweep"])
def test_a_telephone_shows_it_without_sideways_scrolling_or_errors(case, tmp_path):
    answer = probe(report_of(case).html, tmp_path, 320)
    assert not answer["title"].startswith("ERROR")
    assert answer["viewport"] == 320
    assert answer["width"] <= 320


@pytest.mark.browser
@needs_chromium
def test_landscapes_are_drawn_and_turn_together(tmp_path):
    answer = probe(report_of("one seed").html, tmp_path, 1200)
    assert answer["canvases"] == 7
    assert answer["drawn"] == 7
    assert answer["turned"] == 3  # the three of the figure whose surface got the key


@pytest.mark.browser
@needs_chromium
def test_the_probe_notices_faults(tmp_path):
    broken = report_of("one seed").html.replace("<main", '<p style="width:900px">x</p><main', 1)
    broken = broken.replace('"use strict";', "nothing.here();", 1)
    answer = probe(broken, tmp_path, 320)
    assert answer["width"] > 320
    assert answer["title"].startswith("ERROR")
