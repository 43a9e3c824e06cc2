"""Scales and notes follow what is drawn: stopped runs, paths that leave the grid."""

import numpy as np
import pytest
import synthetic
from matplotlib.figure import Figure

from tlstudy.config.groups import group_of_slides
from tlstudy.report.figures import curves, draw, landscapes, points, scales, style


def test_loss_axis_is_scaled_by_what_is_drawn():
    study = synthetic.make_study()
    metrics = synthetic.make_tables(study)["metrics"]
    arms = ["new", "pretrained"]
    assert {study.arms[arm].batchnorm for arm in arms} == {"recalibrated"}
    drawn = ["train_loss", "test_loss_recalibrated"]
    expected = metrics.loc[metrics["arm"].isin(arms), drawn].to_numpy().max()
    metrics["test_loss_running"] = 1e6
    top = curves.largest_loss(study, metrics, arms, "logits")
    assert top == pytest.approx(max(expected, np.log(10)))
    metrics.loc[metrics["arm"] == "new", "test_loss_recalibrated"] = 77.0
    assert curves.largest_loss(study, metrics, arms, "logits") == 77


def test_a_single_run_that_stopped_is_explained():
    study = synthetic.make_study()
    arms = list(study.arms)
    whole, stopped = (
        synthetic.make_tables(study, diverged)["metrics"] for diverged in (set(), {("new", 26)})
    )
    assert not points.has_stopped(study, whole, arms)
    assert points.has_stopped(study, stopped, arms)
    assert "the run stopped" in curves.note_of(study, stopped, 50, arms)
    never = stopped.query("arm == 'new' and epoch == 1").copy()
    never[["train_loss", "displacement_from_start"]] = np.nan
    assert points.has_stopped(study, never, ["new"])


def test_landscapes_say_how_much_of_the_path_lies_outside():
    study = synthetic.make_study()
    item = next(
        item for item in synthetic.make_tables(study)["landscapes"] if item["arm"] == "pretrained"
    )
    plane = item["planes"]["trajectory"]
    assert "outside" not in landscapes.plane_of(item, "trajectory").text
    plane["path"] = [[-38.0, 2.0], [4.0, 30.5], *plane["path"][2:]]
    drawn = landscapes.plane_of(item, "trajectory")
    assert "2 of 31 points lie outside" in drawn.text
    circles = [
        line
        for line in landscapes.loss_map(Figure().subplots(), drawn, (0, 1)).lines
        if line.get_markersize() == landscapes.END["markersize"] and line.get_marker() == "o"
    ]
    assert [line.get_xdata() for line in circles if not line.get_clip_on()] == [[0]]


@pytest.mark.parametrize(
    "changed", [{"target": "digits"}, {"architecture": "resnet18"}, {"head": "logits"}]
)
def test_what_is_not_the_slides_experiment_stands_without_them(changed):
    assert group_of_slides(synthetic.make_study()) == "published"
    arms = {name: arm | changed for name, arm in synthetic.default_arms().items()}
    study = synthetic.make_study(arms)
    assert group_of_slides(study) is None
    figure = draw(study, "gradient-norm", synthetic.make_tables(study), 50)
    colours = {line.get_color() for ax in figure.axes for line in ax.lines}
    assert style.SLIDES not in colours


def numbers_on(axis) -> list[str]:
    low, high = axis.get_view_interval()
    places = [place for place in axis.get_majorticklocs() if low <= place <= high]
    texts = axis.get_major_formatter().format_ticks(places)
    return [text for place, text in zip(places, texts, strict=True) if place and text]


@pytest.mark.parametrize("factor", [20, 200, 5000])
@pytest.mark.parametrize("name", ["loss-new", "results", "gradient-norm", "layerwise-magnitude"])
def test_logarithmic_axes_say_so_and_have_three_numbers(name, factor):
    study = synthetic.make_study({"new": {"label": "New", "initialisation": "random"}}, epochs=4)
    tables = synthetic.make_tables(study)
    tables["metrics"][["train_loss", "gradient_norm"]] *= factor
    tables["runs"]["reported_loss"] *= factor
    figure = draw(study, name, tables, 50)
    axes = [axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)]
    logarithmic = [axis for axis in axes if axis.get_scale() in scales.LOGARITHMIC]
    assert logarithmic or name in ("gradient-norm", "layerwise-magnitude")
    for axis in logarithmic:
        assert len(numbers_on(axis)) >= 3
        assert "log" in axis.get_label_text()


def test_an_axis_of_a_small_range_is_linear():
    study = synthetic.make_study({"new": {"label": "New", "initialisation": "random"}}, epochs=4)
    tables = synthetic.make_tables(study)
    for spread, scale in ((3, "linear"), (300, "log")):
        tables["metrics"]["gradient_norm"] = np.geomspace(1, spread, 4)
        [ax] = draw(study, "gradient-norm", tables, 50).axes
        assert ax.get_yscale() == scale
        assert ("log scale" in ax.get_ylabel()) == (scale == "log")


def test_a_group_left_unnamed_has_no_name_in_titles():
    study = synthetic.make_study({"new": {"initialisation": "random"}}, epochs=3)
    assert style.group_title(study, "main", "running") == "running"
    assert style.group_title(study, "main") == ""
    both = synthetic.make_study()
    assert style.group_title(both, "corrected", "running") == "corrected: running"
