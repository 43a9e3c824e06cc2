"""The watcher changes nothing, leaves nothing behind, and ends no training."""

import copy
import csv
import io
import subprocess
import sys

import pytest
import torch
from log_files import read_runs
from torch import nn
from torch.nn import functional
from watched_loop import Loop, examples, hooks, network

import tlstudy


def test_it_changes_no_number():
    torch.manual_seed(8)
    plain = Loop(watched=False).run()
    after = torch.rand(1)
    torch.manual_seed(8)
    watched = Loop(options={"test_images": torch.utils.data.DataLoader(examples(1)[0])}).run()
    assert watched.watch.findings == []
    assert torch.equal(after, torch.rand(1))
    for name, value in plain.model.state_dict().items():
        assert torch.equal(value, watched.model.state_dict()[name]), name


def test_it_leaves_no_hook_behind(nothing_left_behind):
    before = hooks()
    model = network()
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    with tlstudy.watch(model, optimiser, path=None):
        functional.cross_entropy(model(examples(0)[0]), examples(0)[1])
        assert hooks() != before
    assert hooks() == before
    assert not optimiser._optimizer_step_post_hooks
    assert not optimiser._optimizer_step_pre_hooks


def test_copies_and_files_of_the_network_hold_nothing_of_it():
    model = network()
    with tlstudy.watch(model, torch.optim.SGD(model.parameters(), 0.1), path=None) as watch:
        functional.cross_entropy(model(examples(0)[0]), examples(0)[1]).backward()
        torch.save(model, file := io.BytesIO())
        twin = copy.deepcopy(model)
        twin(examples(0)[0])
        assert b"tlstudy" not in file.getvalue()
    assert watch.findings == []


def test_its_table_is_what_the_audit_reads(tmp_path):
    path = tmp_path / "watch.csv"
    loop = Loop(epochs=3, options={"path": path}).run()
    rows = list(csv.DictReader(path.open()))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert float(rows[2]["train_loss"]) < float(rows[0]["train_loss"])
    assert float(rows[2]["learning_rate"]) == 0.05
    assert rows[2]["test_images"] == "32"
    assert 0.25 < float(rows[2]["test_accuracy"]) <= 1
    assert f"tlstudy audit {path} --classes 4" in loop.watch.report()
    [run] = read_runs(path, {}).runs
    assert {"train_loss", "train_accuracy", "gradient_norm"} <= set(run.metrics)


def test_watchers_of_one_process_have_a_table_each(tmp_path):
    path = tmp_path / "watch.csv"
    folds = [Loop(epochs=epochs, options={"path": path}).run().watch for epochs in (1, 2, 3)]
    names = ["watch.csv", "watch-2.csv", "watch-3.csv"]
    for number, (watch, name) in enumerate(zip(folds, names, strict=True), 1):
        assert len(list(csv.DictReader((tmp_path / name).open()))) == number
        assert f"tlstudy audit {tmp_path / name}" in watch.report()
        assert ("is the table of another watcher" in watch.report()) == (number > 1)


def test_the_values_that_it_sees_are_those_of_the_loop(tmp_path):
    inputs, labels = examples(0)
    model = network()
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    losses, right = [], 0
    with tlstudy.watch(model, optimiser, path=None) as watch, watch.epoch():
        for rows in torch.arange(64).split(24):  # the last has 16
            optimiser.zero_grad()
            scores = model(inputs[rows])
            loss = functional.cross_entropy(scores, labels[rows])
            loss.backward()
            optimiser.step()
            losses.append(loss.item() * len(rows))
            right += (scores.argmax(1) == labels[rows]).sum().item()
        watch.log(test_loss=0.5)
    [row] = watch.rows
    assert row["train_loss"] == pytest.approx(sum(losses) / 64, rel=1e-6)
    assert row["train_accuracy"] == right / 64
    assert row["test_loss"] == 0.5
    norms = [parameter.grad.norm() for parameter in model.parameters()]
    assert row["gradient_norm"] == pytest.approx(float(torch.stack(norms).norm()), rel=1e-6)


def test_an_error_of_its_own_does_not_end_the_training(monkeypatch):
    monkeypatch.setattr("tlstudy.watching.hooks.joint_fingerprints", lambda _: 1 / 0)
    loop = Loop().run()
    assert "the watcher failed (ZeroDivisionError" in loop.watch.report()


def test_a_disk_that_is_full_does_not_end_the_training(monkeypatch):
    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr("tlstudy.watching.watcher.write_table", full)
    loop = Loop(options={"path": "nowhere.csv"}).run()
    assert "the watcher failed (OSError: No space left" in loop.watch.report()


def test_values_that_are_no_numbers_do_not_end_the_training():
    model = network()
    with tlstudy.watch(model, torch.optim.SGD(model.parameters(), 0.1), path=None) as watch:
        watch.log(test_accuracy=torch.tensor([0.5, 0.4]))
        watch.end_epoch(note="hello", test_loss=torch.tensor([0.25]))
    [row] = watch.rows
    assert row["test_loss"] == 0.25
    assert not {"note", "test_accuracy"} & set(row)
    report = watch.report()
    assert "the value note: a number is wanted, and it was a str" in report
    assert "Tensor of shape (2,)" in report


def test_what_cannot_be_watched_is_refused_at_the_call(tmp_path):
    before, model = hooks(), network()
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    for wrong in ((optimiser, model), (model, model), (model, []), (model, None)):
        with pytest.raises(TypeError, match="takes a network and then its optimiser"):
            tlstudy.watch(*wrong, path=None)
    with pytest.raises(IsADirectoryError, match="path is a folder"):
        tlstudy.watch(model, optimiser, path=tmp_path)
    for wrong in ({"classes": "ten"}, {"test_images": 3}):
        with pytest.raises(TypeError, match=next(iter(wrong))):
            tlstudy.watch(model, optimiser, path=None, **wrong)
    assert hooks() == before
    tlstudy.watch(model, optimiser, path=tmp_path / "watch.csv").close()


def test_a_network_that_changes_before_the_first_step():
    model = network()
    with tlstudy.watch(model, torch.optim.SGD(model.parameters(), 0.1), path=None) as watch:
        model(examples(0)[0])  # as summaries do
        model[1] = nn.BatchNorm2d(8)
        optimiser = watch._optimisers[0]
        optimiser.add_param_group({"params": list(model[1].parameters())})
        functional.cross_entropy(model(examples(0)[0]), examples(0)[1]).backward()
        optimiser.step()
        watch.end_epoch()
    assert "failed" not in watch.report()
    assert [one.name for one in watch.findings] == ["optimiser-of-other-parameters"]


PROGRAM = """
import sys
import tlstudy
assert "torch" not in sys.modules
tlstudy.watch
assert not {"pandas", "pydantic", "click", "lightning", "transformers"} & set(sys.modules)
import torch
model = torch.nn.Linear(2, 2)
optimiser = torch.optim.SGD(model.parameters(), 0.1)
watch = tlstudy.watch(model, optimiser, path=None)
for _ in range(3):
    model(torch.randn(4, 2)).sum().backward()
    optimiser.step()
"""


def test_it_is_light_and_reports_at_the_end_of_the_process():
    command = [sys.executable, "-c", PROGRAM]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.startswith("tlstudy.watch, 0 epochs, 3 steps: ")


def test_there_is_nothing_else_in_the_package():
    with pytest.raises(AttributeError, match="has no attribute 'watcher'"):
        tlstudy.watcher  # noqa: B018


def test_a_sum_over_a_single_number_ends_no_training():
    """A regression's last batch may be of one example, which squeeze leaves without a length."""
    model = nn.Linear(3, 1)
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    with tlstudy.watch(model, optimiser, path=None) as watch, watch.epoch():
        outputs = model(torch.ones(1, 3)).squeeze()
        functional.mse_loss(outputs, torch.tensor(1.0), reduction="sum").backward()
        optimiser.step()
    assert "failed" not in watch.report()
