"""Figures of the audit: what they draw is what the tables say, and they fit a ladder of arms."""

from functools import cache
from pathlib import PurePosixPath

import audit_study
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text

from tlstudy.audit.ladder import seed_values
from tlstudy.audit.sentinels.angles import angle_of, steps_of
from tlstudy.config import catalogue, groups
from tlstudy.config.catalogue import CONTRADICTIONS
from tlstudy.data import published
from tlstudy.report.figures import (
    captions,
    claims,
    curvature,
    curves,
    draw,
    reuse,
    style,
)
from tlstudy.report.figures import landscapes as planes
from tlstudy.report.figures import published as published_figure
from tlstudy.report.format import number

EPOCHS = 4


@cache
def audit(seeds: int = 5):
    study = audit_study.make_study(seeds=seeds, epochs=EPOCHS)
    return study, audit_study.make_tables(study)


def drawn(name: str, seeds: int = 5):
    study, tables = audit(seeds)
    with style.look(name):
        figure = draw(study, name, tables, 50)
        figure.draw_without_rendering()
    return figure


def panels(figure) -> list:
    """Axes of a figure's parts, from the top."""
    return [ax for part in figure.subfigs for ax in part.axes]


def words_of(figure) -> str:
    return " ".join(" ".join(text.get_text().split()) for text in figure.findobj(Text))


def marks(ax, colour: str, marker: str) -> list:
    return [
        line
        for line in ax.lines
        if to_hex(line.get_color()) == colour and line.get_marker() == marker
    ]


def test_claims_name_figures_that_the_study_has():
    study = audit_study.make_study()
    there = {*catalogue.figure_names(study), *catalogue.study_figure_names(study)}
    assert {claim.figure for claim in study.claims.values() if claim.figure} <= there


def test_ladder_draws_every_seed_and_the_means_of_the_table():
    study, tables = audit()
    top, middle, bottom = panels(drawn("ladder"))
    table = tables["ladder"].query("quantity == 'balanced_accuracy'").set_index(["part", "rung"])
    for part, ax, colour in (
        ("new", top, style.NEW),
        ("pretrained", top, style.PRETRAINED),
        ("gap", middle, style.GAP),
    ):
        means = [line.get_ydata()[0] for line in marks(ax, colour, "D")]
        np.testing.assert_allclose(means, 100 * table.loc[part]["mean"])
        points = np.concatenate([line.get_ydata() for line in marks(ax, colour, ".")])
        values = seed_values(study, tables["runs"], "balanced_accuracy", 50)
        expected = 100 * values.query("part == @part").sort_values(["rung", "seed"])["value"]
        np.testing.assert_allclose(points, expected)
    steps = [line.get_xdata()[0] for line in marks(bottom, style.GAP, "D")]
    np.testing.assert_allclose(steps, 100 * table.loc["step"]["mean"])
    assert len(bottom.get_yticklabels()) == len(study.ladder) - 1
    few = drawn("ladder", seeds=3)
    assert not [line for ax in panels(few) for line in ax.lines if line.get_marker() == "D"]
    assert "too few for an interval" in words_of(few)


def test_ladder_marks_the_published_values_at_their_rung():
    top, middle, _ = panels(drawn("ladder"))
    slides = published.best().set_index("model")["balanced_accuracy"]
    crosses = [line.get_ydata()[0] for line in marks(top, style.SLIDES, "x")]
    assert crosses == pytest.approx([100 * slides["new"], 100 * slides["pretrained"]])
    gap = marks(middle, style.SLIDES, "x")
    assert [line.get_ydata()[0] for line in gap] == pytest.approx([50.64])
    assert all(line.get_xdata()[0] < 0.5 for line in gap)


def test_losses_of_softmax_outputs_and_of_logits_have_axes_of_their_own():
    study, _ = audit()
    figure = drawn("ladder-loss")
    left, right = figure.subfigs[0].axes[:2]
    assert left.get_title(loc="left") == "softmax outputs"
    assert "not comparable" in right.get_title(loc="left")
    assert left.get_ylim() != right.get_ylim()
    heads = [study.arms[groups.groups_of(study)[rung.group][0]].head for rung in study.ladder]
    assert len(left.get_xticks()) == heads.count("softmax")
    labels = [label.get_text() for label in figure.subfigs[1].axes[0].get_yticklabels()]
    assert len(labels) == len(study.ladder) - 2  # all steps but that from softmax to logits
    assert not any("F7" in label for label in labels)


def test_claims_have_a_row_each_in_the_unit_of_its_panel():
    _, tables = audit()
    figure = drawn("claims")
    table = tables["claims"]
    tested = table[~table["verdict"].isin(claims.UNTESTED)]
    assert len(tested)
    rows = [label.get_text() for ax in figure.axes for label in ax.get_yticklabels()]
    assert sorted(row.partition(":")[0] for row in rows) == sorted(tested["claim"])
    text = words_of(figure)
    assert all(word in text for word in [*table["claim"], *tested["verdict"]])
    assert figure.axes[0].get_xlabel() == "percentage points"
    assert len(figure.axes) == tested["unit"].nunique()
    shares = tested[tested["unit"] == "share"]
    marked = [line.get_xdata()[0] for line in marks(figure.axes[0], style.GAP, "|")]
    assert marked == pytest.approx(list(100 * shares["effect"]))
    looks = list(claims.VERDICTS.values())  # verdicts differ without colour too
    assert len({marker for _, marker in looks}) == len(looks)


def test_encoder_draws_every_stage_of_both_networks():
    _, tables = audit()
    left, right = drawn("encoder").axes
    table = tables["encoder"].set_index(["arm", "measure", "stage"])["test_balanced_accuracy"]
    for ax, arm in ((left, "new-final"), (right, "pretrained-final")):
        labels = [label.get_text() for label in ax.get_xticklabels()]
        assert labels[:5] == ["stem", "1", "2", "3", "4"]
        probe = [line for line in ax.lines if line.get_marker() == "o" and len(line.get_xdata())]
        assert probe[4].get_ydata()[0] == pytest.approx(
            100 * table.loc[arm, "probe", "layer4"].mean()
        )


def test_curvature_joins_the_networks_of_a_seed():
    _, tables = audit()
    figure = drawn("curvature")
    for ax in figure.axes[-2:]:
        assert [label.get_text() for label in ax.get_xticklabels()] == ["new", "pretrained"]
    for ax in figure.axes:
        assert ax.get_yscale() == "log"
        assert len([line for line in ax.lines if to_hex(line.get_color()) == style.SLIDES]) == 5
    pair = ("new-final", "pretrained-final")
    item = curvature.ratio(tables["curvature"], pair, "normalised_eigenvalue", "final")
    rows = tables["curvature"].query("point == 'final'").set_index(["arm", "seed"])
    logs = np.log2(rows["normalised_eigenvalue"])
    assert item.mean == pytest.approx((logs[pair[1]] - logs[pair[0]]).mean())
    assert f"{number(2**item.mean, 2)} (" in figure.axes[0].get_title(loc="left")
    text = words_of(figure)
    assert "the train loss never fell to 0.5 (1 of 5 runs)" in text
    assert "nan" not in text


def test_reuse_draws_every_layer_and_every_way():
    _, tables = audit()
    alignment, span, drifts, excess = drawn("reuse").axes
    rows = tables["reuse"].query("arm == 'pretrained-final'")
    solid = [line for line in alignment.lines if line.get_linestyle() == "-"]
    means = rows[rows["measure"] == "alignment"].groupby("layer", sort=False)["value"].mean()
    assert solid[1].get_ydata() == pytest.approx(means.to_numpy())
    assert [line.get_linestyle() for line in alignment.lines].count(":") == 2
    assert len([line for line in span.lines if len(line.get_xdata()) == 3]) == 2
    by_way = rows.pivot_table(index="seed", columns="measure", values="value")[list(reuse.WAYS)]
    drawn_ways = [list(line.get_ydata()) for line in drifts.lines]
    assert all(list(values) in drawn_ways for values in by_way.to_numpy())
    labels = [label.get_text() for label in excess.get_xticklabels()]
    assert labels == list(reuse.WAYS.values())[:2]


def test_empty_tables_are_said_to_be_empty():
    study, tables = audit()
    tabled = ("encoder", "curvature", "reuse", "claims")
    empty = {name: tables[name].iloc[:0] for name in tabled}
    for name in empty:
        with style.look(name):
            figure = draw(study, name, {**tables, **empty}, 50)
        [ax] = figure.axes
        assert not ax.lines
        assert ax.texts[0].get_text().startswith("no ")


def test_published_facts_are_those_of_the_published_material():
    table, curves_of_slides, notebook = published_figure.versions()
    assert (table.loss, table.balanced_accuracy) == (1.8348, 0.6169)
    assert round(curves_of_slides.loss, 4) == 1.8242
    assert round(curves_of_slides.balanced_accuracy, 4) == 0.6290
    assert (notebook.loss, notebook.balanced_accuracy) == (1.8018, 0.6554)
    slope, growth = published_figure.gradient_growth()
    assert (round(slope, 3), round(growth, 2)) == (0.995, 29.98)
    head = published_figure.head()
    assert head.predicted_displacement == pytest.approx(0.0784, abs=1e-4)
    assert head.predicted_angle == pytest.approx(4.48, abs=0.01)
    assert head.displacement == pytest.approx(0.0844, abs=2e-4)
    assert head.angle == pytest.approx(4.84, abs=0.01)
    steps = steps_of(published.angle()["angle_from_previous"].to_numpy())
    assert np.abs(steps - steps.round()).max() < 0.01
    angles = published.angle()["angle_from_previous"]
    np.testing.assert_allclose(angle_of(steps.round()), angles, atol=1e-5)


def test_contradictions_are_of_the_study_and_show_no_run():
    study, tables = audit()
    with style.look(CONTRADICTIONS):
        figure = draw(study, CONTRADICTIONS, tables)
        figure.draw_without_rendering()
    text = words_of(figure)
    for shown in ("61.69 %", "62.90 %", "65.54 %", "1.8242", "0.995", "29.98", "4 zeros"):
        assert shown in text
    assert "26 to 30" not in text


def test_figures_by_arm_show_two_rungs_and_leave_the_others_to_a_second_figure():
    study, _ = audit()
    shown = groups.groups_of(catalogue.part_of_study(study, "gradient-norm"))
    assert list(shown) == ["published", "stratified-final"]
    others = groups.groups_of(catalogue.part_of_study(study, "gradient-norm-other-rungs"))
    alone = set(groups.put_back_groups(study))
    assert set(shown) | set(others) | alone == set(groups.groups_of(study))
    assert not set(shown) & set(others) | alone & {*shown, *others}
    listed = catalogue.figure_names(study)
    assert listed.index("gradient-norm-other-rungs") == listed.index("gradient-norm") + 1
    assert "published, stratified-final" in captions.caption(study, "gradient-norm")
    assert "results-other-rungs" not in listed
    figure = drawn("gradient-norm-other-rungs")
    assert [ax.get_title(loc="left") for ax in figure.axes][: len(others)] == list(others)
    assert "slides" not in words_of(figure)


def test_snakemake_s_report_names_size_and_rungs():
    folder = PurePosixPath("n~50")
    shown = captions.report_labels(folder / "gradient-norm-other-rungs.svg")
    assert shown == {"Figure": "Gradient norm, other rungs", "Training images": "50"}
    for name, images in (("contradictions", "all"), ("penalty", "none")):
        labels = captions.report_labels(PurePosixPath(f"{name}.svg"))
        assert labels["Training images"] == images


@pytest.mark.filterwarnings("error")
def test_test_values_of_the_last_epoch_only_are_points_and_that_is_said():
    study = audit_study.make_study(epochs=EPOCHS)
    # Without the arms that have the same runs looked at after every epoch.
    study = groups.only_arms(study, lambda arm: not arm.group.startswith("alone-"))
    ladder = [rung.model_copy(update={"put_back": None}) for rung in study.ladder]
    study = study.model_copy(update={"ladder": ladder})
    tables = audit_study.make_tables(study)
    part = catalogue.part_of_study(study, "balanced-accuracy")
    alone = curves.looked_at_last_epoch_only(part, tables["metrics"])
    assert {"new-final", "pretrained-final"} <= set(alone)
    with style.look("balanced-accuracy"):
        figure = draw(study, "balanced-accuracy", tables, 50)
        figure.draw_without_rendering()
    assert figure.axes[3].get_title(loc="left").startswith("stratified-final")
    colours = {style.NEW, style.PRETRAINED}
    lines = [line for line in figure.axes[3].lines if to_hex(line.get_color()) in colours]
    assert {tuple(np.unique(line.get_xdata())) for line in lines} == {(EPOCHS,)}
    assert "after the last epoch only" in words_of(figure)
    metrics = tables["metrics"].copy()
    metrics[[column for column in metrics if column.startswith("test_")]] = 0.5
    assert curves.single_points_text(study, metrics) == ""


def test_only_arms_that_are_to_have_landscapes_have_panels():
    study, tables = audit()
    assert planes.selected_groups(study) == {
        "published": ["new-published", "pretrained-published"],
        "stratified-final": ["new-final", "pretrained-final"],
    }
    every = study.model_copy(update={"landscape": study.landscape.model_copy(update={"arms": []})})
    rungs = [rung.group for rung in study.ladder]
    assert list(planes.selected_groups(every))[: len(rungs)] == rungs
    with style.look("landscape-trajectory"):
        figure = draw(study, "landscape-trajectory", tables, 50)
    assert len(figure.subfigs) == 2


def test_a_single_curvature_below_0_is_one_value():
    study, tables = audit()
    table = tables["curvature"].copy()
    table.loc[table.index[0], "hessian_eigenvalue"] = -1.0
    figure = curvature.curvature_figure(study, {**tables, "curvature": table}, 50)
    assert "so not on a logarithmic axis: 1 value." in words_of(figure)
