"""The timing of steps and looks: what it does, not how long that takes."""

import pytest
import torch

from tlstudy.jobs import timing
from tlstudy.jobs.speed import Kind
from tlstudy.networks.trainer import Trainer

STEPS = Kind("training", "resnet18", 32, "float32", images=4)
LOOKS = Kind("evaluation", "resnet18", 32, "bfloat16")


@pytest.mark.parametrize(("seconds", "epochs"), [(0, 2), (1e9, 3)])
def test_steps_and_looks_are_those_of_the_trainer(monkeypatch, seconds, epochs):
    """Until enough was timed, or all epochs are done; the first warms up."""
    monkeypatch.setattr(timing, "SECONDS", seconds)
    monkeypatch.setattr(timing, "MOST_EPOCHS", 3)
    seen, run = [], Trainer._epoch

    def epoch(trainer, number, outcome):
        seen.append((trainer.training.architecture, len(trainer.images.train)))
        return run(trainer, number, outcome)

    monkeypatch.setattr(Trainer, "_epoch", epoch)
    found = timing.time_work(STEPS, LOOKS, torch.device("cpu"))
    assert seen == [("resnet18", 4)] * epochs
    assert found.training > 0
    assert found.evaluation > 0
    assert found.bookkeeping >= 0


def test_large_images_are_timed_with_few(monkeypatch):
    sizes = []

    def images(number, tested, size, device):
        sizes.append((number, tested))
        raise RuntimeError

    monkeypatch.setattr(timing, "_made_images", images)
    for size in (32, 128, 256):
        steps = Kind("training", "resnet50", size, "float32", images=64)
        with pytest.raises(RuntimeError):
            timing.time_work(steps, LOOKS, torch.device("cpu"))
    assert sizes == [(64, 64), (32, 64), (8, 16)]
