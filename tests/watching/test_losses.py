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
