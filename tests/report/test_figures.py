"""Figures: all are written, are valid, and keep what they promise about scales and text."""

import re
import subprocess
import sys
from functools import cache
from pathlib import PurePath
from xml.etree import ElementTree

import audit_study
import features_study
import invariance_study
import numpy as np
import overlap_study
import pandas as pd
import pytest
import synthetic
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text
from mpl_toolkits.mplot3d import Axes3D

from tlstudy.audit.statistics import summarise
from tlstudy.config import catalogue, groups
from tlstudy.data import published
from tlstudy.report import figures
from tlstudy.report.figures import draw, draw_all, files, guessing, layerwise, points, style
from tlstudy.report.figures.drawn import LARGEST

SVG = "{http://www.w3.org/2000/svg}"


@cache
def made(seeds: int = 1):
    """The default arms and their tables."""
    study = synthetic.make_study(seeds=seeds)
    return study, synthetic.make_tables(study)


def drawn(study, tables, name: str) -> Figure:
    with style.look(name):
        figure = draw(study, name, tables, study.subset_size[0])
        figure.draw_without_rendering()
    return figure


def svg_of(study, tables, name: str) -> str:
    with style.look(f"{name}-50"):
        figure = draw(study, name, tables, 50)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        return files.svg_text(figure)


# One figure of each kind: dots, curves in many panels, maps with parts, surfaces.
WRITTEN = ("results", "gradient-norm", "layerwise-angle", "landscape-trajectory")


@pytest.fixture(scope="module")
def one_seed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "DOTS_PER_INCH", 40)
        patch.setattr(figures, "figure_names", lambda _: WRITTEN)
        draw_all(*made(), folder)
    return folder


def test_figures_are_written_in_both_formats_and_stay_small(one_seed):
    written = {path.relative_to(one_seed).as_posix() for path in one_seed.rglob("*.*")}
    listed = catalogue.figure_files(made()[0])
    assert written == {name for name in listed if PurePath(name).stem in WRITTEN}
    for path in one_seed.rglob("*.svg"):
        assert path.stat().st_size < files.LARGEST_SVG, path.name


def test_a_figure_holds_the_rows_of_its_size(tmp_path, monkeypatch):
    study, shown = synthetic.make_study(sizes=(50, 200)), {}
    rows = pd.DataFrame({"subset_size": [50, 200, 200]})
    monkeypatch.setattr(files, "write", lambda found, stem: shown.update({str(stem): found}))
    monkeypatch.setattr(
        figures, "draw", lambda _, name, tables, size=None: (name, len(tables["runs"]), size)
    )
    draw_all(study, {"runs": rows, "landscapes": []}, tmp_path)
    names = catalogue.figure_files(study)
    assert set(shown) == {str((tmp_path / name).with_suffix("")) for name in names}
    assert shown[str(tmp_path / "n~200" / "results")] == ("results", 2, 200)
    assert shown[str(tmp_path / "accuracy-by-size")] == ("accuracy-by-size", 3, None)


CASES = {
    "ten seeds, one diverged, two sizes": (
        {"seeds": 10, "sizes": (50, 200)},
        {("new", 28), ("pretrained", 26)},
    ),
    "sweep of six arms, three seeds": (
        {"arms": synthetic.sweep_arms(6), "seeds": 3},
        {(next(iter(synthetic.sweep_arms())), seed) for seed in (26, 27, 28)},
    ),
    "one arm, one epoch": ({"arms": {"new": {}}, "epochs": 1}, set()),
}


@pytest.mark.parametrize("case", CASES)
def test_studies_of_all_kinds_are_drawn(case):
    keywords, diverged = CASES[case]
    study = synthetic.make_study(**keywords)
    tables = synthetic.make_tables(study, diverged)
    size = study.subset_size[-1]
    of_size = {
        name: table if isinstance(table, list) else table[table["subset_size"] == size]
        for name, table in tables.items()
    }
    for name in catalogue.figure_names(study):
        with style.look(name):
            assert draw(study, name, of_size, size).get_children()
    for name in catalogue.study_figure_names(study):
        with style.look(name):
            assert draw(study, name, tables).get_children()


def test_twelve_arms_twenty_seeds_stay_small():
    study = synthetic.make_study(synthetic.sweep_arms(12), seeds=20)
    tables = synthetic.make_tables(study)
    largest = files.LARGEST_SVG + LARGEST
    for name in ("balanced-accuracy", "landscape-trajectory"):
        assert len(svg_of(study, tables, name)) < largest, name


def test_ids_differ_between_figures_and_references_lead_somewhere(one_seed):
    seen = {}
    for path in sorted(one_seed.rglob("*.svg")):
        text = path.read_text(encoding="utf-8")
        ids = re.findall(r'\bid="([^"]+)"', text)
        wanted = set(re.findall(r'href="#([^"]+)"', text)) | set(re.findall(r"url\(#(.+?)\)", text))
        assert wanted, path.name
        assert sorted(wanted) == sorted(ids), path.name
        for identifier in ids:
            assert identifier not in seen, (identifier, path.name, seen.get(identifier))
            seen[identifier] = path.name
    assert len(seen) > 30


def test_text_is_text_in_ink_and_large_enough_on_a_transparent_background(one_seed):
    for path in one_seed.rglob("*.svg"):
        root = ElementTree.parse(path).getroot()
        background = next(element for element in root.iter(f"{SVG}path") if element.get("style"))
        assert "fill: none" in background.get("style"), path.name
        texts = list(root.iter(f"{SVG}text"))
        assert len(texts) > 5, path.name
        for element in texts:
            look = element.get("style")
            assert f"fill: {style.INK}" in look, (path.name, element.text, look)
            assert "DejaVu" not in look
            size = float(re.search(r"(?:font: |font-size: )(?:bold )?([\d.]+)px", look)[1])
            assert size >= style.TEXT, (path.name, element.text, size)


def test_same_tables_same_bytes(one_seed):
    again = svg_of(*made(), "landscape-trajectory")
    assert again == (one_seed / "n~50" / "landscape-trajectory.svg").read_text("utf-8")
    assert "<dc:date>" not in again


@cache
def many_arms(ladder: bool):
    arms = {**synthetic.default_arms(), **synthetic.sweep_arms(6)}
    study = audit_study.make_study() if ladder else synthetic.make_study(arms, seeds=5)
    maker = audit_study if ladder else synthetic
    return study, maker.make_tables(study, {(next(iter(study.arms)), 27)})


@pytest.mark.parametrize("name", catalogue.FIGURES)
def test_nothing_is_cut_off(name, monkeypatch):
    """Every text that is drawn lies inside the figure."""
    study, tables = many_arms(name not in catalogue.figure_names(many_arms(False)[0]))
    # Of destroyed local structure, of turns, of features alone.
    for made in (overlap_study, invariance_study, features_study):
        if name not in catalogue.figure_names(study):
            study = made.make_study()
            tables = made.make_tables(study)
    boxes = []
    draw_text = Text.draw

    def record(text, renderer, *arguments, **keywords):
        if text.get_text().strip() and text.get_visible():
            boxes.append((text.get_text(), text.get_fontsize(), text.get_window_extent(renderer)))
        draw_text(text, renderer, *arguments, **keywords)

    monkeypatch.setattr(Text, "draw", record)
    figure = drawn(study, tables, name)
    width, height = figure.get_size_inches() * figure.dpi
    assert len(boxes) > 15
    for text, size, box in boxes:
        inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1
        assert inside, (text, box)
        assert size >= style.TEXT, text


def test_heatmaps_share_one_scale_that_holds_all_values():
    figure = drawn(*made(), "layerwise-magnitude")
    images = [
        image for ax in figure.findobj(lambda item: hasattr(item, "images")) for image in ax.images
    ]
    assert len(images) == 1 + 4
    norms = {id(image.norm) for image in images}
    assert len(norms) == 1
    largest = max(np.nanmax(image.get_array().filled(np.nan), initial=0) for image in images)
    assert images[0].norm.vmax == pytest.approx(largest)
    slides = published.layer_displacement()["displacement_from_previous"]
    assert largest > slides.max()


def test_layer_maps_are_means_of_finished_runs_over_the_slides_layers():
    tables = synthetic.make_tables(synthetic.make_study(seeds=3), {("new", 27)})
    item = layerwise.layer_map(tables, "new", layerwise.ANGLE)
    assert list(item.index) == published.layer_names()
    assert set(tables["layers"]["layer"]) > set(item.index)
    rows = tables["layers"].query("arm == 'new' and layer == 'fc.bias' and epoch == 3")
    expected = rows.loc[rows["seed"] != 27, layerwise.ANGLE].mean()
    assert item.loc["fc.bias", 3] == pytest.approx(expected)


def test_a_displacement_at_right_angles_has_the_angle_of_f10():
    assert layerwise.of_displacement(layerwise.ANGLE, 0.078) == pytest.approx(4.46, abs=0.01)


@pytest.mark.parametrize("which", ["trajectory", "random"])
def test_landscapes_of_a_group_share_their_scales(which):
    figure = drawn(*made(), f"landscape-{which}")
    limits = []
    for part in figure.subfigs:
        surfaces = [ax for ax in part.axes if isinstance(ax, Axes3D)]
        maps = [ax for ax in part.axes if ax.images]
        assert len(surfaces) == len(maps) >= 1
        assert len({(ax.get_xlim(), ax.get_ylim()) for ax in maps}) == 1
        coloured = {ax.collections[0].get_clim() for ax in surfaces}
        coloured |= {ax.images[0].get_clim() for ax in maps} | {ax.get_zlim() for ax in surfaces}
        limits += coloured
    assert len(limits) == len(set(limits)) == len(figure.subfigs)
    texts = [text.get_text().replace("\n", " ") for text in figure.findobj(Text)]
    if which == "trajectory":
        assert any("the weights never moved" in text for text in texts)
        assert any("axis 1: " in text and "% (61 %)" in text for text in texts)


def lines_of(ax, colour):
    return [line for line in ax.lines if to_hex(line.get_color()) == colour]


@pytest.mark.parametrize(("seeds", "expected", "bands"), [(1, 1, 0), (4, 4, 0), (10, 11, 1)])
def test_every_curve_is_drawn_and_the_mean_only_with_its_interval(seeds, expected, bands):
    with style.look("test"):
        ax = Figure().subplots()
        values = np.random.default_rng(0).normal(size=(seeds, 30))
        points.draw_curves(ax, np.arange(1, 31), values, color=style.NEW, linestyle="-")
    assert len(lines_of(ax, style.NEW)) == expected
    assert len(ax.collections) == bands


@pytest.mark.parametrize("vertical", [True, False])
@pytest.mark.parametrize("count", [1, 4, 5, 12])
def test_seeds_are_points_and_means_have_their_interval(count, vertical):
    values = np.random.default_rng(count).normal(size=count)
    ax = Figure().subplots()
    assert points.draw_values(ax, 3, np.append(values, np.nan), "k", "s", vertical) is ax
    seeds, *mean = [line.get_data() if vertical else line.get_data()[::-1] for line in ax.lines]
    np.testing.assert_array_equal(seeds[1], values)
    assert np.abs(seeds[0] - 3).max() < 0.2
    if count < 5:
        assert not mean
        return
    (_, ends), (place, middle) = mean
    summary = summarise(values)
    assert (list(place), list(middle)) == ([3], [summary.mean])
    assert list(ends) == [summary.low, summary.high]
    assert ax.lines[1].get_solid_capstyle() == "butt"
    assert ax.lines[2].get_marker() == "s"


def test_slides_are_laid_under_the_published_group_only():
    figure = drawn(*made(), "gradient-norm")
    counts = [len(lines_of(ax, style.SLIDES)) for ax in figure.axes]
    assert counts == [2, 0]
    plotted = lines_of(figure.axes[0], style.SLIDES)[0].get_ydata()
    assert plotted[-1] == pytest.approx(524.49)
    study = synthetic.make_study(synthetic.sweep_arms(2))
    for name in ("gradient-norm", "loss-pretrained"):
        figure = drawn(study, synthetic.make_tables(study), name)
        assert not lines_of(figure.axes[0], style.SLIDES)


def test_accuracy_is_in_per_cent():
    study, tables = made()
    metrics = tables["metrics"]
    figure = drawn(study, tables, "balanced-accuracy")
    shown = lines_of(figure.axes[0], style.PRETRAINED)[0].get_ydata()
    rows = metrics[metrics["arm"] == "pretrained-published"]
    np.testing.assert_allclose(shown, 100 * rows["test_balanced_accuracy_running"])


def test_results_have_the_slides_table_and_every_seed():
    study = synthetic.make_study(seeds=10)
    figure = drawn(study, synthetic.make_tables(study, {("new", 30)}), "results")
    left, right = figure.axes
    for ax, values in ((left, {11.05, 61.69}), (right, {2.3025, 1.8348})):
        crosses = [line for line in ax.lines if line.get_marker() == "x"]
        assert {round(float(line.get_xdata()[0]), 4) for line in crosses} == values
        seeds = [line for line in ax.lines if line.get_marker() == "."]
        assert [len(line.get_xdata()) for line in seeds] == [10, 10, 9, 10]
    labels = [label.get_text().replace("\n", " ") for label in left.get_yticklabels()]
    assert labels[2] == "New, corrected (1 of 10 diverged)"


def test_softmax_bounds():
    outputs = np.eye(10)[:2]
    loss = np.log(np.exp(outputs).sum(axis=1)) - outputs[:, 0]
    np.testing.assert_allclose(guessing.softmax_bounds(10), loss)
    np.testing.assert_allclose(guessing.softmax_bounds(10), [1.4612, 2.4612], atol=1e-4)


def test_variants_of_a_kind_look_different():
    study = synthetic.make_study(synthetic.sweep_arms(12))
    looks = style.arm_styles(study)
    assert len({(look["color"], str(look["linestyle"])) for look in looks.values()}) == 12
    assert all(
        look["color"] in style.SHADES[groups.is_new(study, arm)] for arm, look in looks.items()
    )


def test_figures_that_a_study_lacks_are_not_listed_and_need_no_matplotlib():
    study = synthetic.make_study({"new": {}})
    bare = study.model_copy(update={"landscape": study.landscape.model_copy(update={"seeds": []})})
    listed = catalogue.figure_names(bare)
    assert "loss-new" in listed
    assert not [name for name in listed if name.startswith(("loss-pre", "landscape"))]
    code = "import sys, tlstudy.report.figures; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
