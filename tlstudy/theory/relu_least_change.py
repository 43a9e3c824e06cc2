"""Search for the least change of a ReLU network's weights that reaches a train loss."""

import torch

from tlstudy.theory.relu_networks import Data, Weights, pull, residuals

STEPS = 2000
STEPS_BETWEEN_LOOKS = 25
MOMENTUM = 0.95
FIRST_STRENGTH = 1e-3
# Change of the strength's logarithm in a step, over that of the residual's, and its limit.
FOLLOWS, FASTEST = 0.02, 0.02


def least_change(data: Data, start: Weights, points: list[Weights]) -> Weights:
    """Weights of networks with one task that change least, at the train loss of the first point.

    Minimises ||w - w0||^2 where the loss is at most this level, by gradient descent with momentum
    on loss + strength / 2 ||w - w0||^2. The strength rises while the loss is below the level and
    falls while it is above. This finds a local minimum, so it starts from several points.

    Args:
        start: where fine-tuning started, w0.
        points: starts of the search; the first is the result if nothing better is found.
    """
    level, best = residuals([data], points[0]), points[0]
    for point in points:
        for found in _search(data, start, point, level):
            better = found.squared_change(start) < best.squared_change(start)
            best = _choose(better & (residuals([data], found) <= level), found, best)
    return best


def _search(data: Data, start: Weights, point: Weights, level: torch.Tensor):
    """Weights on the way of a search, every STEPS_BETWEEN_LOOKS steps."""
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
