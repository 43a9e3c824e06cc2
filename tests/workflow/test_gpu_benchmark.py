"""The check and timing of a GPU: all its parts on a processor, with a small network."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from resuming import small_network

from benchmarks import computing, gpu, gpu_checks, gpu_times, limits, pairs, plain
from benchmarks.computing import tiny
from benchmarks.table import table_text
from benchmarks.work import Work

OPTIONS = ["--device", "cpu", "--tiny", "--turns", "1", "--threads", "1"]


@pytest.fixture
def work(cache) -> Work:
    return tiny(Work(cache, threads=1, epochs=2))


@pytest.fixture
def call(cache, tmp_path, monkeypatch):
    """Calls the command; gives its exit status, what it printed, and its file."""
    monkeypatch.setattr(limits, "COPIED_BYTES", 2**20)

    def run(*options: str) -> tuple[int, str, dict]:
        file = tmp_path / "figures.json"
        at = ["--cache", str(cache), "--json", str(file)]
        result = CliRunner().invoke(gpu.main, [*OPTIONS, *at, *options])
        return result.exit_code, result.output, json.loads(file.read_text())

    return run


@pytest.fixture(autouse=True)
def _smaller_network(monkeypatch, request):
    """Eleven million weights take seconds an epoch to be measured."""
    if "slow" in request.keywords:
        return

    def made(_: str, state: dict) -> torch.nn.Module:
        network = small_network()
        network.load_state_dict(state)
        return network

    monkeypatch.setattr(Work, "network", lambda _: small_network())
    monkeypatch.setattr(plain, "network", made)


@pytest.fixture
def _in_this_process(monkeypatch):
    """Others would take seconds each to import PyTorch."""

    def turns(ways: list[pairs.Way], turns: int) -> list[pairs.Way]:
        for way in ways:
            way.every, way.seconds = [way.prepare(*way.arguments)()], [2.0] * turns
        return ways

    def once(prepare, arguments) -> float:
        prepare(*arguments)  # the same work as in turns
        return 0.5

    monkeypatch.setattr(computing, "take_turns", turns)
    monkeypatch.setattr(gpu_checks, "apart", lambda function, *given: function(*given))
    monkeypatch.setattr(gpu_times, "once", once)
    monkeypatch.setattr(
        gpu_times, "at_once", lambda prepare, given, count, turns: [once(prepare, given)] * turns
    )


@pytest.mark.usefixtures("_in_this_process")
def test_all_parts_work_and_are_in_one_file(call):
    status, output, found = call()
    assert status == 0, output
    assert found["left_out"] == []
    assert found["failed"] == {}
    assert list(found["seconds"]) == list(gpu.PARTS)
    assert all(row["passed"] for row in found["checks"])
    assert len(found["checks"]) == 3 + len(gpu_checks.MOST_DIFFERENCE)
    rows = pd.DataFrame(found["rows"])
    assert table_text(found["limits"], rows) in output
    assert set(rows["part"].dropna()) == {
        *("whole run", "training step", "test pass", "landscape grid")
    }
    rates = rows[rows["unit"] == "runs/h"]
    assert list(rates["value"]) == [7200]  # each run takes half a second

    assert found["environment"]["torch"]
    targets = rows.dropna(subset="target")
    assert set(targets["unit"]) == {"ms", "images/s", "times faster"}


def test_where_there_is_no_gpu_it_says_what_to_type_and_fails(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    file = tmp_path / "figures.json"
    result = CliRunner().invoke(gpu.main, ["--json", str(file)])
    assert result.exit_code == 1
    assert "make benchmark" in result.output
    assert not file.exists()


def test_parts_that_are_not_begun_in_time_are_named(call, monkeypatch):
    clock = [0.0]

    def slow(*_):
        clock[0] += 70
        yield gpu_checks.check("slow", 0, 0)

    monkeypatch.setattr(gpu.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(gpu, "PARTS", {"slow": slow, "one": slow, "other": slow})
    status, output, found = call("--minutes", "1")
    assert status == 0
    assert found["left_out"] == ["one", "other"]
    assert "one, other" in output
    assert len(found["checks"]) == 1


def test_what_fails_is_told_and_the_others_go_on(call, monkeypatch):
    def breaks(*_):
        yield gpu_checks.check("before", 1, 1)
        raise RuntimeError("no deterministic implementation")

    def fails(*_):
        yield gpu_checks.check("cosine", 0.9, 0.99, most=False)

    monkeypatch.setattr(gpu, "PARTS", {"breaks": breaks})
    status, output, found = call()
    assert status == 1
    assert found["failed"] == {"breaks": "RuntimeError: no deterministic implementation"}
    assert "FAILED breaks" in output
    monkeypatch.setattr(gpu, "PARTS", {"fails": fails})
    status, output, found = call()
    assert status == 1
    assert [row["passed"] for row in found["checks"]] == [False]
    assert "FAILED cosine: 0.9 (at least 0.99)" in output


def test_a_call_that_is_ended_leaves_what_it_measured(call, monkeypatch, tmp_path):
    def ended(*_):
        yield gpu_checks.check("before", 0, 0)
        raise KeyboardInterrupt

    monkeypatch.setattr(gpu, "PARTS", {"ended": ended, "other": ended})
    status, _, found = call()
    assert status == 1
    assert [row["check"] for row in found["checks"]] == ["before"]
    assert found["left_out"] == ["ended", "other"]


def test_every_number_that_differs_is_counted(work, monkeypatch):
    once = dict(gpu_checks.numbers_of_run(replace(work, test_images=10)))
    assert {"metrics 1 train_loss", "layers 0 norm", "6.weight", "1.running_mean"} < set(once)
    assert not any("seconds" in name for name in once)
    monkeypatch.setattr(gpu_checks, "_first_run", lambda work: once)
    for changed in ({}, {"metrics 1 train_loss": (0.5).hex(), "6.weight": "other"}):
        monkeypatch.setattr(gpu_checks, "apart", lambda *_, new=changed: once | new)
        [row] = gpu_checks.run_again(work)
        assert (row["found"], row["passed"]) == (len(changed), not changed)
    monkeypatch.setattr(gpu_checks, "apart", lambda *_: {})
    with pytest.raises(RuntimeError, match="other numbers"):
        list(gpu_checks.run_again(work))


def test_a_run_that_starts_anew_does_not_pass_as_resumed(work, monkeypatch):
    scratch, folders = gpu_checks._scratch, iter(("one", "other"))
    monkeypatch.setattr(
        gpu_checks, "_scratch", lambda name: scratch(str(Path(name) / next(folders)))
    )
    with pytest.raises(RuntimeError, match="resumed after epochs"):
        gpu_checks.numbers_of_resumed_run(replace(work, epochs=3, test_images=10))


def test_processes_work_at_once_after_a_warm_up():
    assert len(pairs.at_once(partial, (next, iter(range(3))), 2, 2)) == 2
    with pytest.raises(StopIteration):
        pairs.at_once(partial, (next, iter(range(2))), 1, 2)
    assert pairs.apart(sorted, [2, 1]) == [1, 2]
    assert pairs.once(partial, (dict,)) >= 0


@pytest.mark.slow
def test_the_command_works_in_processes_of_its_own(call):
    status, output, found = call("--minutes", "60")
    assert status == 0, output
    assert found["left_out"] == []
