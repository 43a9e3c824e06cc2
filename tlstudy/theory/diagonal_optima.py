"""Interpolating solutions of diagonal linear networks with the least penalty or least change."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

MOST_STEPS = 200
RESIDUAL = 1e-11  # of the targets' norm, at which a solution interpolates
ARMIJO = 1e-4


@dataclass(frozen=True)
class Criterion:
    """A sum over coefficients that an interpolating solution minimises, by its convex dual.

    A coefficient of the network is b = u+ v+ - u- v-. Fine-tuning starts with the output zero:
    both input weights have the size u0 and both output weights are gamma, so only
    c = u0^2 + gamma^2 matters. The criterion sum_d r(b_d) has r' = k s with b = c f(s), and is
    least where s = X' z and X c f(X' z) = y: the minimum of a convex function of n variables z.

    Attributes:
        coefficients: f, from multipliers s to coefficients for c = 1.
        slope, integral: of f; the integral from 0 on.
        limit: |s| must stay below.
    """

    coefficients: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]
    integral: Callable[[np.ndarray], np.ndarray]
    limit: float


# Penalty of Corollary 2 in Lippl & Lindsey, k = 4. Gradient flow solves u' = s' v and v' = s' u,
# so it ends here (Woodworth et al. 2020).
LEAST_PENALTY = Criterion(
    coefficients=lambda s: np.sinh(2 * s),
    slope=lambda s: 2 * np.cosh(2 * s),
    integral=lambda s: np.sinh(s) ** 2,
    limit=300.0,  # where double precision ends
)
# Squared change of the weights, k = 2. The weights that change least satisfy u - u0 = s v and
# v - gamma = s u. There is one quadratic constraint for each coefficient, so the multiplier with
# 1 - s^2 >= 0 gives the global minimum (Moré 1993).
LEAST_CHANGE = Criterion(
    coefficients=lambda s: 2 * s / (1 - s**2) ** 2,
    slope=lambda s: (2 + 6 * s**2) / (1 - s**2) ** 3,
    integral=lambda s: s**2 / (1 - s**2),
    limit=1.0,
)


def least_solution(
    criterion: Criterion, inputs: np.ndarray, targets: np.ndarray, sizes: np.ndarray
) -> np.ndarray:
    """(dimensions,) multipliers s of the solution, whose coefficients are c f(s).

    Newton's method on the dual, with steps short enough to stay where f is defined.

    Args:
        inputs: (samples, dimensions), fewer samples than dimensions, of full rank.
        targets: (samples,).
        sizes: (dimensions,) c = u0^2 + gamma^2 > 0.

    Raises:
        ArithmeticError: no solution was found.
    """
    dual = np.zeros(len(targets))
    bound = RESIDUAL * np.linalg.norm(targets)
    for _ in range(MOST_STEPS):
        multipliers = inputs.T @ dual
        residual = targets - inputs @ (sizes * criterion.coefficients(multipliers))
        if np.linalg.norm(residual) <= bound:
            return multipliers
        hessian = (inputs * (sizes * criterion.slope(multipliers))) @ inputs.T
        step = np.linalg.solve(hessian, residual)
        dual = dual + _length(criterion, inputs, targets, sizes, dual, step, residual) * step
    raise ArithmeticError("Newton's method found no interpolating solution")


def _length(criterion, inputs, targets, sizes, dual, step, residual) -> float:
    """Share of a Newton step that lowers the dual objective enough (Armijo's rule)."""

    def objective(share: float) -> float:
        point = dual + share * step
        return float(sizes @ criterion.integral(inputs.T @ point) - targets @ point)

    multipliers, change = inputs.T @ dual, np.abs(inputs.T @ step)
    with np.errstate(divide="ignore"):
        room = np.min((criterion.limit - np.abs(multipliers)) / change)
    share = min(1.0, 1.0 / change.max(), 0.9 * room)
    start, slope = objective(0.0), -float(residual @ step)
    # Near the solution the decrease is smaller than the rounding error of the objective.
    rounding = 1e-13 * abs(start)
    while objective(share) > start + ARMIJO * share * slope + rounding:
        share /= 2
    return share


def least_squared_change(multipliers: np.ndarray, sizes: np.ndarray) -> float:
    """Squared change of all weights at the solution of least change: the sum over coefficients."""
    square = multipliers**2
    return float(np.sum(2 * sizes * square * (1 + square) / (1 - square) ** 2))
