"""What the watcher makes of the values of a loss."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from watched_loop import examples, network

import tlstudy


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("ignored", [-100, 3])
def test_labels_that_the_loss_ignores_count_for_nothing(reduction, ignored):
    inputs, labels = examples(0)
    labels = labels.where(torch.arange(64) % 5 < 3, ignored)
    labels[48:] = ignored  # the whole last batch
    model, scores = network(), []
    loss = nn.CrossEntropyLoss(ignore_index=ignored, reduction=reduction)
    optimiser = torch.optim.SGD(model.parameters(), 0.0)
    with tlstudy.watch(model, optimiser, path=None) as watch, watch.epoch():
        for rows in torch.arange(64).split(24):
            scores.append(model(inputs[rows]))
            loss(scores[-1], labels[rows]).sum().backward()
            optimiser.step()
    [row], scores, counted = watch.rows, torch.cat(scores), labels != ignored
    right = scores.argmax(1)[counted] == labels[counted]
    assert row["train_accuracy"] == pytest.approx(right.double().mean())
    expected = functional.cross_entropy(scores[counted].detach(), labels[counted])
    assert row["train_loss"] == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize("reduction", ["sum", "none"])
def test_a_batch_of_images_without_any_label_has_no_loss(reduction):
    torch.manual_seed(0)
    model = nn.Conv2d(1, 3, 1)
    optimiser = torch.optim.SGD(model.parameters(), 0.0)
    loss = nn.CrossEntropyLoss(reduction=reduction)
    images, labels = torch.rand(4, 1, 5, 5), torch.randint(3, (4, 5, 5))
    labels[2:] = -100  # the second batch
    with tlstudy.watch(model, optimiser, path=None) as watch, watch.epoch():
        for rows in torch.arange(4).split(2):
            loss(model(images[rows]), labels[rows]).sum().backward()
            optimiser.step()
    [row] = watch.rows
    assert row["train_loss"] >= 0  # and a number
