"""The least change of a ReLU network's weights that reaches a train loss, by optimisation.

Minimise ||w - w0||^2 where the loss is at most a level: gradient descent with momentum on
loss + strength / 2 ||w - w0||^2, its strength raised while the loss is below the level and lowered
while it is above, so that the level is where it settles. Of the weights that it passes, those
below the level that changed least count. It finds a local minimum, so it is started from several
points.
"""

import torch

from tlstudy.theory.relu import Data, Weights, pull, residuals

STEPS = 2000
STEPS_BETWEEN_LOOKS = 25
MOMENTUM = 0.95
FIRST_STRENGTH = 1e-3
# By how much the strength's logarithm follows the loss's in a step, and the most that it does.
FOLLOWS, FASTEST = 0.02, 0.02


def least_change(data: Data, start: Weights, points: list[Weights]) -> Weights:
    """Weights of networks with one task that change least, at the first point's train loss.

    Args:
        start: where fine-tuning started, w0.
        points: where the search starts; the first is the result where nothing better is found.
    """
    level, best = residuals([data], points[0]), points[0]
    for point in points:
        for found in _search(data, start, point, level):
            better = found.squared_change(start) < best.squared_change(start)
            best = _choose(better & (residuals([data], found) <= level), found, best)
    return best


def _search(data: Data, start: Weights, point: Weights, level: torch.Tensor):
    """The weights that a search passes through, every STEPS_BETWEEN_LOOKS steps."""
    inner, outer = point.inner, point.outer
    inner_speed, outer_speed = torch.zeros_like(inner), torch.zeros_like(outer)
    strength = torch.full_like(level, FIRST_STRENGTH)
    for step in range(1, STEPS + 1):
        to_inner, to_outer, bound = pull(data, inner, outer[:, 0])
        rate, held = _columns(1 / (bound + strength)), _columns(strength)
        inner_speed = MOMENTUM * inner_speed + rate * (to_inner - held * (inner - start.inner))
        to_outer = to_outer[:, None] - held * (outer - start.outer)
        outer_speed = MOMENTUM * outer_speed + rate * to_outer
        inner, outer = inner + inner_speed, outer + outer_speed
        ratio = level / residuals([data], Weights(inner, outer))
        strength = strength * torch.exp((FOLLOWS * torch.log(ratio)).clamp(-FASTEST, FASTEST))
        if step % STEPS_BETWEEN_LOOKS == 0:
            yield Weights(inner, outer)


def _columns(values: torch.Tensor) -> torch.Tensor:
    return values[:, None, None]


def _choose(first: torch.Tensor, one: Weights, other: Weights) -> Weights:
    where = _columns(first)
    return Weights(
        torch.where(where, one.inner, other.inner), torch.where(where, one.outer, other.outer)
    )
