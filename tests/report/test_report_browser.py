"""The report in a browser: telephone, paper, light and dark, keyboard, and files to keep."""

import dataclasses
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import laboratory_study
import pytest
import synthetic
from browser import needs_chromium, printed, probe
from reports import inputs_of, make_inputs, report_of

from tlstudy.config.catalogue import figure_names, study_figure_names
from tlstudy.report.figures import draw, files, style
from tlstudy.report.page.render import render, render_results_table, render_without_results

pytestmark = [pytest.mark.browser, needs_chromium]

AXE = "axe-core@4.10.3"
LARGEST = 3_000_000  # bytes
MOST_PAGES, A4 = 16, (595, 842)  # points
LEAST_CONTRAST = 4.5

LANDSCAPES = """async () => {
  const wait = (time) => new Promise((done) => setTimeout(done, time));
  const canvases = [...document.querySelectorAll("canvas")];
  const ink = (canvas) => {
    const pen = canvas.getContext("2d");
    return pen.getImageData(0, 0, canvas.width, canvas.height).data.reduce((a, b) => a + b, 0);
  };
  const before = canvases.map(ink);
  const press = { key: "ArrowLeft", bubbles: true, cancelable: true };
  canvases[0].dispatchEvent(new KeyboardEvent("keydown", press));
  let turned = 0;
  for (let looks = 0; looks < 10 && turned < 3; looks += 1) {
    await wait(200);
    turned = canvases.filter((canvas, i) => ink(canvas) !== before[i]).length;
  }
  return { canvases: canvases.length, drawn: before.filter((sum) => sum > 0).length, turned };
}"""
HOVERED = """() => {
  const figure = document.querySelector("figure.landscape");
  const canvas = figure.querySelector("canvas");
  const box = canvas.getBoundingClientRect(), output = canvas.nextElementSibling;
  let told = "";
  for (let part = 0.2; part < 0.8 && !told; part += 0.02) {
    const place = { clientX: box.x + box.width / 2, clientY: box.y + part * box.height };
    canvas.dispatchEvent(new PointerEvent("pointermove", { ...place, bubbles: true }));
    told = output.hidden ? "" : output.textContent;
  }
  const shown = () => [figure.querySelector(".turnable").hidden,
    getComputedStyle(figure.querySelector(".still")).display === "none"];
  const before = shown();
  figure.querySelector("[data-move=flat]").click();
  const after = shown();
  figure.querySelector("button.turn").click();
  return { told, before, after, back: shown() };
}"""
WIDTHS = """() => {
  const cut = [...document.querySelectorAll(".results")].filter((table) =>
    table.scrollWidth > table.parentElement.clientWidth);
  const width = document.documentElement.scrollWidth;
  return { width, viewport: window.innerWidth, cut: cut.length };
}"""
# Contrast of every opaque line, mark and text of the drawings with the page. A path on a landscape
# has an outline, as no colour stands out on all of a map's.
CONTRASTS = """() => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (text) => {
    const [r, g, b] = channels(text).slice(0, 3).map((value) => {
      const share = value / 255;
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = light(getComputedStyle(document.body).backgroundColor);
  const found = {}, QUERY = "figure:not(.landscape) .drawing svg :is(path, use, text)";
  for (const element of document.querySelectorAll(QUERY)) {
    const look = getComputedStyle(element);
    const inked = element.tagName === "text" ? [["fill", look.fill, look.fillOpacity]]
      : [["stroke", look.stroke, look.strokeOpacity]];
    for (const [, colour, opacity] of inked) {
      if (!colour.startsWith("rgb") || Number(opacity) * Number(look.opacity) < 1) continue;
      if (channels(colour)[3] === 0) continue;
      const ends = [light(colour), paper].sort((a, b) => a - b);
      found[colour] = (ends[1] + 0.05) / (ends[0] + 0.05);
    }
  }
  return { contrasts: found };
}"""
READING = """() => {
  const figure = document.querySelector("figure[id$='figure-balanced-accuracy']");
  const drawing = figure.querySelector(".drawing"), told = [];
  const press = (key) => {
    drawing.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    told.push(figure.querySelector(".reading").textContent);
  };
  ["Home", "ArrowRight", "ArrowDown", "End"].forEach(press);
  const svg = drawing.querySelector("svg"), spot = svg.querySelector(".spot");
  const box = spot.getBoundingClientRect();
  const where = { clientX: box.x + box.width / 2, clientY: box.y + box.height / 2, bubbles: true };
  svg.dispatchEvent(new PointerEvent("pointerleave", where));
  drawing.dispatchEvent(new PointerEvent("pointermove", where));
  return { told, hovered: figure.querySelector(".reading").textContent };
}"""
KEPT = """async () => {
  const kept = [];
  URL.createObjectURL = (blob) => { kept.push(blob); return "#"; };
  HTMLAnchorElement.prototype.click = function () { kept.push(this.download); };
  const figure = document.querySelector("figure[id$='figure-balanced-accuracy']");
  const wait = (time) => new Promise((done) => setTimeout(done, time));
  for (const kind of ["svg", "csv", "png"]) {
    figure.querySelector(`[data-save=${kind}]`).click();
    await wait(kind === "png" ? 1500 : 50);
  }
  const blobs = kept.filter((item) => item instanceof Blob);
  return {
    names: kept.filter((item) => typeof item === "string"),
    types: blobs.map((blob) => blob.type), sizes: blobs.map((blob) => blob.size),
    svg: await blobs[0].text(), csv: await blobs[1].text(),
  };
}"""
RUNS = """() => {
  const section = document.querySelector("[data-runs]"), rows = () =>
    [...section.querySelectorAll("tbody tr")].filter((row) => !row.hidden);
  const all = rows().length;
  const select = section.querySelectorAll(".filters select")[0];
  select.selectedIndex = 1;
  select.dispatchEvent(new Event("input", { bubbles: true }));
  const one = rows().length;
  select.selectedIndex = 0;
  const search = section.querySelector("input");
  search.value = "pretrained 27";
  search.dispatchEvent(new Event("input", { bubbles: true }));
  const found = rows().length, told = section.querySelector(".count").textContent;
  search.value = "";
  search.dispatchEvent(new Event("input", { bubbles: true }));
  const heads = [...section.querySelectorAll("thead th")];
  const seed = heads.findIndex((head) => head.textContent.trim() === "Seed");
  const column = () => rows().map((row) => Number(row.cells[seed].dataset.value));
  heads[seed].querySelector("button").click();
  const up = column();
  heads[seed].querySelector("button").click();
  return { all, one, found, told, up, down: column(), sort: heads[seed].getAttribute("aria-sort") };
}"""
ARMS = """() => {
  const section = document.querySelector("[data-arms]");
  const [first, second] = section.querySelectorAll("select");
  const heads = () => [...section.querySelectorAll("tr.differs th")];
  const labels = () => heads().map((head) => head.textContent);
  const told = labels();
  second.selectedIndex = first.selectedIndex;
  second.dispatchEvent(new Event("input", { bubbles: true }));
  return { told, same: labels(), hidden: section.hidden };
}"""
ACCESSIBILITY = """async () => {
  document.querySelectorAll("details").forEach((each) => { each.open = true; });
  const found = await axe.run(document, { resultTypes: ["violations"] });
  return { violations: found.violations.map((rule) =>
    `${rule.id}: ${rule.nodes.slice(0, 3).map((node) => node.html.slice(0, 200)).join(" | ")}`) };
}"""


@pytest.fixture(scope="module")
def drawn() -> str:
    """The report of four arms and one seed, with the figures that belong to it."""
    inputs = make_inputs()
    tables = synthetic.make_tables(inputs.study)
    drawings = {
        size: {name: _svg(inputs.study, tables, name, size) for name in figure_names(inputs.study)}
        for size in inputs.study.subset_size
    }
    of_all = {name: _svg(inputs.study, tables, name) for name in study_figure_names(inputs.study)}
    return render(dataclasses.replace(inputs, figures=drawings, study_figures=of_all))


def _svg(study, tables, name: str, size: int | None = None) -> str:
    with style.look(name):
        figure = draw(study, name, tables, size)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        return files.svg_text(figure)


@pytest.mark.parametrize("width", [320, 390])
@pytest.mark.parametrize("case", ["one seed", "sizes", "sweep", "audit", "laboratory"])
def test_a_telephone_shows_it_without_sideways_scrolling_or_errors(case, width, tmp_path):
    laboratory = case == "laboratory"
    html = render(laboratory_study.make_inputs()) if laboratory else report_of(case).html
    answer = probe(html, tmp_path, width, WIDTHS)
    assert not answer["title"].startswith("ERROR")
    assert answer["viewport"] == width
    assert answer["width"] <= width
    assert answer["cut"] == 0  # all columns of the results are there


def test_landscapes_are_drawn_and_turn_together(tmp_path):
    answer = probe(report_of("one seed").html, tmp_path, 1200, LANDSCAPES)
    assert answer["canvases"] == 7
    assert answer["drawn"] == 7
    assert answer["turned"] == 3  # the three of the figure whose surface got the key


def test_a_landscape_tells_its_values_and_gives_way_to_the_still_drawing(tmp_path):
    answer = probe(report_of("one seed").html, tmp_path, 1200, HOVERED)
    assert answer["told"].startswith("direction 1: ")
    assert answer["told"].endswith(" nats")
    assert answer["before"] == answer["back"] == [False, True]
    assert answer["after"] == [True, False]


@pytest.mark.parametrize("dark", [False, True])
def test_lines_and_text_of_the_figures_stand_out(drawn, dark, tmp_path):
    answer = probe(drawn, tmp_path, 1200, CONTRASTS, dark)
    assert len(answer["contrasts"]) > 4
    low = {name: value for name, value in answer["contrasts"].items() if value < LEAST_CONTRAST}
    assert low == {}


def test_arrow_keys_and_pointer_read_the_values_of_a_figure(drawn, tmp_path):
    answer = probe(drawn, tmp_path, 1200, READING)
    first, second, below, last = answer["told"]
    assert "epoch: 1 " in first
    assert "epoch: 2 " in second
    assert len({first, second, below, last}) == 4
    assert "balanced accuracy (%): " in last
    assert answer["hovered"] == last


def test_a_reader_keeps_a_figure_as_svg_png_and_csv(drawn, tmp_path):
    answer = probe(drawn, tmp_path, 1200, KEPT)
    stem = "synthetic-balanced-accuracy-n50"
    assert [name.removeprefix(stem) for name in answer["names"]] == [".svg", ".csv", ".png"]
    assert answer["types"] == ["image/svg+xml", "text/csv;charset=utf-8", "image/png"]
    assert min(answer["sizes"]) > 1000
    assert "var(" not in answer["svg"]
    assert "currentColor" not in answer["svg"]
    heads, *rows = answer["csv"].splitlines()
    assert heads.removeprefix("\ufeff") == "panel,series,of,x axis,x,y axis,y,value"
    assert any("seed 26,epoch,1,balanced accuracy (%)," in row for row in rows)


def test_runs_are_filtered_and_sorted(tmp_path):
    answer = probe(report_of("ten seeds").html, tmp_path, 1200, RUNS)
    assert answer["all"] == 40
    assert answer["one"] == 10
    assert answer["told"] == f"{answer['found']} of 40 runs."
    assert 0 < answer["found"] < 40
    assert answer["up"] == sorted(answer["up"])
    assert answer["down"] == sorted(answer["up"], reverse=True)
    assert answer["sort"] == "descending"


def test_settings_of_two_arms_stand_side_by_side(tmp_path):
    answer = probe(report_of("one seed").html, tmp_path, 1200, ARMS)
    assert not answer["hidden"]
    assert any(title.startswith("Start of the weights") for title in answer["told"])
    assert answer["same"] == []


def test_it_is_printed_on_few_full_pages(drawn, tmp_path):
    pypdf = pytest.importorskip("pypdf")
    assert len(drawn.encode()) < LARGEST
    pages = pypdf.PdfReader(printed(drawn, tmp_path)).pages
    assert len(pages) <= MOST_PAGES
    assert {(round(page.mediabox[2]), round(page.mediabox[3])) for page in pages} == {A4}
    lowest = [_lowest_text(page) / A4[1] for page in pages]
    assert max(lowest[:-1]) < 0.5, lowest  # text reaches the lower half of each page but the last


def _lowest_text(page) -> float:
    """Points from the bottom of the page to the lowest text on it."""
    heights = []

    def note(text, matrix, text_matrix, *_):
        if text.strip():
            heights.append(text_matrix[4] * matrix[1] + text_matrix[5] * matrix[3] + matrix[5])

    page.extract_text(visitor_text=note)
    return min(heights)


@pytest.fixture(scope="session")
def axe(tmp_path_factory) -> str:
    """The script of axe-core, from npm."""
    folder = tmp_path_factory.mktemp("axe")
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    call = ["npm", "pack", AXE, "--silent", "--pack-destination", str(folder)]
    try:
        subprocess.run(call, capture_output=True, timeout=60, check=True, cwd=folder)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"npm gives no {AXE}: {error}")
    [packed] = Path(folder).glob("*.tgz")
    with tarfile.open(packed) as files:
        return files.extractfile("package/axe.min.js").read().decode("utf-8")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("case", ["drawn", "audit", "sweep", "laboratory", "table", "no results"])
def test_axe_finds_nothing_in_the_way_of_any_reader(case, dark, axe, drawn, tmp_path):
    html = {
        "drawn": lambda: drawn,
        "laboratory": lambda: render(laboratory_study.make_inputs()),
        "table": lambda: render_results_table(inputs_of("one seed")),
        "no results": lambda: render_without_results(inputs_of("one seed").progress),
    }.get(case, lambda: report_of(case).html)()
    policy = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
    html = policy.sub("", html)  # which lets no script but the page's own run
    html = html.replace("</body>", f"<script>{axe}</script></body>", 1)
    assert probe(html, tmp_path, 1200, ACCESSIBILITY, dark)["violations"] == []
