"""The least change of the weights after which a loss is met, and gradient descent's own way there.

The explicit counterpart of what Proposition 3 of Lippl & Lindsey says of fine-tuning: of all
weights with the train loss of a fine-tuned network, those nearest to the pretrained ones. They
are where an L2-SP penalty (Li et al. 2018, "Explicit inductive bias for transfer learning") leads
at the strength that gives this loss.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import nn

from tlstudy.networks.batchnorm import by_batch, untracked
from tlstudy.networks.evaluation import loss_of_head
from tlstudy.networks.images import Batch
from tlstudy.networks.trajectory import unflatten

Vector = torch.Tensor
Evaluate = Callable[[Vector], tuple[float, Vector]]

FIRST_STEPS = 16  # in how many steps the loss would be met if it fell at its first slope
NEAR_ENOUGH = 0.02  # relative distance from a loss that counts as meeting it
STATIONARY = 0.05  # share of the change across the gradient that ends the search
SMALLEST_PULL = 1 / 64
CORRECTIONS = 3  # of the loss after a pull


@dataclass(frozen=True)
class Solution:
    """Weights that meet a loss.

    Attributes:
        vector: (weights,).
        loss: train loss there, nats.
        gradient: (weights,) gradient there.
        evaluations: how often loss and gradient were computed to find them.
        across: share of the change that is not along the gradient; 0 where no other weights
            nearby meet the loss with less change.
    """

    vector: Vector
    loss: float
    gradient: Vector
    evaluations: int
    across: float


def loss_and_gradient(network: nn.Module, batches: list[Batch], head: str) -> Evaluate:
    """Training loss (each batch's own BatchNorm statistics) and gradient at flat weights."""
    weights = list(network.parameters())
    count = sum(len(labels) for _, labels in batches)

    def evaluate(vector: Vector) -> tuple[float, Vector]:
        with torch.no_grad():
            torch._foreach_copy_(weights, unflatten(vector, weights))
        by_batch(network)
        network.zero_grad()
        total = 0.0
        with untracked(network):
            for images, labels in batches:
                loss = loss_of_head(network(images), labels, head) * (len(labels) / count)
                loss.backward()
                total += float(loss.detach())
        # A weight that takes no part in the loss has none.
        gradients = [torch.zeros_like(own) if own.grad is None else own.grad for own in weights]
        return total, torch.cat([gradient.flatten() for gradient in gradients])

    return evaluate


def gradient_descent_to(
    evaluate: Evaluate, start: Vector, level: float, most: int
) -> Solution | None:
    """Follow the gradient from the start to a loss, in steps so short that it falls at each.

    The length of a step is halved where the loss rose and doubled where it fell nearly as its
    slope said, so that the way is close to that of infinitely slow gradient descent.

    Args:
        most: evaluations.

    Returns:
        None where the evaluations do not suffice, or the start meets the loss: there is no way.
    """
    here, (loss, gradient) = start, evaluate(start)
    if loss <= level * (1 + NEAR_ENOUGH):
        return None
    length = (loss - level) / float(gradient.norm()) / FIRST_STEPS
    used = 1
    while used < most and loss > level * (1 + NEAR_ENOUGH):
        slope = float(gradient.norm())
        there = here - gradient * (length / slope)
        next_loss, next_gradient = evaluate(there)
        used += 1
        if next_loss < level * (1 - NEAR_ENOUGH):
            length *= (loss - level) / (loss - next_loss)
        elif not next_loss < loss:
            length /= 2
        else:
            steady = loss - next_loss > 0.8 * length * slope
            here, loss, gradient = there, next_loss, next_gradient
            length = min(length * (2 if steady else 1), (loss - level) / float(gradient.norm()))
    if loss > level * (1 + NEAR_ENOUGH):
        return None
    return Solution(here, loss, gradient, used, _across(here - start, gradient))


def least_change_to(
    evaluate: Evaluate, start: Vector, met: Solution, level: float, most: int
) -> Solution:
    """Pull weights that meet a loss towards the start along the surface on which it is met.

    A pull removes part of the change that is across the gradient, which leaves the loss as it is
    to first order; what it did change is corrected along the gradient. A pull that does not end
    nearer is halved, one that does is followed by a longer one. What is found is a local minimum
    at best: the least change is at most this.

    Args:
        met: where to begin.
        most: evaluations.

    Returns:
        The nearest weights found that meet the loss.
    """
    best, pull, last = met, 0.5, met.evaluations + most
    while best.across > STATIONARY and pull >= SMALLEST_PULL and best.evaluations < last:
        pulled = _pulled(evaluate, start, best, level, pull, last)
        nearer = (pulled.vector - start).norm() < (best.vector - start).norm()
        if nearer and abs(pulled.loss - level) <= NEAR_ENOUGH * level:
            best, pull = pulled, min(1.0, 1.5 * pull)
        else:
            best, pull = replace(best, evaluations=pulled.evaluations), pull / 2
    return best


def _pulled(
    evaluate: Evaluate, start: Vector, met: Solution, level: float, pull: float, last: int
) -> Solution:
    """The weights after one pull and the corrections it needs; the loss may not be met."""
    change, gradient, used = met.vector - start, met.gradient, met.evaluations
    across = change - gradient * ((change @ gradient) / (gradient @ gradient))
    here, loss = met.vector - across * pull, met.loss
    for _ in range(CORRECTIONS):
        if used == last:
            break
        here = here - gradient * ((loss - level) / float(gradient @ gradient))
        (loss, gradient), used = evaluate(here), used + 1
        if abs(loss - level) <= NEAR_ENOUGH * level:
            break
    return Solution(here, loss, gradient, used, _across(here - start, gradient))


def _across(change: Vector, gradient: Vector) -> float:
    along = float(change @ gradient) / float(change.norm() * gradient.norm())
    return max(0.0, 1 - along**2) ** 0.5
