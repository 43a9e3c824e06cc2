"""The benchmark: its ways compute the same numbers, and it runs from end to end."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import landscapes, pairs, runs
from benchmarks.__main__ import main
from benchmarks.computing import tiny
from benchmarks.work import Work


@pytest.fixture(scope="module")
def work(cache) -> Work:
    return tiny(Work(cache, threads=1, epochs=2))


def test_the_plain_loop_and_ours_compute_the_same_run(work):
    plain, ours = runs.plain_run(work)(), runs.our_run(work, "float32")()
    assert runs.largest_difference(ours["rows"], plain["rows"]) < 0.01  # rounding grows with steps
    assert ours["rows"][0]["train_loss"] == pytest.approx(plain["rows"][0]["train_loss"], rel=1e-5)
    for row, other in zip(ours["rows"], plain["rows"], strict=True):
        assert row["train_balanced_accuracy"] == pytest.approx(other["train_balanced_accuracy"])


def test_another_run_is_seen_to_be_another(work):
    plain, ours = runs.plain_run(work)()["rows"], runs.our_run(work, "float32")()["rows"]
    ours[1]["gradient_norm"] *= 1.1
    assert runs.largest_difference(ours, plain) > 0.09


def test_the_plain_grid_and_ours_have_the_same_losses(work):
    plain, ours = landscapes.plain_grid(work)(), landscapes.our_grid(work)()
    assert landscapes.difference_of_grids(ours["losses"], plain["losses"]) < 1e-3


def test_our_plane_agrees_with_singular_values_in_float64(work):
    path = np.stack(landscapes.path_of_weights(work)).astype(np.float64)
    left, values, _ = np.linalg.svd(path - path.mean(axis=0), full_matrices=False)
    exact = {
        "explained": (values**2 / (values**2).sum())[:2],
        "coordinates": (left * values)[:, :2],
    }
    plane = landscapes.our_plane(work)()
    assert landscapes.difference_of_planes(plane, exact) < 1e-8
    np.testing.assert_allclose(plane["length"], 1, rtol=1e-6)


def test_ways_take_turns_after_a_warm_up():
    one, other = pairs.take_turns([pairs.Way("one", _counting), pairs.Way("other", _counting)], 3)
    assert [numbers["turn"] for numbers in one.every] == [2, 3, 4]
    assert len(other.seconds) == 3
    assert one.warm_up > 0


def _counting():
    turns = iter(range(1, 9))
    return lambda: {"turn": next(turns)}


def test_the_command_writes_its_figures_with_what_they_were_measured_on(cache, tmp_path):
    file = tmp_path / "figures.json"
    options = ["--tiny", "--part", "plane", "--turns", "1", "--device", "cpu"]
    result = CliRunner().invoke(main, [*options, "--cache", str(cache), "--json", str(file)])
    assert result.exit_code == 0, result.output
    assert "| trajectory plane | Gram matrix |" in result.output
    figures = json.loads(file.read_text())
    assert figures["limits"]["operations_per_second"]["float32"] > 1e9
    assert {row["part"] for row in figures["rows"]} == {"trajectory plane"}
    assert figures["environment"]["torch"]
