"""Held-out images, the epoch that is kept, and averages of weights."""

import numpy as np
import pytest
import torch
from resuming import small_network, small_trainer
from tiny import CPU, EVALUATION, tiny_images, tiny_training
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from tlstudy.config.training import EarlyStopping
from tlstudy.networks.early_stopping import BestEpoch
from tlstudy.networks.evaluation import predict, predict_recalibrated, score, training_mode_loss
from tlstudy.networks.images import held_out_positions, hold_out
from tlstudy.networks.trainer import Trainer, first_epoch_below
from tlstudy.networks.tuning import tune_learning_rate

# Images whose labels say nothing: what is learned of them does not help with others.
NOISE = {"early_stopping": {"share": 0.5, "patience": 3}, "optimiser": {"learning_rate": 0.1}}


def trainer_of_noise(**changes) -> Trainer:
    training = tiny_training(**{"epochs": 40, "batch_size": 8} | NOISE | changes)
    images = tiny_images(training)
    shape, generator = images.train.shape, torch.Generator().manual_seed(0)
    images.train = torch.randint(256, shape, generator=generator).to(torch.uint8)
    held = hold_out(images, training, 26)
    return Trainer(training, small_network(), held, EVALUATION, 26, CPU)


def test_a_share_of_every_class_is_held_out_by_the_seed():
    labels, settings = np.repeat([0, 1, 2, 3], [10, 5, 2, 1]), EarlyStopping(share=0.2)
    found = held_out_positions(labels, settings, 26)
    assert np.bincount(labels[found], minlength=4).tolist() == [2, 1, 1, 0]
    assert list(found) == list(held_out_positions(labels, settings, 26))
    assert list(found) != list(held_out_positions(labels, settings, 27))


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.99])
@pytest.mark.parametrize("size", [20, 50, 53, 500])
def test_how_many_are_trained_on_is_known_before(share, size):
    training = tiny_training(early_stopping={"share": share})
    labels = np.arange(size) % 10
    held = held_out_positions(labels, training.early_stopping, 26)
    assert size - len(held) == training.images_trained_on(size)
    assert tiny_training().images_trained_on(size) == size


def test_images_held_out_are_not_trained_on():
    training = tiny_training(**NOISE)
    images = tiny_images(training)
    numbers = torch.arange(20, dtype=torch.uint8)
    images.train[:] = numbers[:, None, None]
    split = hold_out(images, training, 26)
    seen, held = split.train[:, 0, 0].tolist(), split.held_out.images[:, 0, 0].tolist()
    assert sorted(seen + held) == numbers.tolist()
    assert len(held) == 10
    assert split.held_out.positions.tolist() == held
    assert split.train_labels.tolist() == images.train_labels[seen].tolist()
    assert split.held_out.labels.tolist() == images.train_labels[held].tolist()


def test_it_is_over_once_patience_is():
    best, network = BestEpoch(2), small_network()
    for loss, over in ((2.0, False), (1.0, False), (1.0, False), (np.nan, True)):
        best.after_epoch(network, loss)
        assert best.is_over == over
    assert best.epoch == 2
    assert best.losses[-1] == np.inf


def test_the_best_epoch_s_weights_are_kept_looked_at_and_the_end_of_all_that_is_recorded():
    trainer = trainer_of_noise()
    outcome = trainer.run()
    losses = outcome.held_out_losses
    kept = 1 + int(np.argmin(losses))
    assert len(losses) == kept + 3 < 40
    assert [row["epoch"] for row in outcome.metrics] == list(range(1, kept + 1))
    assert max(row["epoch"] for row in outcome.layers) == kept
    assert len(trainer.moves.trajectory.gram()) == kept + 1
    weights = trainer.moves.trajectory.weights_after(kept)
    torch.testing.assert_close(trainer.flat_weights(), weights)
    images, held = trainer.images, trainer.images.held_out
    batches = [inputs for inputs, _ in trainer.fixed_batches()]
    logits = predict_recalibrated(trainer.kept, held.images, images.inputs, batches)
    assert score(logits, held.labels, "logits").loss == losses[kept - 1]
    tested = score(predict(trainer.kept, images.test, images.inputs), images.test_labels, "logits")
    assert outcome.final["running"] == tested
    assert outcome.metrics[-1]["test_loss_recalibrated"] > 0
    loss = float(training_mode_loss(trainer.kept, trainer.fixed_batches(), "logits"))
    assert outcome.checkpoint_train_loss == loss
    assert len(outcome.train_losses()) == kept + 1
    assert first_epoch_below(outcome.train_losses(), 0.0) is None


def test_the_epochs_are_those_of_a_training_that_is_ended_there():
    early = trainer_of_noise().run()
    kept = len(early.metrics)
    whole = trainer_of_noise(early_stopping={"share": 0.5, "patience": 40}).run()
    for column in ("train_loss", "gradient_norm", "displacement_from_start"):
        found, expected = ([row[column] for row in o.metrics[:kept]] for o in (early, whole))
        assert found == expected


def test_without_an_end_all_epochs_are_run_and_the_best_is_kept():
    outcome = small_trainer(early_stopping={"patience": 50}, epochs=3).run()
    assert len(outcome.held_out_losses) == 3
    assert len(outcome.metrics) == 1 + int(np.argmin(outcome.held_out_losses))


def test_a_training_that_diverges_is_no_result_with_early_stopping_either():
    changes = {"optimiser": {"name": "sgd", "learning_rate": 1e30}}
    outcome = small_trainer(early_stopping={}, **changes).run()
    assert outcome.status == "diverged"
    assert outcome.final == {}


def test_rates_are_tuned_with_early_stopping():
    training = tiny_training(tune_learning_rate=True, epochs=2, early_stopping={"share": 0.5})
    images = hold_out(tiny_images(training, train=40), training, 26)
    found = tune_learning_rate(
        training, [1e-4, 1e-3], 2, small_network, images, 26, CPU, lambda name, work: work()
    )
    assert found["chosen"] in (1e-4, 1e-3)


def test_averages_of_weights_are_what_is_looked_at_and_kept():
    decay, changes = 0.7, {"epochs": 2, "optimiser": {"name": "sgd", "learning_rate": 0.1}}
    plain = small_trainer(**changes)
    reference = AveragedModel(plain.network, multi_avg_fn=get_ema_multi_avg_fn(decay))
    step = plain.optimiser.step

    def followed() -> None:
        step()
        reference.update_parameters(plain.network)

    plain.optimiser.step = followed
    raw = plain.run()
    trainer = small_trainer(weight_average=decay, **changes)
    outcome = trainer.run()
    assert torch.equal(plain.flat_weights(), torch.cat([w.flatten() for w in trainer.weights]))
    assert torch.equal(
        trainer.flat_weights(), torch.cat([w.flatten() for w in reference.module.parameters()])
    )
    assert not torch.equal(trainer.flat_weights(), plain.flat_weights())
    assert [row["train_loss"] for row in outcome.metrics] == [
        row["train_loss"] for row in raw.metrics
    ]
    images = trainer.images
    logits = predict(reference.module, images.test, images.inputs)
    assert outcome.final["running"] == score(logits, images.test_labels, "logits")
    moved = [o.metrics[-1]["displacement_from_start"] for o in (outcome, raw)]
    assert 0 < moved[0] < moved[1]


def test_averages_of_weights_that_are_held_do_not_move():
    trainer = small_trainer(weight_average=0.9, trained="head")
    rows = [row for row in trainer.run().layers if row["epoch"] == 12]
    for row in rows:
        if row["layer"].startswith("6."):
            assert row["displacement_from_start"] > 0
            assert np.isnan(row["predicted_displacement"])
        else:
            assert row["displacement_from_start"] in (0, pytest.approx(np.nan, nan_ok=True))
            assert row["predicted_displacement"] == 0
