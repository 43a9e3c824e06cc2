"""Ways of training beside the default one, on a small network."""

import numpy as np
import pytest
import torch
from resuming import small_network, small_trainer
from tiny import tiny_images, tiny_training
from torch.nn.functional import cross_entropy

from tlstudy.networks.evaluation import loss_of_head
from tlstudy.networks.optimisers import make_schedule


def rates(steps: int, **changes) -> list[float]:
    """The learning rate of each step of a training of 12 epochs."""
    training = tiny_training(epochs=12, **changes)
    optimiser = torch.optim.SGD(small_network().parameters(), lr=1.0)
    schedule, found = make_schedule(training, optimiser, steps), []
    for _ in range(12 * steps):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        if schedule:
            schedule.step()
    return found


def test_learning_rates_follow_their_schedule():
    assert rates(2) == [1.0] * 24
    cosine = [(1 + np.cos(np.pi * step / 24)) / 2 for step in range(24)]
    assert rates(2, schedule="cosine") == pytest.approx(cosine)
    assert rates(2, schedule="cosine")[-1] > 0
    falls = rates(2, schedule={"name": "step", "every": 5, "factor": 0.5})
    assert falls == pytest.approx([1.0] * 10 + [0.5] * 10 + [0.25] * 4)
    rises = rates(2, schedule={"name": "constant", "warm_up": 1.5})
    assert rises == pytest.approx([0.25, 0.5, 0.75] + [1.0] * 21)
    both = rates(2, schedule={"name": "cosine", "warm_up": 1.5})
    assert both[:3] == pytest.approx([0.25, 0.5, 0.75])
    assert both[3] == 1.0
    assert both[3:] == sorted(both[3:], reverse=True)


def test_the_prediction_of_adams_displacement_follows_the_schedule():
    plain, falling = small_trainer(), small_trainer(schedule="cosine")
    plain.run()
    falling.run()
    assert plain.full_steps == 3
    assert falling.full_steps == pytest.approx(sum(rates(3, schedule="cosine")[-3:]))


def test_a_clipped_gradient_moves_weights_by_no_more_than_its_limit():
    clip, rate = 0.01, 0.5
    optimiser = {"name": "sgd", "learning_rate": rate}
    trainer = small_trainer(epochs=1, gradient_clip=clip, optimiser=optimiser, batch_size=64)
    before = trainer.flat_weights()
    outcome = trainer.run()
    moved = float((trainer.flat_weights() - before).norm())
    assert moved == pytest.approx(clip * rate, rel=1e-4)
    assert outcome.metrics[0]["gradient_norm"] > 2 * clip  # that before it was clipped


def test_smoothed_labels_change_the_steps_and_not_what_is_recorded():
    training = tiny_training()
    images = tiny_images(training)
    logits = small_network()(images.inputs(images.train)).detach()
    smoothed = loss_of_head(logits, images.train_labels, "logits", 0.2)
    uniform = -logits.log_softmax(dim=1).mean()
    plain = cross_entropy(logits, images.train_labels)
    assert float(smoothed) == pytest.approx(float(0.8 * plain + 0.2 * uniform), rel=1e-5)
    rows = [small_trainer(epochs=2, label_smoothing=s).run().metrics for s in (0.0, 0.2)]
    losses = [[row["train_loss"] for row in each] for each in rows]
    assert losses[0][0] == pytest.approx(losses[1][0], rel=0.05)
    assert losses[0][1] != losses[1][1]
