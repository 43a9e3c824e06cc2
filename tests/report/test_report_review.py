"""What the report says of results that mislead: heavy layers, lost runs, other weights."""

import dataclasses

import numpy as np
import pytest
import synthetic
from reports import WEIGHTS, Page, fill_runs, inputs_of, make_inputs
from scipy.stats import spearmanr

from tlstudy.report.inputs import Inputs
from tlstudy.report.page.render import render
from tlstudy.report.sentences import findings, how_it_was_run, landscapes, results, review, series


def with_tables(inputs: Inputs, **tables) -> Inputs:
    return dataclasses.replace(inputs, **tables)


def lost_in_the_first_epoch(inputs: Inputs, arm: str) -> Inputs:
    """The arm's runs as training leaves them when the first loss is not finite."""
    metrics, layers, runs = inputs.metrics, inputs.layers, inputs.runs.copy()
    metrics = metrics[(metrics["arm"] != arm) | (metrics["epoch"] == 1)].copy()
    values = metrics.columns.difference(["arm", "subset_size", "seed", "epoch", "test_images"])
    metrics.loc[metrics["arm"] == arm, values] = np.nan
    runs.loc[runs["arm"] == arm, "status"] = "diverged"
    layers = layers[layers["arm"] != arm]
    return with_tables(inputs, metrics=metrics, layers=layers, runs=fill_runs(runs))


@pytest.mark.parametrize("arm", ["new", "pretrained"])
def test_a_run_that_diverged_at_once_is_not_called_unmoved(arm):
    inputs = lost_in_the_first_epoch(inputs_of("one seed"), arm)
    label = inputs.study.arms[arm].label
    assert series.lost_at_once(inputs, arm, 50)
    drift = findings.see(inputs, 50, "magnitude-change")
    assert f"\u201c{label}\u201d diverged in the first epoch" in drift
    assert f"\u201c{label}\u201d has not moved" not in drift
    answers = dict(review.review(inputs, 50))
    learns, last_layer = (" ".join(answers[question]) for question in list(answers)[:2])
    assert f"\u201c{label}\u201d diverged in the first epoch" in learns
    assert f"\u201c{label}\u201d did not move" not in learns
    assert f"\u201c{label}\u201d: diverged in the first epoch" in last_layer
    assert Page(render(inputs)).errors == []
    whole = inputs_of("ten seeds")  # runs that diverged later
    assert not any(series.lost_at_once(whole, name, 50) for name in whole.study.arms)


def test_only_a_pretrained_arm_against_a_new_one_answers_whether_pretraining_helps():
    arms = synthetic.default_arms()
    arms = {"new": arms["new"], "slower": {**arms["new"], "label": "Slower"}}
    answer = review.review(make_inputs(arms=arms), 50)[0][1]
    assert [text.startswith("No pretrained arm") for text in answer] == [True]
    sweep = review.review(inputs_of("sweep"), 50)[0][1]
    assert len(sweep) == 3
    assert all(
        f"\u201cPretrained, corrected, learning rate {rate}\u201d minus" in text
        for text, rate in zip(sweep, ("0.0001", "0.0003", "0.001"), strict=True)
    )


def with_one_heavy_layer(inputs: Inputs) -> Inputs:
    """The first convolution of the pretrained arms holds most of the norm, and stands still."""
    layers = inputs.layers.copy()
    heavy = layers["arm"].str.startswith("pretrained") & (layers["layer"] == "conv1.weight")
    layers.loc[heavy, "norm"] = 100.0
    layers.loc[heavy, "displacement_from_start"] = 0.0
    return with_tables(inputs, layers=layers)


def test_a_layer_that_holds_most_of_the_norm_is_named_with_the_drift_of_the_others():
    inputs = with_one_heavy_layer(inputs_of("one seed"))
    rows = series.of_arm(inputs.layers, "pretrained", 50)
    others = rows[(rows["layer"] != "conv1.weight") & (rows["epoch"] == 6)]
    count = len(others)
    found = series.heaviest_tensor(inputs, "pretrained", 50)
    assert found.layer == "conv1.weight"
    assert found.share == pytest.approx(100**2 / (100**2 + count * 10**2))
    # All other tensors have the same norm, so theirs is the root mean square.
    expected = np.sqrt((others["displacement_from_start"] ** 2).mean())
    assert found.others == pytest.approx(expected)
    assert series.heaviest_tensor(inputs, "new", 50) is None
    text = findings.see(inputs, 50, "magnitude-change")
    shown = f"\u201cPretrained, corrected\u201d the first convolution, {found.share:.1%}"
    assert shown.replace("%", "\u202f%") in text
    assert f"{found.others:.1%}".replace("%", "\u202f%") in text
    assert "in \u201cNew, corrected\u201d" not in text
    assert "squared norm" not in findings.see(inputs_of("one seed"), 50, "magnitude-change")
    assert Page(render(inputs)).text.count("squared norm") == 1  # told once


def test_tensors_that_began_at_zero_do_not_count_among_the_others():
    inputs = with_one_heavy_layer(inputs_of("one seed"))
    expected = series.heaviest_tensor(inputs, "pretrained", 50).others
    layers = inputs.layers.copy()
    zero = layers["layer"] == "bn1.weight"
    change = ["displacement_from_start", "norm_change_from_start"]
    layers.loc[zero, change] = np.inf
    found = series.heaviest_tensor(with_tables(inputs, layers=layers), "pretrained", 50)
    assert found.others == pytest.approx(expected, rel=0.05)


def test_the_rank_correlation_is_scipy_s_of_the_paths_and_the_median_over_seeds():
    generator = np.random.default_rng(26)
    inputs = inputs_of("sizes")
    layers = inputs.layers.copy()
    for column in ("displacement_from_previous", "predicted_displacement"):
        # Few distinct values: ranks with ties.
        layers[column] = generator.integers(1, 12, len(layers)) / 128  # sums without rounding
    paths = layers[(layers["arm"] == "new") & (layers["subset_size"] == 50)]
    paths = paths.groupby(["seed", "layer"])[
        ["displacement_from_previous", "predicted_displacement"]
    ].sum()
    expected = [
        spearmanr(part["displacement_from_previous"], part["predicted_displacement"]).statistic
        for _, part in paths.groupby("seed")
    ]
    assert len(expected) > 1
    found = series.layer_drift(with_tables(inputs, layers=layers), "new", 50).correlation
    assert found == pytest.approx(np.median(expected), abs=1e-12)


def test_arms_of_a_group_that_draw_differently_are_warned_of():
    arms = synthetic.default_arms()
    arms["new"]["drawing"] = "published"
    expected = (
        "Arms of the group \u201ccorrected\u201d draw their training images in different ways"
    )
    warnings = how_it_was_run.warnings(make_inputs(arms=arms))
    assert any(text.startswith(expected) for text in warnings)
    assert not any("draw their" in text for text in how_it_was_run.warnings(inputs_of("one seed")))


@pytest.mark.parametrize(("network", "other"), [("resnet50", False), ("resnet101", True)])
def test_weights_of_the_slides_are_those_of_one_network(network, other):
    record = {**WEIGHTS, "source": "IMAGENET1K_V2"}
    inputs = with_tables(inputs_of("one seed"), weights={(network, "imagenet"): record})
    assert bool(how_it_was_run.weights_used(inputs)[0]["other"]) == other


def cells(inputs: Inputs, arm: str) -> list[results.Cell]:
    return [results.arm_cell(inputs, arm, 50, measure) for measure in results.MEASURES]


def test_best_epochs_stand_beside_the_last_one():
    inputs = inputs_of("one seed")
    run = inputs.runs.set_index("arm").loc["pretrained-published"]
    share, loss = cells(inputs, "pretrained-published")
    value = 100 * run["final_test_balanced_accuracy_running"]
    assert share.last == f"last epoch, 2000 images: {value:.1f}\u202f%"
    assert loss.last == f"last epoch, 2000 images: {run['final_test_loss_running']:.3f}"
    assert [cell.last for cell in cells(inputs, "pretrained")] == ["", ""]
    assert share.last in Page(render(inputs)).html


def test_last_epochs_have_their_interval_or_range_and_leave_out_lost_runs():
    inputs = make_inputs(seeds=10, diverged={("pretrained-published", 27)})
    assert cells(inputs, "pretrained-published")[0].last.endswith("; 9 seeds)")
    few = make_inputs(seeds=3)
    assert cells(few, "pretrained-published")[0].last.endswith("(range of 3 seeds)")


def test_swept_arms_name_the_arm_they_are_compared_with():
    table = results.result_table(inputs_of("sweep"), 50)
    differences = {row[0]: row[2] for row in table.rows[:7] if len(row) == 3}
    cell = differences["Pretrained, corrected, learning rate 0.0003"]
    assert cell.last == "from New, corrected, learning rate 0.0003"
    assert differences["New, corrected, learning rate 0.0003"].text == "reference"


def test_points_outside_the_grid_are_counted_in_the_table():
    inputs = inputs_of("one seed")
    found = landscapes.surfaces(inputs, 50, "trajectory")
    drawn = next(surface for surface in found if surface.drawn)
    assert landscapes.comparison_table([drawn], "trajectory").rows[0][-1] == "0 of 7"
    plane = {**drawn.plane, "path": [[-31.0, 2.0], [4.0, 30.5], [30.0, -30.0], [0.0, 0.0]]}
    moved = dataclasses.replace(drawn, plane=plane)
    assert landscapes.comparison_table([moved], "trajectory").rows[0][-1] == "2 of 4"


def test_the_opening_says_where_a_gap_is_no_evidence():
    inputs = inputs_of("one seed")
    opening = findings.opening(inputs, 50)
    published = next(text for text in opening if "as published" in text)
    others = [text for text in opening if text is not published]
    assert "did not move" in published
    assert others
    assert not any("did not move" in text for text in others)
