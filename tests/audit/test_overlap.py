"""The gap against destroyed local structure, where the gap and what predicts it are known."""

import numpy as np
import pytest
from configurations import changed
from overlap_study import GAPS, SIZE, make_study, make_tables, slope_of
from scipy.stats import rankdata, t

from tlstudy.audit.overlap import overlap_table, rank_correlation, slope
from tlstudy.config.catalogue import figure_names
from tlstudy.config.groups import block_sweeps
from tlstudy.config.study import build_study

MNIST, DIGITS = GAPS


@pytest.fixture(scope="module")
def study():
    return make_study()


@pytest.fixture(scope="module")
def tables(study):
    return make_tables(study)


def test_sweeps_are_found_from_whole_images_to_single_pixels(study):
    sweeps = block_sweeps(study)
    blocks = {images: list(pairs) for images, pairs in sweeps.items()}
    assert blocks == {MNIST: [1, 2, 4, 14, 28], DIGITS: [1, 2, 8]}
    assert sweeps[DIGITS][8] == ("digits-new~block_shuffle=8", "digits-pretrained~block_shuffle=8")
    for pairs in sweeps.values():
        for new, pretrained in pairs.values():
            assert study.arms[new].target == study.arms[pretrained].target
    assert "overlap" in figure_names(study)


@pytest.mark.parametrize(
    "arms",
    [
        {},  # no blocks
        {"new": {"target": {"name": "mnist", "block_shuffle": [2, 4]}}},  # in no pair
        {  # one number of blocks
            "new": {"target": {"name": "mnist", "block_shuffle": 2}},
            "pretrained": {"initialisation": "imagenet", "target": {"block_shuffle": 2}},
        },
    ],
)
def test_a_study_without_a_sweep_over_blocks_has_no_such_figure(arms):
    default = changed("study", "plain")
    default["arms"] = (
        {"new-published": None, "pretrained-published": None, **arms}
        if arms
        else {**default["arms"]}
    )
    found = build_study(default)
    assert block_sweeps(found) == {}
    assert "overlap" not in figure_names(found)


def test_arms_of_a_pair_differ_in_their_start_alone():
    target = {"target": {"name": "digits", "block_shuffle": [None, 2]}}
    arms = {"new": {**target, "epochs": 5}, "pretrained": {**target, "initialisation": "imagenet"}}
    configuration = changed("arms", arms)
    assert block_sweeps(build_study(configuration)) == {}
    arms["new"]["epochs"] = 30
    assert list(block_sweeps(build_study(configuration))[DIGITS]) == [1, 2]
    more = {name: {**arm, "epochs": 5, "group": "short"} for name, arm in arms.items()}
    configuration["arms"] |= {f"{name}-short": arm for name, arm in more.items()}
    assert list(block_sweeps(build_study(configuration))) == [DIGITS, f"{DIGITS}, short"]


def test_gaps_are_taken_within_a_seed(study, tables):
    table = overlap_table(study, tables, SIZE)
    assert len(table) == 8 * len(study.seed)
    for row in table.to_dict("records"):
        whole, _ = GAPS[row["images"]]
        expected = whole + slope_of(row["images"], row["seed"]) * np.log2(row["blocks"])
        assert row["gap"] == pytest.approx(expected)
        assert row["probe"] == pytest.approx(0.1 + expected)
    assert table["images"].unique().tolist() == [MNIST, DIGITS]


@pytest.mark.parametrize("images", GAPS)
def test_the_slope_is_a_seeds_own_with_students_interval(study, tables, images):
    table = overlap_table(study, tables, SIZE)
    found = slope(table[table["images"] == images])
    expected = np.array([slope_of(images, seed) for seed in study.seed])
    reach = t.ppf(0.975, len(expected) - 1) * expected.std(ddof=1) / np.sqrt(len(expected))
    assert found.n == len(study.seed)
    assert found.mean == pytest.approx(expected.mean())
    assert (found.low, found.high) == pytest.approx(
        (expected.mean() - reach, expected.mean() + reach)
    )


def test_a_score_that_orders_the_gaps_has_a_correlation_of_one(study, tables):
    table = overlap_table(study, tables, SIZE)
    for rows in (table, table[table["images"] == DIGITS]):
        assert rank_correlation(rows, "probe").mean == pytest.approx(1)
        assert rank_correlation(rows, "log_evidence").mean == pytest.approx(-1)
        assert rank_correlation(rows, "similarity").n == 0  # the same everywhere


def test_a_correlation_is_that_of_ranks_within_each_seed(study, tables):
    table = overlap_table(study, tables, SIZE)
    table["probe"] = np.random.default_rng(0).normal(size=len(table))
    expected = [
        np.corrcoef(rankdata(rows["gap"]), rankdata(rows["probe"]))[0, 1]
        for _, rows in table.groupby("seed")
    ]
    found = rank_correlation(table, "probe")
    assert found.mean == pytest.approx(np.mean(expected))
    assert (found.smallest, found.largest) == pytest.approx((min(expected), max(expected)))


def test_runs_that_are_missing_leave_their_seed_out(study, tables):
    runs = tables["runs"].copy()
    lost = (runs["arm"] == "mnist-new~block_shuffle=4") & (runs["seed"] == study.seed[0])
    runs.loc[lost, "status"] = "diverged"
    table = overlap_table(study, {**tables, "runs": runs}, SIZE)
    assert slope(table[table["images"] == MNIST]).n == len(study.seed) - 1
    assert slope(table[table["images"] == DIGITS]).n == len(study.seed)
    unmeasured = overlap_table(study, {"runs": runs}, SIZE)
    assert rank_correlation(unmeasured, "probe").n == 0
    assert slope(unmeasured[unmeasured["images"] == DIGITS]).n == len(study.seed)


def test_the_claims_compare_the_gap_on_whole_images_with_that_on_shuffled_pixels(study, tables):
    values = tables["claim-values"].set_index(["claim", "seed"])["value"]
    for claim, images, blocks in (("overlap-mnist", MNIST, 28), ("overlap-digits", DIGITS, 8)):
        for seed in study.seed:
            expected = -slope_of(images, seed) * np.log2(blocks)
            assert values[claim, seed] == pytest.approx(expected)
