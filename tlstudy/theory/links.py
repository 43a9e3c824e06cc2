"""Interpolating solutions of diagonal linear networks that are optimal, by their convex duals.

A coefficient of the network is b = u+ v+ - u- v-. Fine-tuning starts with the output zero: both
input weights have the size u0, both output weights are gamma, and only c = u0^2 + gamma^2 matters.
A penalty sum_d r(b_d) with r' = k s, b = c link(s), has its least interpolating solution where
s = X' z, and z solves X b(X' z) = y: the minimum of a convex function of n variables.

- Least penalty: link(s) = sinh(2 s), k = 4. Gradient flow solves u' = s' v, v' = s' u, so this is
  where it ends (Woodworth et al. 2020); r is the penalty of Corollary 2 in Lippl & Lindsey.
- Least change: link(s) = 2 s / (1 - s^2)^2 with |s| < 1, k = 2. The weights that change least
  satisfy u - u0 = s v, v - gamma = s u. The squared change is minimised under one quadratic
  constraint a coefficient, so the multiplier with 1 - s^2 >= 0 gives its global minimum (Moré
  1993).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

MOST_STEPS = 200
RESIDUAL = 1e-11  # of the targets' norm, at which a solution interpolates
ARMIJO = 1e-4


@dataclass(frozen=True)
class Link:
    """From multipliers to coefficients, for c = 1.

    Attributes:
        value, slope, integral: of a multiplier s; the integral from 0 on.
        limit: |s| must stay below.
    """

    value: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]
    integral: Callable[[np.ndarray], np.ndarray]
    limit: float


LEAST_PENALTY = Link(
    value=lambda s: np.sinh(2 * s),
    slope=lambda s: 2 * np.cosh(2 * s),
    integral=lambda s: np.sinh(s) ** 2,
    limit=300.0,  # where double precision ends
)
LEAST_CHANGE = Link(
    value=lambda s: 2 * s / (1 - s**2) ** 2,
    slope=lambda s: (2 + 6 * s**2) / (1 - s**2) ** 3,
    integral=lambda s: s**2 / (1 - s**2),
    limit=1.0,
)


def least_solution(
    link: Link, inputs: np.ndarray, targets: np.ndarray, sizes: np.ndarray
) -> np.ndarray:
    """Multipliers s of the least interpolating solution, whose coefficients are c link(s).

    Newton's method on the dual, with steps short enough to stay where the link is defined.

    Args:
        inputs: (samples, dimensions), fewer samples than dimensions, of full rank.
        targets: (samples,).
        sizes: (dimensions,) c = u0^2 + gamma^2 > 0.

    Raises:
        ArithmeticError: it was not found.
    """
    dual = np.zeros(len(targets))
    bound = RESIDUAL * np.linalg.norm(targets)
    for _ in range(MOST_STEPS):
        multipliers = inputs.T @ dual
        residual = targets - inputs @ (sizes * link.value(multipliers))
        if np.linalg.norm(residual) <= bound:
            return multipliers
        hessian = (inputs * (sizes * link.slope(multipliers))) @ inputs.T
        step = np.linalg.solve(hessian, residual)
        dual = dual + _length(link, inputs, targets, sizes, dual, step, residual) * step
    raise ArithmeticError("Newton's method found no interpolating solution")


def _length(link, inputs, targets, sizes, dual, step, residual) -> float:
    """Share of a Newton step that makes the dual objective fall as it should (Armijo's rule)."""

    def objective(share: float) -> float:
        point = dual + share * step
        return float(sizes @ link.integral(inputs.T @ point) - targets @ point)

    multipliers, change = inputs.T @ dual, np.abs(inputs.T @ step)
    with np.errstate(divide="ignore"):
        room = np.min((link.limit - np.abs(multipliers)) / change)
    share = min(1.0, 1.0 / change.max(), 0.9 * room)
    start, slope = objective(0.0), -float(residual @ step)
    # Close to the solution the objective's fall is lost in its rounding.
    rounding = 1e-13 * abs(start)
    while objective(share) > start + ARMIJO * share * slope + rounding:
        share /= 2
    return share


def least_change_cost(multipliers: np.ndarray, sizes: np.ndarray) -> float:
    """Squared change of all weights at the solution of least change: the sum over coefficients."""
    square = multipliers**2
    return float(np.sum(2 * sizes * square * (1 + square) / (1 - square) ** 2))
