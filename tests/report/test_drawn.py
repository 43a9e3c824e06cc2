"""What a figure shows as numbers: they are the tables', and each says whose it is and where."""

import functools
import json
from xml.etree import ElementTree

import audit_study
import numpy as np
import pandas as pd
import pytest
import synthetic

from tlstudy.report.figures import draw, drawn, files, layerwise, meanings, points, style
from tlstudy.report.page.svg import values_of
from tlstudy.report.sentences.shown import in_words

NAMES = ("ladder", "claims", "results", "gradient-norm", "encoder", "layerwise-angle", "reuse")
NAMELESS = {meanings.PUBLISHED, "path"}


@functools.cache
def made(audit: bool = False, seeds: int = 5):
    study = (audit_study if audit else synthetic).make_study(seeds=seeds)
    return study, (audit_study if audit else synthetic).make_tables(study)


@functools.cache
def svg_of(name: str, audit: bool = False, seeds: int = 5) -> str:
    study, tables = made(audit, seeds)
    with style.look(name):
        figure = draw(study, name, tables, study.subset_size[0])
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        return files.svg_text(figure)


@pytest.mark.parametrize("name", [*NAMES, "landscape-trajectory"])
def test_every_value_says_whose_it_is_and_lies_on_the_drawing(name):
    svg = svg_of(name, audit=True)
    panels = values_of(svg)
    _, _, width, height = map(float, ElementTree.fromstring(svg).get("viewBox").split())
    assert panels
    for panel in panels:
        assert panel["title"] or panel["x"] or panel["y"]
        for series in panel["series"]:
            assert series["name"] or series["mark"] in NAMELESS
            assert len(series["x"]) == len(series["y"]) == len(series["at"]) / 2
        for at in (series["at"] for series in panel["series"]):
            # A line may leave its panel, where the drawing cuts it.
            assert 0 <= min(at[::2]) <= max(at[::2]) <= width
        for grid in panel["grids"]:
            left, top, right, bottom = grid["corners"]
            assert 0 <= left < right <= width
            assert 0 <= top < bottom <= height
            assert len(grid["values"]) == len(grid["y"])
            assert {len(row) for row in grid["values"]} == {len(grid["x"])}


def test_curves_are_those_of_the_table():
    _, tables = made()
    panels = {panel["title"]: panel for panel in values_of(svg_of("gradient-norm"))}
    assert panels["corrected"]["x"] == "epoch"
    assert panels["corrected"]["y"] == "gradient norm"
    rows = tables["metrics"].query("arm == 'new' and seed == 27").sort_values("epoch")
    [curve] = (
        series
        for series in panels["corrected"]["series"]
        if (series["name"], series["mark"]) == ("new (random start)", "seed 27")
    )
    assert curve["x"] == rows["epoch"].tolist()
    assert curve["y"] == pytest.approx(rows["gradient_norm"].tolist(), rel=1e-4)
    # The mean lies between the ends of its interval, on the drawing too, where up is less.
    of = {s["mark"]: s for s in panels["corrected"]["series"] if s["name"] == curve["name"]}
    low, mean, high = (
        np.array(of[mark]["at"][1::2])
        for mark in (meanings.LOW, meanings.GEOMETRIC_MEAN, meanings.HIGH)
    )
    assert (low >= mean).all()
    assert (mean >= high).all()


def test_points_have_the_names_of_their_rows_and_seeds():
    study, tables = made()
    accuracy = values_of(svg_of("results"))[0]
    rows = tables["runs"].set_index(["arm", "seed"])["reported_balanced_accuracy"]
    shown = {
        (series["y"][0], series["mark"]): series["x"][0]
        for series in accuracy["series"]
        if series["mark"].startswith("seed")
    }
    for (arm, seed), value in rows.items():
        told = shown[study.arms[arm].label, meanings.of_seed(seed)]
        assert told == pytest.approx(100 * value, rel=1e-4)


def test_seeds_make_room_for_means_where_there_are_many(monkeypatch):
    monkeypatch.setattr(drawn, "LARGEST", 100)
    svg_of.cache_clear()
    marks = {s["mark"] for panel in values_of(svg_of("gradient-norm")) for s in panel["series"]}
    svg_of.cache_clear()
    assert meanings.GEOMETRIC_MEAN in marks
    assert not any(mark.startswith("seed") for mark in marks)


def test_means_on_a_logarithmic_axis_are_geometric():
    values = np.array([[1e-3, 1, 0], [1e-2, 1, 1], [1e-1, 1, 1], [1, 1, 1], [10, 1, 1]])
    with style.look("means"):
        figure = style.new_figure(2, [])
        ax = figure.subplots()
        ax.set_yscale("log", nonpositive="mask")
        points.draw_curves(ax, np.arange(1, 4), values, color=style.NEW)
        figure.draw_without_rendering()
        [panel] = drawn.panels_of(figure)
    found = {item["mark"]: item for item in panel["series"]}
    assert found[meanings.GEOMETRIC_MEAN]["x"] == [1, 2]  # not where a seed has 0
    assert found[meanings.GEOMETRIC_MEAN]["y"] == pytest.approx([0.1, 1])
    # Powers of ten -3 to 1: mean -1, standard error sqrt(2.5 / 5), t(4) 2.7764.
    reach = 2.7764451 * 0.5**0.5
    assert found[meanings.LOW]["y"] == pytest.approx([10 ** (-1 - reach), 1], rel=1e-4)
    assert found[meanings.HIGH]["y"] == pytest.approx([10 ** (-1 + reach), 1], rel=1e-4)


def test_a_drawing_without_values_has_none():
    assert values_of("") == []
    assert values_of('<svg xmlns="http://www.w3.org/2000/svg"/>') == []


def test_the_text_alternative_tells_the_result():
    told = in_words(values_of(svg_of("gradient-norm", seeds=1)))
    panels = values_of(svg_of("gradient-norm", seeds=1))
    assert json.dumps(panels)
    assert "corrected, gradient norm: new (random start) from " in told
    assert f"at epoch {panels[-1]['series'][0]['x'][-1]:g}" in told
    averaged = in_words(values_of(svg_of("gradient-norm", seeds=5)))
    of_corrected = averaged.partition("corrected, gradient norm")[2]
    assert of_corrected.count("new (random start)") == 1  # not a line of seeds too
    assert "geometric" not in averaged
    results = in_words(values_of(svg_of("results")))
    assert "(New, corrected)" in results


def test_an_interval_is_that_of_its_line_where_lines_share_a_colour():
    panel = values_of(svg_of("loss-new"))[-1]
    of = {(item["name"], item["mark"]): np.array(item["y"]) for item in panel["series"]}
    for name in ("train", "test"):
        assert (of[name, meanings.LOW] <= of[name, meanings.MEAN]).all()
        assert (of[name, meanings.MEAN] <= of[name, meanings.HIGH]).all()
    assert not np.array_equal(of["train", meanings.LOW], of["test", meanings.LOW])


def test_points_of_a_colour_are_told_apart_by_mark_and_dash():
    marks = {"circles": ("o", "-"), "squares": ("s", "--"), "triangles": ("^", "-.")}
    with style.look("marks"):
        handles = [
            style.entry(name, style.NEW, dash, marker=mark) for name, (mark, dash) in marks.items()
        ]
        figure = style.new_figure(2, handles)
        ax = figure.subplots()
        for height, (mark, dash) in enumerate(marks.values()):
            found = {1.0: np.arange(5.0) + height, 2.0: np.arange(5.0) + height}
            points.draw_line(ax, found, style.NEW, mark, dash)
        figure.draw_without_rendering()
        [panel] = drawn.panels_of(figure)
    means = [(item["name"], item["y"]) for item in panel["series"] if item["mark"] == meanings.MEAN]
    assert means == [(name, [2.0 + i]) for i, name in enumerate(marks) for _ in (1, 2)]


def test_values_of_maps_are_those_of_the_tables():
    study, tables = made(audit=True)
    panels = {p["title"]: p for p in values_of(svg_of("layerwise-angle", audit=True))}
    maps = {arm: layerwise.layer_map(tables, arm, layerwise.ANGLE) for arm in study.arms}
    moved = (arm for arm, found in maps.items() if (found > 0).to_numpy().all())
    arm = next(arm for arm in moved if study.arms[arm].label in panels)
    [grid], expected = panels[study.arms[arm].label]["grids"], maps[arm]
    for row, epoch in zip(grid["values"], grid["y"], strict=True):
        assert row == pytest.approx(expected[epoch].tolist(), rel=1e-4)
    assert grid["x"] == list(expected.index)
    assert grid["of"] == "angle in one epoch (degrees)"


def test_values_of_landscapes_are_at_their_directions():
    _, tables = made(audit=True)
    panels = {p["title"]: p for p in values_of(svg_of("landscape-trajectory", audit=True))}
    record = next(item for item in tables["landscapes"] if item["label"] in panels)
    plane = record["planes"]["trajectory"]
    [grid] = panels[record["label"]]["grids"]
    assert grid["x"] == pytest.approx(plane["axis"])
    assert grid["y"] == pytest.approx(plane["axis"][::-1])  # up is more
    for row, losses in zip(grid["values"], plane["loss"][::-1], strict=True):
        assert row == pytest.approx(losses, rel=1e-4)


def panels_of(study, tables, name: str) -> list:
    with style.look(name):
        figure = draw(study, name, tables, study.subset_size[0])
        figure.draw_without_rendering()
        return drawn.panels_of(figure)


def named(count: int) -> dict:
    """New networks in one group: more than there are looks."""
    return {f"new-{i}": {"label": f"Rate {i}", "initialisation": "random"} for i in range(count)}


def test_arms_that_look_alike_keep_their_names():
    study = synthetic.make_study(named(14), epochs=3)
    tables = synthetic.make_tables(study)
    for name in ("gradient-norm", "layerwise-angle"):
        told = {series["name"] for series in panels_of(study, tables, name)[-1]["series"]}
        assert {arm.label for arm in study.arms.values()} <= told


@pytest.mark.parametrize(
    ("sizes", "arms"), [(tuple(range(10, 101, 10)), 4), ((50, 100), 30), ((10, 1000), 30)]
)
def test_values_stand_at_their_number_of_images(sizes, arms):
    study = synthetic.make_study(named(arms), sizes=sizes, epochs=2)
    tables = synthetic.make_tables(study)
    [panel] = panels_of(study, tables, "accuracy-by-size")
    shown = {(item["name"], item["x"][0]): item["y"][0] for item in panel["series"]}
    for run in tables["runs"].to_dict("records"):
        at = study.arms[run["arm"]].label, f"{run['subset_size']:,}"
        assert shown[at] == pytest.approx(100 * run["reported_balanced_accuracy"], rel=1e-4)


def test_many_numbers_of_images_have_few_labels():
    study = synthetic.make_study(named(1), sizes=tuple(range(10, 410, 10)), epochs=2)
    figure = draw(study, "accuracy-by-size", synthetic.make_tables(study), 10)
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert 2 < sum(map(bool, labels)) <= 8


def test_every_epoch_of_a_long_training_has_its_value():
    study = synthetic.make_study(named(1), epochs=130)
    [panel] = panels_of(study, synthetic.make_tables(study), "gradient-norm")
    assert panel["series"][0]["x"] == list(range(1, 131))


def test_curves_of_formulas_are_thinned_and_end_where_they_end():
    with style.look("formula"):
        ax = style.new_figure(2, []).subplots()
        meanings.thin_curves(ax)
        ax.plot(np.arange(252.0), np.arange(252.0))
        ax.figure.draw_without_rendering()
        [panel] = drawn.panels_of(ax.figure)
    assert panel["series"][0]["x"][-1] == 251
    assert len(panel["series"][0]["x"]) < 100


def test_networks_of_a_kind_are_told_apart_where_they_are_measured():
    study, tables = made(audit=True)
    other = study.arms["new-final"].model_copy(update={"label": "Another"})
    study = study.model_copy(update={"arms": study.arms | {"another": other}})
    again = tables["reuse"].query("arm == 'new-final'").assign(arm="another")
    panels = panels_of(study, tables | {"reuse": pd.concat([tables["reuse"], again])}, "reuse")
    told = {series["name"].partition(",")[0] for panel in panels for series in panel["series"]}
    assert {"Another", "pretrained"} <= told
    assert "new (random start)" not in told


def test_all_stages_have_their_name_and_lines_across_no_place():
    study, tables = made(audit=True)
    table = tables["encoder"].query("arm == 'pretrained-final'")
    probes = table[table["measure"] == "probe"].drop_duplicates("seed")
    deep = [probes.assign(stage=f"layer{i}.0") for i in range(1, 13)]
    table = pd.concat([*deep, table[table["measure"] == "fine-tuned"]])
    [panel] = panels_of(study, tables | {"encoder": table}, "encoder")
    places = {series["x"][0] for series in panel["series"]}
    assert len(places) == 13
    across = [item["x"] for item in panel["series"] if item["name"].startswith("fine-tuned, p")]
    assert across
    assert all(x == [""] for x in across)
    assert "()" not in in_words([panel])


def test_curves_of_few_seeds_are_told_in_words_that_can_be_read():
    def curve(seed: int, *values: float) -> dict:
        x, at = list(range(1, len(values) + 1)), [0.0] * 2 * len(values)
        return {"name": "new", "mark": f"seed {seed}", "x": x, "y": list(values), "at": at}

    panel = {"title": "", "x": "epoch", "y": "loss", "grids": []}
    both = [curve(26, 2.12, 2, 1.9, 1.53), curve(27, 2.14, 2, 1.9, 1.88)]
    told = in_words([{**panel, "series": both}])
    assert "from between 2.12 and 2.14 to between 1.53 and 1.88 at epoch 4." in told
    told = in_words([{**panel, "series": [*both, curve(28, 2.13, 9)]}])
    assert "to between 1.53 and 1.88 at epoch 4 (1 of 3 ended earlier)." in told
