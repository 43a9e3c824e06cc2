"""The benchmark: its ways compute the same numbers, and it runs from end to end."""

import json
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from benchmarks import (
    commands,
    computing,
    exactness,
    landscapes,
    limits,
    made,
    pairs,
    runs,
    scale,
)
from benchmarks.__main__ import main
from benchmarks.computing import tiny
from benchmarks.figures import figure
from benchmarks.table import table_text
from benchmarks.work import Work
from tlstudy import cli
from tlstudy.config.study import runs as study_runs
from tlstudy.jobs import paths
from tlstudy.steps import aggregate

LIMITS = {"operations_per_second": {"float32": 1e9}, "bytes_per_second": 1e9}


@pytest.fixture(scope="module")
def work(cache) -> Work:
    return tiny(Work(cache, threads=1, epochs=2))


def test_the_plain_loop_and_ours_compute_the_same_run(work):
    plain, ours = runs.plain_run(work)(), runs.our_run(work, "float32")()
    assert runs.largest_difference(ours["rows"], plain["rows"]) < 0.01  # rounding grows with steps
    assert ours["rows"][0]["train_loss"] == pytest.approx(plain["rows"][0]["train_loss"], rel=1e-5)
    for row, other in zip(ours["rows"], plain["rows"], strict=True):
        assert row["train_balanced_accuracy"] == pytest.approx(other["train_balanced_accuracy"])
    ours["rows"][1]["gradient_norm"] *= 1.1
    assert runs.largest_difference(ours["rows"], plain["rows"]) > 0.09


def test_the_plain_grid_and_ours_have_the_same_losses(work):
    plain, ours = landscapes.plain_grid(work)(), landscapes.our_grid(work)()
    assert landscapes.difference_of_grids(ours["losses"], plain["losses"]) < 1e-3


def test_our_plane_agrees_with_singular_values_in_float64(work, monkeypatch):
    few = [point[:100_000] for point in landscapes.path_of_weights(work)]
    monkeypatch.setattr(landscapes, "path_of_weights", lambda work: few)
    path = np.stack(few).astype(np.float64)
    left, values, _ = np.linalg.svd(path - path.mean(axis=0), full_matrices=False)
    exact = {
        "explained": (values**2 / (values**2).sum())[:2],
        "coordinates": (left * values)[:, :2],
    }
    plane = landscapes.our_plane(work)()
    assert landscapes.difference_of_planes(plane, exact) < 1e-8
    np.testing.assert_allclose(plane["length"], 1, rtol=1e-6)


def test_our_batchnorm_makes_the_first_gradient_exact(work):
    found = exactness.cosines(exactness.Start(work, None))
    assert list(found) == [exactness.OURS, exactness.NATIVE, exactness.FIRST]
    assert found[exactness.OURS] > 0.9999
    assert found[exactness.FIRST] > 0.9999


def test_ways_take_turns_after_a_warm_up():
    """Each turn of a way gives the next number."""
    ways = [pairs.Way(name, partial, (next, iter(range(1, 9)))) for name in ("one", "other")]
    one, other = pairs.take_turns(ways, 3)
    assert one.every == [2, 3, 4]
    assert len(other.seconds) == 3
    assert one.warm_up > 0


def test_the_command_writes_its_figures_with_what_they_were_measured_on(
    cache, tmp_path, monkeypatch
):
    def once(ways: list[pairs.Way], turns: int) -> list[pairs.Way]:
        """In this process: others would take seconds to import PyTorch."""
        for way in ways:
            way.every, way.seconds = [way.prepare(*way.arguments)()], [1.0] * turns
        return ways

    monkeypatch.setattr(computing, "take_turns", once)
    monkeypatch.setattr(limits, "MATRIX", {"cpu": 512})
    monkeypatch.setattr(limits, "COPIED_BYTES", 2**20)
    file = tmp_path / "figures.json"
    options = ["--tiny", "--part", "landscape", "--turns", "1", "--device", "cpu", "--threads", "1"]
    result = CliRunner().invoke(main, [*options, "--cache", str(cache), "--json", str(file)])
    assert result.exit_code == 0, result.output
    assert "| landscape grid | plain loop |" in result.output
    figures = json.loads(file.read_text())
    assert figures["limits"]["operations_per_second"]["float32"] > 0
    assert {row["part"] for row in figures["rows"]} == {"landscape grid"}
    assert figures["environment"]["torch"]


def test_a_figure_is_the_median_of_its_turns_beside_its_target():
    rate = figure("rate", [3.0, 1.0, 2.0], "runs a second", 10_000, most=False)
    text = table_text(LIMITS, pd.DataFrame([rate, figure("weight", [4.0], "MB", 15.0)]))
    assert "| rate | 2 (1 to 3) | runs a second | at least 10,000 |" in text
    assert "| weight | 4 (4 to 4) | MB | at most 15 |" in text


def test_a_command_is_timed_with_its_own_memory_and_not_that_of_who_starts_it(tmp_path):
    ours = np.ones(40_000_000)  # 305 MiB
    spent = commands.run(
        commands.python("x = bytearray(100 << 20); print('made')"), tmp_path, "made"
    )
    assert 100 < spent.peak_mib < 200 < ours.nbytes / 2**20
    assert spent.cpu_seconds > 0
    with pytest.raises(RuntimeError, match="no such thing"):
        commands.run(commands.python("raise SystemExit('no such thing')"), tmp_path)
    with pytest.raises(RuntimeError, match="hello"):
        commands.run(commands.python("print('hello')"), tmp_path, says="good bye")


def test_the_tables_of_made_runs_are_timed_and_are_those_of_the_plain_loop(
    cache, tmp_path, monkeypatch
):
    done = []

    def here(command: list[str], folder: Path) -> commands.Spent:
        """In this process: each other would take seconds to import pandas."""
        done.append(command)
        monkeypatch.setattr(sys, "argv", ["-c", command[-1]])
        if command[1] == "-c":
            exec(command[2], {})
        else:
            assert CliRunner().invoke(cli.main, command[3:]).exit_code == 0
        return commands.Spent(1.0, 1.0, 100.0)

    monkeypatch.setattr(aggregate, "Examiner", aggregate.Examiner)  # one way replaces it
    monkeypatch.setattr(scale, "run", here)
    rows = list(scale.tables(tmp_path, cache, scale.TINY, turns=1))
    names = {row["name"] for row in rows}
    assert {"tables of 2 runs, as it is", "tables of 8 runs, as it is"} < names
    assert [row["value"] for row in rows if row["unit"] == "values"] == [0]
    assert len(done) == 3 * 2 + 1  # ways of ours for two numbers of runs, and the plain loop


def test_a_dry_run_is_timed_of_as_many_runs_as_asked_for(cache, tmp_path):
    row, _ = scale.planned(tmp_path, cache, scale.TINY, turns=1)
    assert row["name"] == "snakemake --dry-run of 8 runs"
    assert row["target"] == 20


def test_made_results_are_called_made(cache, tmp_path):
    study = made.make_results(tmp_path, cache, 2)
    record = json.loads((paths.folder_of_run(study, study_runs(study)[1]) / "run.json").read_text())
    assert record["device"] == record["weights"]["description"] == made.MADE
