"""The table of the curves and the numbers of runs behind it."""

import dataclasses

import numpy as np
import pytest
from reports import Page, fill_runs, inputs_of, make_inputs
from scipy.stats import spearmanr

from tlstudy.config.settings import Study
from tlstudy.report.format import MISSING, loss, number, percent
from tlstudy.report.inputs import Inputs
from tlstudy.report.names import layer_name
from tlstudy.report.page.render import render
from tlstudy.report.sentences import curves, how_it_was_run, review, series


def with_tables(inputs: Inputs, **tables) -> Inputs:
    return dataclasses.replace(inputs, **tables)


def column(inputs: Inputs, arm: str) -> dict[str, str]:
    """The table's values of an arm by measure; few arms, so arms are columns."""
    table = curves.curves_table(inputs, 50)
    place = list(inputs.study.arms).index(arm) + 1
    return {row[0].partition(" (")[0]: row[place] for row in table.rows}


def test_values_are_those_of_the_tables():
    inputs = inputs_of("one seed")
    shown = column(inputs, "pretrained")
    rows = series.of_arm(inputs.metrics, "pretrained", 50).set_index("epoch")
    first, last = rows.iloc[0], rows.iloc[-1]
    ends = f"{loss(first['train_loss'])} to {loss(last['train_loss'])}"
    assert shown["Training loss, first to last epoch"] == ends
    accuracy = percent(last["test_balanced_accuracy_recalibrated"])
    assert shown["Balanced accuracy after the last epoch"] == accuracy
    distance, angle = (last[f"{name}_from_start"] for name in ("displacement", "angle"))
    assert shown["Distance of all weights from the start"] == percent(distance)
    assert shown["Angle of all weights from the start"] == f"{number(angle)}\u00b0"
    layers = series.of_arm(inputs.layers, "pretrained", 50)
    head = layers[(layers["kind"] == "linear-weight") & (layers["epoch"] == 6)]
    assert shown["Distance of the last layer\u2019s weights"] == percent(
        head["displacement_from_start"].median()
    )
    turn = layers[layers["kind"].isin(series.WEIGHT_KINDS)]["angle_from_previous"].max()
    assert f"{number(turn)}\u00b0" in shown["Largest angle that a layer turned in one epoch"]
    gradients = inputs.metrics.assign(gradient_norm=2.0 * inputs.metrics["epoch"])
    added = column(with_tables(inputs, metrics=gradients), "new")
    assert (
        added["Gradient norm, first to last epoch"] == "2.00 to 12.0, adds up (log-log slope 1.00)"
    )


def test_with_early_stopping_each_run_counts_with_its_own_last_epoch():
    inputs = make_inputs(seeds=3, arms={"new": {"early_stopping": {}}})
    metrics, layers = (
        table[(table["seed"] == 26) | (table["epoch"] <= 3)]
        for table in (inputs.metrics, inputs.layers)
    )
    inputs = with_tables(inputs, metrics=metrics, layers=layers)
    ends = metrics.sort_values("epoch").drop_duplicates("seed", keep="last")
    assert sorted(ends["epoch"]) == [3, 3, 6]
    found = series.last(inputs, "new", 50, "train_loss")
    assert found == pytest.approx(ends["train_loss"].median())
    head = layers[layers["kind"] == "linear-weight"].merge(ends[["seed", "epoch"]])
    distance = series.distance_of_kind(inputs, "new", 50, "linear-weight")
    assert distance == pytest.approx(head["displacement_from_start"].median())


def test_untrained_networks_are_no_evidence():
    inputs = inputs_of("one seed")
    assert (
        column(inputs, "new-published")["Distance of all weights from the start"] == "did not move"
    )
    [warning] = how_it_was_run.warnings(inputs)
    assert "\u201cNew, as published\u201d did not move" in warning
    answers = review.review(inputs, 50)[0][1]
    assert ["no evidence on pretraining" in answer for answer in answers] == [True, False]
    moved = inputs.metrics.assign(displacement_from_start=0.1)
    assert how_it_was_run.warnings(with_tables(inputs, metrics=moved)) == []


def test_an_arm_without_runs_yet_is_not_called_unmoved():
    whole = inputs_of("one seed")
    tables = {name: getattr(whole, name) for name in ("metrics", "layers", "runs")}
    inputs = with_tables(
        whole, **{name: table[table["arm"] != "new"] for name, table in tables.items()}
    )
    assert column(inputs, "new")["Distance of all weights from the start"] == MISSING
    [warning] = how_it_was_run.untrained(inputs)
    assert "\u201cNew, as published\u201d" in warning


@pytest.mark.parametrize("arm", ["new", "pretrained"])
def test_a_run_that_diverged_at_once_is_not_called_unmoved(arm):
    whole = inputs_of("one seed")
    metrics, layers, runs = whole.metrics, whole.layers, whole.runs.copy()
    metrics = metrics[(metrics["arm"] != arm) | (metrics["epoch"] == 1)].copy()
    values = metrics.columns.difference(["arm", "subset_size", "seed", "epoch", "test_images"])
    metrics.loc[metrics["arm"] == arm, values] = np.nan
    runs.loc[runs["arm"] == arm, "status"] = "diverged"
    layers = layers[layers["arm"] != arm]
    inputs = with_tables(whole, metrics=metrics, layers=layers, runs=fill_runs(runs))
    label = inputs.study.arms[arm].label
    assert "diverged" in column(inputs, arm)["Distance of all weights from the start"]
    assert not [text for text in how_it_was_run.untrained(inputs) if label in text]
    answers = " ".join(review.review(inputs, 50)[0][1])
    assert f"\u201c{label}\u201d diverged in the first epoch" in answers
    assert Page(render(inputs)).errors == []
    metrics = whole.metrics.copy()
    metrics.loc[(metrics["arm"] == arm) & (metrics["epoch"] > 3), values] = np.nan
    stopped = with_tables(whole, metrics=metrics, runs=fill_runs(runs))
    told = column(stopped, arm)["Distance of all weights from the start"]
    assert "after epoch 3, the last before all had diverged" in told
    later = inputs_of("ten seeds")  # runs that diverged later
    assert not any(series.lost_at_once(later, name, 50) for name in later.study.arms)


def test_only_a_pretrained_arm_against_a_new_one_answers_whether_pretraining_helps():
    arms = {
        "new": {"label": "New", "group": "one"},
        "slower": {"label": "Slower", "group": "one"},
    }
    assert review.review(make_inputs(arms=arms), 50) == []
    pretrained = {name: arm | {"initialisation": "imagenet"} for name, arm in arms.items()}
    claim = {
        "text": "Slower is better.",
        "slide": "Practical Implications",
        "quantity": "balanced_accuracy",
        "arm": "slower",
        "against": "new",
    }
    inputs = make_inputs(arms=pretrained)
    study = Study.model_validate(inputs.study.model_dump() | {"claims": {"slower": claim}})
    claimed = dataclasses.replace(inputs, study=study)
    assert claimed.is_about_slides
    assert review.review(claimed, 50) == []
    assert len(review.review(inputs_of("sweep"), 50)[0][1]) == 3


def test_an_interval_that_contains_zero_is_called_that():
    inputs = inputs_of("ten seeds")
    runs = inputs.runs.copy()
    runs["reported_balanced_accuracy"] = np.tile(np.linspace(0.3, 0.6, 10), 4)
    swinging = np.linspace(0.3, 0.6, 10) + 0.1 * (-1.0) ** np.arange(10)
    runs.loc[runs["arm"] == "pretrained", "reported_balanced_accuracy"] = swinging
    answer = review.review(with_tables(inputs, runs=runs), 50)[0][1][1]
    assert "interval contains zero" in answer
    assert "guessing gives 10.0\u202f%. Its interval lies above" in answer


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
    found = series.heaviest_tensor(inputs, "pretrained", 50)
    assert found.layer == "conv1.weight"
    assert found.share == pytest.approx(100**2 / (100**2 + len(others) * 10**2))
    # All other tensors have the same norm, so theirs is the root mean square.
    expected = np.sqrt((others["displacement_from_start"] ** 2).mean())
    assert found.others == pytest.approx(expected)
    title = curves.OF_MOVED[-1]
    assert column(inputs, "new")[title] == "none"
    shown = f"first convolution: {percent(found.share)}; others moved {percent(found.others)}"
    assert column(inputs, "pretrained")[title] == shown


def test_tensors_that_began_at_zero_do_not_count_among_the_others():
    inputs = with_one_heavy_layer(inputs_of("one seed"))
    expected = series.heaviest_tensor(inputs, "pretrained", 50).others
    zero = ["displacement_from_start", "norm_change_from_start"]
    inputs.layers.loc[inputs.layers["layer"] == "bn1.weight", zero] = np.inf
    found = series.heaviest_tensor(inputs, "pretrained", 50)
    assert found.others == pytest.approx(expected, rel=0.05)


def test_the_rank_correlation_is_scipy_s_of_the_paths_and_the_median_over_seeds():
    generator = np.random.default_rng(26)
    inputs = inputs_of("sizes")
    layers, names = inputs.layers.copy(), ["displacement_from_previous", "predicted_displacement"]
    for name in names:
        # Few distinct values: ranks with ties.
        layers[name] = generator.integers(1, 12, len(layers)) / 128  # sums without rounding
    paths = layers[(layers["arm"] == "new") & (layers["subset_size"] == 50)]
    paths = paths.groupby(["seed", "layer"])[names].sum()
    expected = [
        spearmanr(*(part[name] for name in names)).statistic for _, part in paths.groupby("seed")
    ]
    assert len(expected) > 1
    found = series.step_size_correlation(with_tables(inputs, layers=layers), "new", 50)
    assert found == pytest.approx(np.median(expected), abs=1e-12)


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        ("fc.weight", "last layer\u2019s weights"),
        ("layer3.0.downsample.0.weight", "stage 3, block 1, downsampling"),
        ("layer1.2.conv3.weight", "stage 1, block 3, convolution 3"),
        ("conv1.weight", "first convolution"),
        ("bn1.weight", "first BatchNorm"),
        ("layer2.1.bn3.bias", "stage 2, block 2, BatchNorm 3"),
    ],
)
def test_layers_are_named_in_words(layer, name):
    assert layer_name(layer) == name


def test_layers_are_not_said_to_be_free_where_arms_hold_them():
    arms = {
        "new": {},
        "pretrained": {"initialisation": "imagenet"},
        "head": {"initialisation": "imagenet", "trained": "head"},
    }
    inputs = make_inputs(arms=arms)
    inputs = dataclasses.replace(inputs, study=claimed_of_slides(inputs.study))
    answers = dict(review.review(inputs, 50))[
        "Do only the last layer\u2019s weights need to change?"
    ]
    assert answers[1] == review.HOLDING
    free = {name: arm for name, arm in inputs.study.arms.items() if name != "head"}
    inputs = dataclasses.replace(inputs, study=inputs.study.model_copy(update={"arms": free}))
    answers = dict(review.review(inputs, 50))[
        "Do only the last layer\u2019s weights need to change?"
    ]
    assert answers[1] == review.NOT_HELD


def claimed_of_slides(study: Study) -> Study:
    claim = {"text": "It is better.", "slide": "Practical Implications"}
    claim |= {"quantity": "balanced_accuracy", "arm": "pretrained", "against": "new"}
    return Study.model_validate(study.model_dump() | {"claims": {"better": claim}})


def test_a_run_that_diverged_counts_while_it_lasted_with_early_stopping_too():
    inputs = make_inputs(seeds=3, arms={"new": {"early_stopping": {}}})
    keep = {26: 6, 27: 4, 28: 2}
    metrics, layers = (
        table[table["epoch"] <= table["seed"].map(keep)]
        for table in (inputs.metrics, inputs.layers)
    )
    runs = inputs.runs.assign(status=["finished", "finished", "diverged"])
    inputs = with_tables(inputs, metrics=metrics, layers=layers, runs=runs)
    ends = metrics.sort_values("epoch").drop_duplicates("seed", keep="last").set_index("seed")
    found = series.last(inputs, "new", 50, "train_loss")
    assert found == pytest.approx(ends.loc[[26, 27], "train_loss"].median())
    head = layers[layers["kind"] == "linear-weight"].set_index(["seed", "epoch"])
    expected = head.loc[[(26, 6), (27, 4)], "displacement_from_start"].median()
    distance = series.distance_of_kind(inputs, "new", 50, "linear-weight")
    assert distance == pytest.approx(expected)
