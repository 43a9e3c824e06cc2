"""Penalties of Lippl & Lindsey: the least squared change of weights that fine-tuning needs.

The paper is "Inductive biases of multi-task learning and finetuning: multiple regimes of feature
reuse". Its Proposition 3 is used in the form of its proof (Eq. 19 to 22).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize.elementwise import find_root


class ReusePenalty(NamedTuple):
    """Penalty r >= 0 and the norm u >= 0 of the input weights that attains it: float64 arrays."""

    penalty: np.ndarray
    norm: np.ndarray


def squared_change(
    norm: ArrayLike, m_main: ArrayLike, gamma: ArrayLike, w_aux: ArrayLike, rho: ArrayLike
) -> np.ndarray:
    """Squared change of a unit's weights if its input weights end with the norm u > 0.

    (m / u - gamma)^2 + u^2 + w^2 - 2 u w rho, computed without its cancellation as
    (m / u - gamma)^2 + (u - w rho)^2 + w^2 (1 - rho^2). All arguments broadcast.
    """
    u, m, g, w, r = _arrays(norm, m_main, gamma, w_aux, rho)
    return (m / u - g) ** 2 + (u - w * r) ** 2 + w**2 * (1 - r) * (1 + r)


def reuse_penalty(
    m_main: ArrayLike, gamma: ArrayLike, w_aux: ArrayLike, rho: ArrayLike
) -> ReusePenalty:
    """Penalty of a unit, and norm of its input weights: Proposition 3 as proved (Eq. 19 to 22).

    A unit of a two-layer network computes m <theta, x>_+ with m = u v: u is the norm of its input
    weights, theta their direction, v its output weight. Pretraining leaves input weights of norm w
    at a cosine rho to theta, and fine-tuning starts with the output weight gamma. The smallest
    squared change of the weights after which the unit computes m <theta, x>_+ is

        r = min over u of (m / u - gamma)^2 + u^2 + w^2 - 2 u w rho.

    That gradient descent pays this penalty is the paper's heuristic, not part of the proposition.

    Stationary norms are the positive roots of u^4 - w rho u^3 + gamma m u - m^2. There can be
    three of them, of which two are minima: the smaller value counts. At m = 0 either the output
    weight goes to zero (u = max(w rho, 0)) or the input weights do (u = 0). The penalty
    jumps there if m comes from the sign that gamma does not have.

    Args:
        m_main: strength m of the unit on the main task, of either sign.
        gamma: output weight that fine-tuning starts with, of either sign.
        w_aux: norm w >= 0 of the pretrained input weights.
        rho: cosine between the directions, -1 to 1.

    Arguments are 0 or between 1e-50 and 1e50 in size, and broadcast against each other. NaN in, NaN
    out.
    """
    m, g, w, r = _arrays(m_main, gamma, w_aux, rho)
    shape = m.shape
    m, g, w, r = (values.ravel() for values in (m, g, w, r))
    norm = np.full(m.shape, np.nan)
    penalty = np.full(m.shape, np.nan)
    known = ~np.isnan(m + g + w + r)
    off, on = known & (m == 0), known & (m != 0)
    penalty[off], norm[off] = _unit_switched_off(g[off], w[off], r[off])
    penalty[on], norm[on] = _unit_kept(m[on], g[on], w[on], r[on])
    return ReusePenalty(penalty.reshape(shape), norm.reshape(shape))


def diagonal_penalty(b_main: ArrayLike, b_aux: ArrayLike, gamma: ArrayLike) -> np.ndarray:
    """Penalty of one coefficient of a diagonal linear network (Lippl & Lindsey, Corollary 2).

    c q(2 b / c) with c = |b_aux| + gamma^2 and q(z) = 2 - sqrt(4 + z^2) + z arcsinh(z / 2); a
    network's penalty is the sum over its coefficients. Where c is 0 it is infinite, or 0 if b is 0
    too.
    """
    b, aux, g = _arrays(b_main, b_aux, gamma)
    scale = np.abs(aux) + g**2
    with np.errstate(divide="ignore", invalid="ignore"):
        z = 2 * np.abs(b) / scale
        # 2 - sqrt(4 + z^2) without cancellation for small z.
        value = scale * (z * np.arcsinh(z / 2) - z**2 / (2 + np.hypot(2, z)))
    return np.where(scale == 0, np.where(b == 0, 0.0, np.inf), value)


def multi_task_penalty(b_main: ArrayLike, b_aux: ArrayLike) -> np.ndarray:
    """Penalty of one coefficient learnt for both tasks at once: 2 sqrt(b_aux^2 + b^2)."""
    b, aux = _arrays(b_main, b_aux)
    return 2 * np.hypot(b, aux)


def _arrays(*values: ArrayLike) -> list[np.ndarray]:
    return np.broadcast_arrays(*(np.asarray(value, dtype=float) for value in values))


def _unit_switched_off(g, w, r) -> tuple[np.ndarray, np.ndarray]:
    """(penalty, norm) at m = 0."""
    nearest = w * np.maximum(r, 0)
    without_output, without_input = g**2 + w**2 - nearest**2, w**2
    norm = np.where(without_output <= without_input, nearest, 0.0)
    return np.minimum(without_output, without_input), norm


def _unit_kept(m, g, w, r) -> tuple[np.ndarray, np.ndarray]:
    """(penalty, norm) at m != 0: the better of at most two minima."""
    # In units of the largest of the roots that each pair of terms would have, all coefficients
    # are at most 1 in size and no power of them overflows.
    unit = np.maximum.reduce(
        [w * np.abs(r), np.cbrt(np.abs(g)) * np.cbrt(np.abs(m)), np.sqrt(np.abs(m))]
    )
    cubic, linear, constant = w * r / unit, (g / unit) * (m / unit) / unit, (m / unit / unit) ** 2
    candidates = [unit * root for root in _minima(cubic, linear, constant)]
    costs = [squared_change(u, m, g, w, r) for u in candidates]
    costs = [np.where(np.isnan(cost), np.inf, cost) for cost in costs]
    first = costs[0] <= costs[1]
    return np.where(first, *costs), np.where(first, *candidates)


def _minima(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Roots at which p(x) = x^4 - a x^3 + b x - c rises through zero: below, and above, x = a/2.

    NaN where there is none. p(0) = -c < 0 < p(2), so one of them exists. p is concave between 0
    and a/2 and convex elsewhere; it falls only between its stationary points, on either side of
    a/2, which are there if 0 < b < a^3 / 4.
    """
    half = np.maximum(a / 2, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where((a > 0) & (b > 0), b / a**3, np.inf)
    falls = share < 0.25
    angle = 2 / 3 * np.arcsin(np.sqrt(4 * np.where(falls, share, 0)))
    top = np.where(falls, half * (np.sin(angle / 2) ** 2 + np.sqrt(0.75) * np.sin(angle)), half)
    bottom = np.where(falls, half * (0.5 + np.cos(angle)), half)
    below = _quartic(top, a, b, c) > 0
    above = _quartic(bottom, a, b, c) <= 0
    low, high = np.full(a.shape, np.nan), np.full(a.shape, np.nan)
    low[below] = _root(a[below], b[below], c[below], np.zeros(below.sum()), top[below])
    high[above] = _root(a[above], b[above], c[above], bottom[above], np.full(above.sum(), 2.0))
    return low, high


def _quartic(x, a, b, c) -> np.ndarray:
    return (x - a) * x**3 + b * x - c


def _root(a, b, c, low, high) -> np.ndarray:
    """The one root between low and high."""
    return find_root(_quartic, (low, high), args=(a, b, c)).x
