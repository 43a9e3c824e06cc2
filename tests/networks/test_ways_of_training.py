"""Ways of training beside the default one, on a small network."""

import numpy as np
import pytest
import torch
from resuming import small_network, small_trainer
from tiny import CPU, tiny_images, tiny_training
from torch.nn.functional import cross_entropy

from tlstudy.config.training import Trained
from tlstudy.networks.architecture import build_without_values
from tlstudy.networks.build import layer_kinds
from tlstudy.networks.evaluation import loss_of_head
from tlstudy.networks.optimisers import make_schedule
from tlstudy.networks.trained import whole_tensors
from tlstudy.networks.trainer import Trainer


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
    assert rates(1, schedule={"name": "constant", "warm_up": 0.5})[:2] == [0.5, 1.0]
    exact = rates(10, schedule={"name": "constant", "warm_up": 1.1})[10:12]
    assert exact == pytest.approx([11 / 12, 1.0])
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


OPTIMISERS = {
    "adam": {"name": "adam", "weight_decay": 0.5},
    "adamw": {"name": "adamw", "weight_decay": 0.5},
    "sgd": {"name": "sgd", "momentum": 0.9, "weight_decay": 0.5},
}


@pytest.mark.parametrize("trained", [{"top_k": 0.2}, {"random": 0.2}, {"shuffled_top_k": 0.2}])
@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_outside_a_mask_no_weight_moves_in_any_bit(trained, optimiser):
    trainer = small_trainer(epochs=3, trained=trained, optimiser=OPTIMISERS[optimiser])
    before = [weight.detach().clone() for weight in trainer.weights]
    trainer.run()
    moved = [after != start for after, start in zip(trainer.weights, before, strict=True)]
    body = sum(weight.numel() for weight in before[:-2])
    assert sum(int(part.sum()) for part in moved[:-2]) == round(0.2 * body)
    assert bool(moved[-2].all())  # the last layer is trained


def test_the_top_weights_are_those_of_the_largest_gradients():
    trainer = small_trainer(trained={"top_k": 0.2})
    network = small_network()
    batches = trainer.fixed_batches()
    network.train()
    total = sum(len(labels) for _, labels in batches)
    for images, labels in batches:
        (cross_entropy(network(images), labels) * len(labels) / total).backward()
    gradients = torch.cat([weight.grad.abs().flatten() for weight in network.parameters()][:-2])
    limit = gradients.sort(descending=True).values[round(0.2 * len(gradients)) - 1]
    shares = trainer.trained.shares
    sizes = [weight.numel() for weight in trainer.weights]
    parts = gradients.split(sizes[:-2])
    expected = [float((part >= limit * (1 - 1e-4)).double().mean()) for part in parts]
    assert shares[:-2] == pytest.approx(expected, abs=0.02)
    assert list(shares[-2:]) == [1, 1]


def test_a_shuffled_mask_has_as_many_weights_of_each_tensor_at_other_places():
    top, shuffled = (small_trainer(trained={name: 0.2}) for name in ("top_k", "shuffled_top_k"))
    assert list(shuffled.trained.shares) == list(top.trained.shares)
    assert len(set(top.trained.shares[:-2])) > 1
    places = [
        torch.cat([mask.flatten() for _, mask, _ in trainer.trained._masked])
        for trainer in (top, shuffled)
    ]
    assert not torch.equal(*places)


@pytest.mark.parametrize("name", ["random", "shuffled_top_k"])
def test_other_seeds_draw_other_masks_of_the_same_size(name):
    masks = []
    for seed in (26, 27):
        training = tiny_training(trained={name: 0.2})
        trainer = Trainer(training, small_network(), tiny_images(training), None, seed, CPU)
        masks.append(torch.cat([mask.flatten() for _, mask, _ in trainer.trained._masked]))
    assert masks[0].sum() == masks[1].sum()
    assert not torch.equal(*masks)


HELD = {
    "head": ("0.", "1.", "3."),
    "batchnorm": ("0.", "3."),
    "bias": ("0.", "1.weight", "3.weight"),
}


@pytest.mark.parametrize("part", HELD)
def test_what_is_held_is_said_to_be_held_and_does_not_move(part):
    trainer = small_trainer(epochs=2, trained=part, optimiser={"name": "adamw"})
    outcome = trainer.run()
    last = [row for row in outcome.layers if row["epoch"] == 2]
    for row in last:
        held = row["layer"].startswith(HELD[part])
        assert (row["predicted_displacement"] == 0) == held
        moved = row["displacement_from_start"] > 0
        assert moved != held or (np.isnan(row["displacement_from_start"]) and row["norm"] > 0)


@pytest.mark.parametrize(
    ("architecture", "stage", "inside", "outside"),
    [
        ("resnet18", "layer4", "layer4.", "layer3."),
        ("resnet18", "stem", "bn1.", "layer1."),
        ("mobilenet_v3_small", "features.3", "features.3.", "features.4."),
        (
            "vit_b_16",
            "encoder.layers.encoder_layer_3",
            "encoder.layers.encoder_layer_3.",
            "encoder.layers.encoder_layer_4.",
        ),
    ],
)
def test_stages_are_trained_by_name(architecture, stage, inside, outside):
    network = build_without_values(architecture, "3x3", 10, 32)
    kinds = layer_kinds(network)
    whole = whole_tensors(Trained(stages=[stage]), network, kinds)
    trained = {name for name, own in zip(kinds, whole, strict=True) if own}
    head = {name for name, kind in kinds.items() if kind.startswith("linear-")}
    assert len(head) == 2
    assert head < trained
    body = trained - head
    assert any(name.startswith(inside) for name in body)
    assert not any(name.startswith(outside) for name in body)
    assert any(name.startswith(outside) for name in kinds)
    if stage != "stem":
        assert body == {name for name in kinds if name.startswith(inside)}


def test_running_statistics_of_held_layers_still_move():
    """As in PyTorch: a layer whose weights are held is still in training mode."""
    trainer = small_trainer(epochs=1, trained="head")
    before = trainer.network[1].running_mean.clone()
    trainer.run()
    assert not torch.equal(trainer.network[1].running_mean, before)


def test_the_mask_is_found_without_touching_running_statistics():
    trainer = small_trainer(trained={"top_k": 0.2})
    assert bool((trainer.network[1].running_mean == 0).all())
    assert all(weight.grad is None for weight in trainer.weights)


def test_l2_sp_adds_its_gradient_except_to_the_last_layer():
    trainer = small_trainer(l2_sp=0.5)
    start = [weight.detach().clone() for weight in trainer.weights]
    for weight in trainer.weights:
        weight.data.add_(1)
        weight.grad = torch.zeros_like(weight)
    trainer.trained.before_step()
    for weight, before in zip(trainer.weights[:-2], start, strict=False):
        torch.testing.assert_close(weight.grad, 0.5 * (weight.detach() - before))
    assert all(not weight.grad.any() for weight in trainer.weights[-2:])


def test_l2_sp_keeps_weights_near_their_start():
    moved = []
    for strength in (0.0, 1.0):
        trainer = small_trainer(l2_sp=strength, optimiser={"name": "sgd", "learning_rate": 0.1})
        moved.append(trainer.run().metrics[-1]["displacement_from_start"])
    assert moved[1] < moved[0]
