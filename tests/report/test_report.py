"""The report: what it says is what the data say, and every reader can read it."""

import base64
import dataclasses
import hashlib
import json
import re
from html import unescape

import pytest
import synthetic
from reports import (
    AUDIT_CASES,
    CASES,
    DRAWING,
    Page,
    inputs_of,
    make_inputs,
    report_of,
)

from tlstudy.report.inputs import Inputs
from tlstudy.report.page.render import render, render_results_table
from tlstudy.report.page.svg import inline_svg
from tlstudy.report.sentences import landscapes, opening
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
    drawings, canvases = report.all("svg"), report.all("canvas")
    assert drawings
    assert canvases
    assert all(drawing["role"] == "img" and drawing["aria-labelledby"] for drawing in drawings)
    assert all(
        canvas["role"] == "img" and canvas["aria-label"] and canvas["tabindex"] == "0"
        for canvas in canvases
    )


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
    beginning = report.text[: report.text.index("Balanced accuracy")]
    for words_needed in ("he2015", "CPU", "bfloat16", "2000"):
        assert words_needed in beginning
    repeated = "slides compare" in beginning
    assert ("not the weights of the slides" in beginning) == repeated


def test_arms_without_a_plane_have_their_reason():
    text = report_of("one seed").text
    assert "No plane: the weights never moved, so the path is a point (rank 0)" in text
    assert "no plane: the weights never moved" in text  # in the table of numbers as well
    assert "83.0 % (60.8 %) 11.0 % (15.2 %)" in text  # beside a random walk's shares


def test_points_outside_the_grid_are_counted_in_the_table():
    found = landscapes.surfaces(inputs_of("one seed"), 50, "trajectory")
    drawn = next(surface for surface in found if surface.drawn)
    assert landscapes.comparison_table([drawn], "trajectory").rows[0][-1] == "0 of 7"
    plane = {**drawn.plane, "path": [[-31.0, 2.0], [4.0, 30.5], [30.0, -30.0], [0.0, 0.0]]}
    moved = dataclasses.replace(drawn, plane=plane)
    assert landscapes.comparison_table([moved], "trajectory").rows[0][-1] == "2 of 4"


def test_report_without_landscapes_or_figures_says_so():
    inputs = dataclasses.replace(
        inputs_of("one seed"), landscapes=[], figures={}, contact_sheets=[], weights={}, images=[]
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


@pytest.mark.parametrize("changed", [{"target": "fashion-mnist"}, {"architecture": "resnet18"}])
def test_a_study_of_its_own_is_told_without_the_slides(changed):
    """Flaws apart, which say where they were found."""
    assert "Pintus\u2019s slides compare" in Page(render(make_inputs(seeds=2))).text
    arms = {name: arm | changed for name, arm in synthetic.default_arms().items()}
    inputs = dataclasses.replace(make_inputs(seeds=2, arms=arms), contact_sheets=[])
    told, _, flaws = Page(render(inputs)).text.partition("They were found in")
    assert "slides" not in told.lower()
    assert "Pintus" not in told
    assert "slides on MNIST" in flaws
    if "target" in changed:
        assert "Fashion-MNIST" in told
        assert "MNIST" not in told.replace("Fashion-MNIST", "")
        assert "digit" not in told


def test_labels_are_escaped():
    arms = synthetic.default_arms()
    arms["new"]["label"] = "<b>New & old</b>"
    html = render(make_inputs(arms=arms))
    assert "<b>New" not in html
    assert "&lt;b&gt;New &amp; old" in html


def test_drawings_take_the_colours_of_the_page_and_keep_their_style_to_themselves():
    svg = inline_svg(DRAWING, "one", "Title", "What it shows & more")
    assert "#6e6e78" not in svg
    assert "#1b1b1e" not in svg
    assert 'href="#one-mark"' in svg
    assert "url(#one-window)" in svg
    assert "<style" not in svg
    assert 'stroke-linejoin="round"' in svg
    assert '<title id="one-title">Title</title>' in svg
    assert "What it shows &amp; more" in svg
    assert "http" not in svg
    assert 'width="504pt"' not in svg


# What a drawing from somebody else may hold: each part of it must be gone.
HOSTILE = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:x="http://www.w3.org/1999/xlink"
  viewBox="0 0 1 1" onload="evil()"><style>@import url(//evil)</style>
<script>evil()</script><x:script>evil()</x:script><SCRIPT href="data:text/javascript,evil()"/>
<foreignObject><iframe src="//evil" xmlns="http://www.w3.org/1999/xhtml">evil</iframe></foreignObject>
<a href="javascript:evil()"><text onclick="evil()">kept</text></a>
<image href="//evil/a.png"/><image x:href="data:image/svg+xml,evil"/>
<image href="data:image/png;base64,AAAA" width="1"/><use href="//evil#a"/>
<path d="M0 0" style="fill: url(//evil); background: url('//evil')" clip-path="url(//evil#a)"/>
<animate attributeName="href" to="javascript:evil()"/><set attributeName="onload" to="evil()"/>
<!-- evil --><title>&lt;/title&gt;&lt;script&gt;evil()&lt;/script&gt;</title>
<g id="content" fill="red"><path d="M1 1" style="stroke: #1b1b1e"/></g></svg>"""


def test_nothing_of_a_drawing_runs_or_loads_anything():
    svg = inline_svg(HOSTILE, "one", "Title", "What it shows")
    shown = Page(svg)
    assert "kept" in svg
    assert svg.count("data:image/png") == 1
    assert 'style="stroke:currentColor"' in svg.replace(": ", ":")
    assert 'id="one-content"' in svg  # another than the page's own
    for gone in ("<script", "//evil", "javascript", "on(?:load|click)", "<style", "<a ", "iframe"):
        assert re.search(gone, svg) is None, gone
    for element in ("animate", "set", "foreignObject", "a", "script"):
        assert shown.all(element) == [], element


def test_the_page_may_run_its_own_script_and_load_nothing():
    html = render(make_inputs())
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digests = (
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts
    )
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="(.*?)">', html)
    policy = unescape(policy)
    assert len(scripts) == 3
    assert f"script-src {allowed};" in policy
    assert policy.startswith("default-src 'none'; ")
    assert policy.count("'unsafe-inline'") == 1
    assert "script-src &#39;none&#39;" in render_results_table(make_inputs())


def test_table_of_results_is_a_page_of_its_own():
    report = Page(render_results_table(inputs_of("sizes")))
    assert report.errors == []
    assert report.text.count("Ours, corrected") >= 2
    assert report.all("script") == []


def test_title_and_first_sentence_are_the_configurations():
    inputs = inputs_of("one seed")
    own = {"title": "Do <cracks> show?", "question": "Does pretraining find more cracks?"}
    study = inputs.study.model_copy(update=own)
    html = render(dataclasses.replace(inputs, study=study))
    assert "<h1>Do &lt;cracks&gt; show?</h1>" in html
    assert "Does pretraining find more cracks?" in html
    assert "slides compare a ResNet-50" not in html
    assert "slides compare a ResNet-50" in render(inputs)


@pytest.mark.parametrize(("network", "shared"), [("resnet50", True), ("resnet18", False)])
def test_the_start_of_the_last_layer_is_shared_by_networks_of_a_kind(network, shared):
    arms = synthetic.default_arms()
    arms["new"]["architecture"] = network
    told = Page(render(make_inputs(arms=arms))).text
    assert ("share the start of the last layer" in told) == shared
    assert "the order of the images" in told


def test_a_made_title_says_what_there_is():
    study = make_inputs(sizes=(50, 200)).study
    assert opening.title(study) == "Transfer learning from 50 to 200 images, repeated and corrected"
    published = {name: arm for name, arm in study.arms.items() if "published" in name}
    alone = study.model_copy(update={"arms": published, "subset_size": [50]})
    assert opening.title(alone) == "Transfer learning from 50 images, repeated"
