"""Checkpoints: a training that was ended goes on and ends the same; none that is wrong is used."""

import errno
import fcntl
import os
import pickle
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from killing import killed
from resuming import (
    after_every_epoch,
    assert_same,
    end_after,
    resumed,
    scratch_in,
    small_network,
    small_trainer,
    uninterrupted,
)
from tiny import CPU, tiny_images, tiny_training

from tlstudy.networks import checkpoint
from tlstudy.networks.tuning import tune_learning_rate
from tlstudy.storage.scratch import LOCK, MANIFEST

KILLS = 20
PROTOCOLS = {
    "new": {},
    "published": {"optimiser_holds": "another-network", "head": "softmax"},
    "rescaled": {"rescaling": {"factor": 0.5, "learning_rate_factor": 0.5}},
    "momentum": {"optimiser": {"name": "sgd", "momentum": 0.9}},
    "bfloat16": {"precision": "bfloat16", "optimiser": {"weight_decay": 0.1}},
    "nesterov": {"optimiser": {"name": "sgd", "momentum": 0.9, "nesterov": True}},
    "cosine": {"optimiser": {"name": "adamw"}, "schedule": {"name": "cosine", "warm_up": 2.5}},
    "falling": {"schedule": {"name": "step", "every": 5}, "gradient_clip": 0.1},
    "head": {"trained": "head"},
    "masked": {
        "trained": {"top_k": 0.2},
        "optimiser": {"name": "adamw", "weight_decay": 0.5},
        "l2_sp": 0.1,
    },
    "drawn": {"trained": {"random": 0.2}, "optimiser": {"name": "sgd", "momentum": 0.9}},
    "shuffled": {"trained": {"shuffled_top_k": 0.2}},
    "smoothed": {"label_smoothing": 0.1},
    "averaged": {"weight_average": 0.9, "optimiser": {"name": "sgd", "momentum": 0.9}},
    "augmented": {"augmentation": ["rotation", "shift", "erasing"]},
    "stopping": {"early_stopping": {"patience": 11}},
    "all": {
        "early_stopping": {"patience": 11},
        "weight_average": 0.8,
        "augmentation": ["resized-crop"],
        "schedule": "cosine",
        "trained": "batchnorm",
    },
    "diverging": {"optimiser": {"name": "sgd", "learning_rate": 1e4}, "rescaling": {"factor": 1e3}},
}


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


def train(folder: Path, changes: dict) -> None:
    """Work for a process: train from where the last one was ended, leave the results."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    after_every_epoch()
    began = time.process_time()
    found = resumed(folder / "scratch", **changes)
    (folder / "results").write_bytes(pickle.dumps((*found, time.process_time() - began)))


def taken(folder: Path) -> tuple[dict, list[int], float]:
    """Results that a process left, the epochs after which it was resumed, seconds it took."""
    content = (folder / "results").read_bytes()
    (folder / "results").unlink()
    return pickle.loads(content)


@pytest.mark.parametrize("protocol", ["new", "published"])
def test_killed_at_twenty_random_moments_it_ends_the_same_to_the_last_digit(protocol, tmp_path):
    changes, scratch = PROTOCOLS[protocol], tmp_path / "scratch"
    assert not killed(None, train, tmp_path, changes)
    expected, never, took = taken(tmp_path)
    assert never == []
    assert_same(expected, uninterrupted(**changes))
    moments, kills, after = np.random.default_rng(26), 0, set()
    while kills < KILLS or scratch.exists():
        limit = moments.uniform(0, took) if kills < KILLS else None
        if killed(limit, train, tmp_path, changes):
            kills += 1
        elif (tmp_path / "results").exists():
            found, epochs, _ = taken(tmp_path)
            assert_same(found, expected)
            after |= set(epochs)
    assert len(after) > 3


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_kind_of_training_goes_on_as_if_it_had_never_ended(protocol, tmp_path):
    changes, expected = PROTOCOLS[protocol], uninterrupted(**PROTOCOLS[protocol])
    diverges = protocol == "diverging"
    assert expected["status"] == ("diverged" if diverges else "finished")
    assert len(expected["metrics"]) > 1
    epochs = 1 if diverges else 11
    end_after(epochs, tmp_path / "scratch", **changes)
    found, after = resumed(tmp_path / "scratch", **changes)
    assert_same(found, expected)
    assert after == [epochs]
    assert not (tmp_path / "scratch").exists()


def test_a_tensor_lies_in_memory_as_before(tmp_path):
    end_after(2, tmp_path / "scratch")
    trainer, plain = small_trainer(), small_trainer(epochs=2)
    with scratch_in(tmp_path / "scratch") as scratch:
        checkpoint.restore(trainer, scratch)
    plain.run()
    states = [[t.optimiser.state[weight] for weight in t.weights] for t in (trainer, plain)]
    for found, expected in zip(*states, strict=True):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            assert found[key].stride() == value.stride()
            assert torch.equal(found[key], value)
    assert any(not weight.is_contiguous() for weight in trainer.weights)


@pytest.mark.parametrize("name", ["path-3.safetensors", "state-5.safetensors"])
@pytest.mark.parametrize("cut_off", [False, True])
def test_a_checkpoint_that_lacks_a_file_or_a_part_of_one_is_not_used(
    name, cut_off, tmp_path, caplog
):
    end_after(5, tmp_path)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).unlink()
    if cut_off:
        (tmp_path / name).write_bytes(content[:-1])
    found, after = resumed(tmp_path)
    assert f"{name}: missing or cut off; the run starts anew" in caplog.text
    assert after == []
    assert_same(found, uninterrupted())


@pytest.mark.parametrize("content", ["checksum\n{}", "{}", "null", "[]", None])
def test_a_manifest_of_an_earlier_version_or_one_that_cannot_be_read_is_not_used(
    tmp_path, caplog, content
):
    end_after(5, tmp_path)
    (tmp_path / MANIFEST).unlink()
    if content is not None:
        (tmp_path / MANIFEST).write_text(content)
    else:
        (tmp_path / MANIFEST).mkdir()
    assert resumed(tmp_path)[1] == []
    assert "manifest: cannot be read; the run starts anew" in caplog.text


def test_what_was_kept_for_another_run_or_half_written_is_not_used(tmp_path, caplog):
    end_after(5, tmp_path)
    (tmp_path / ".state-6.safetensors.x").write_bytes(b"half")
    (tmp_path / "path-6.safetensors").write_bytes(b"of no checkpoint")
    with scratch_in(tmp_path) as scratch:
        assert scratch.checkpoint["epochs"] == 5
    kept = {"state-5.safetensors", *(f"path-{epoch}.safetensors" for epoch in range(1, 6))}
    assert {file.name for file in tmp_path.iterdir()} == {LOCK, MANIFEST} | kept
    with scratch_in(tmp_path, code="b", threads=2) as scratch:
        assert scratch.checkpoint is None
        assert {file.name for file in tmp_path.iterdir()} == {LOCK, MANIFEST}
    assert "was kept for a run of other code, threads; the run starts anew" in caplog.text


def test_a_second_process_at_the_same_run_trains_without_and_spoils_nothing(tmp_path, caplog):
    end_after(5, tmp_path)
    with scratch_in(tmp_path) as holder:
        found, after = resumed(tmp_path)
        assert "another process holds it" in caplog.text
        assert after == []
        assert_same(found, uninterrupted())
        assert holder.tensors("state-5.safetensors")
    assert resumed(tmp_path)[1] == [5]


def test_a_scratch_that_cannot_be_written_costs_checkpoints_only(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    assert_same(resumed(tmp_path / "file" / "scratch")[0], uninterrupted())
    assert "scratch: no checkpoints are kept (" in caplog.text


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_a_scratch_without_locks_costs_checkpoints_only(tmp_path, monkeypatch, caplog, number):
    """As network disks and those of containers: no lock of another kind may stay after a kill."""

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with scratch_in(tmp_path) as scratch:
        assert not scratch.held
        scratch.keep({"epochs": 1}, {})
    assert {file.name for file in tmp_path.iterdir()} <= {LOCK}
    assert "no checkpoints are kept (" in caplog.text


def test_checkpoints_are_rare_enough_to_cost_little(tmp_path, monkeypatch):
    """Each takes as long as ten epochs here and may take a fifth of the time."""
    now, epoch = 0.0, 0
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: now)
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 30)
    monkeypatch.setattr(checkpoint, "SHARE", 0.2)
    kept = []

    def keep(trainer, outcome, scratch):
        nonlocal now
        kept.append(epoch)
        now += 10

    monkeypatch.setattr(checkpoint, "keep", keep)
    keeper = checkpoint.Keeper(None, None)
    for _ in range(199):
        epoch += 1
        now += 1
        keeper.after_epoch(None)
    assert kept == [30, 80, 130, 180]


def test_folds_that_were_scored_are_not_trained_again(tmp_path):
    training = tiny_training(tune_learning_rate=True, epochs=1)
    images = tiny_images(training)

    def tune(scratch, most: int):
        left = iter(range(most))

        def start():
            if next(left, None) is None:
                raise InterruptedError
            return small_network()

        rates, folds = [1e-4, 1e-3], 2
        return tune_learning_rate(training, rates, folds, start, images, 26, CPU, scratch.value)

    with scratch_in(tmp_path) as scratch, pytest.raises(InterruptedError):
        tune(scratch, 3)
    with scratch_in(tmp_path) as scratch:
        found = tune(scratch, 1)
        assert scratch.resumed_after_epochs == [0]
    with scratch_in(tmp_path / "other") as scratch:
        assert found == tune(scratch, 4)


def test_times_add_up_over_processes(tmp_path, monkeypatch):
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    for process in range(3):
        with scratch_in(tmp_path) as scratch:
            now += 100
            scratch.value(str(process), lambda: 0)
    assert scratch.seconds() == 300
