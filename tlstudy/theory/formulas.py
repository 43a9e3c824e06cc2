"""Printed formulas against the minimisation that they are said to solve.

A formula with a minimisation behind it gives a minimiser in closed form (here: as a root of a
polynomial) and the value there. Brute force needs no derivation, so each printed variant can be
held against it. Another formula is checked by adding its minimisation and what was printed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tlstudy.storage import columns
from tlstudy.theory.penalty import squared_change

Arguments = Mapping[str, np.ndarray]

DRAWS, SEED = 5000, 0  # arguments that formulas are tried on, unless told otherwise
GRID = 1200  # norms, evenly spaced in their logarithm, between the limits of a minimisation
REFINEMENTS = 120  # golden sections around every dip of the grid: down to rounding
AT_A_TIME = 5000
GOLDEN = (np.sqrt(5) - 1) / 2
EXACT = 1e-6  # relative error of a value that counts as exact
REAL = 1e-7  # imaginary part, relative to the size, of a root that counts as real


@dataclass(frozen=True)
class Minimisation:
    """What is minimised, over a positive number u, and where its arguments are drawn from.

    Attributes:
        objective: (u, arguments) -> value, over arrays that broadcast.
        draw: (generator, count) -> arguments, each an array (count,).
        limits: u between which the minimum is sought.
    """

    name: str
    objective: Callable[[np.ndarray, Arguments], np.ndarray]
    draw: Callable[[np.random.Generator, int], dict[str, np.ndarray]]
    limits: tuple[float, float]


@dataclass(frozen=True)
class PrintedFormula:
    """A variant as it was printed.

    Attributes:
        source: where it was printed.
        coefficients: arguments -> those of the polynomial whose positive root is the minimiser,
            from the highest power down, each an array (count,).
        value: (u, arguments) -> the printed value at the minimiser.
    """

    name: str
    source: str
    minimisation: Minimisation
    coefficients: Callable[[Arguments], tuple[np.ndarray, ...]]
    value: Callable[[np.ndarray, Arguments], np.ndarray]


def brute_force(problem: Minimisation, arguments: Arguments) -> np.ndarray:
    """(count,) minima: a grid over the limits, and golden section around each of its dips."""
    count = len(next(iter(arguments.values())))
    grid = np.geomspace(*problem.limits, GRID)
    best = np.full(count, np.inf)
    for part in np.array_split(np.arange(count), max(1, -(-count // AT_A_TIME))):
        values = problem.objective(grid, {k: v[part, None] for k, v in arguments.items()})
        dips = np.ones(values.shape, dtype=bool)
        dips[:, 1:] &= values[:, 1:] <= values[:, :-1]
        dips[:, :-1] &= values[:, :-1] <= values[:, 1:]
        rows, columns = np.nonzero(dips)
        low, high = (np.log(grid[np.clip(columns + step, 0, GRID - 1)]) for step in (-1, 1))
        chosen = {k: v[part][rows] for k, v in arguments.items()}
        found = _golden_section(lambda u, at=chosen: problem.objective(u, at), low, high)
        np.minimum.at(best, part[rows], found)
    return best


def _golden_section(
    objective: Callable[[np.ndarray], np.ndarray], low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Least values between logarithms low and high, each with one dip in between."""
    for _ in range(REFINEMENTS):
        inner, outer = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        left = objective(np.exp(inner)) < objective(np.exp(outer))
        low, high = np.where(left, low, inner), np.where(left, outer, high)
    return objective(np.exp((low + high) / 2))


def positive_roots(coefficients: tuple[np.ndarray, ...]) -> np.ndarray:
    """(count, degree) positive real roots of polynomials, NaN where a root is none."""
    leading, *others = (np.asarray(values, dtype=float) for values in coefficients)
    degree, count = len(others), len(leading)
    companion = np.zeros((count, degree, degree))
    companion[:, 1:, :-1] = np.eye(degree - 1)
    companion[:, 0, :] = -np.stack(others, axis=1) / leading[:, None]
    roots = np.linalg.eigvals(companion)
    real = (np.abs(roots.imag) <= REAL * np.abs(roots)) & (roots.real > 0)
    return np.where(real, roots.real, np.nan)


def printed_minimum(formula: PrintedFormula, arguments: Arguments) -> tuple[np.ndarray, np.ndarray]:
    """(count,) minimisers and (count,) values as printed; NaN and infinite without a root.

    Where the polynomial has several positive roots, the one with the least printed value counts:
    the reading that favours it.
    """
    roots = positive_roots(formula.coefficients(arguments))
    values = formula.value(roots, {k: v[:, None] for k, v in arguments.items()})
    values = np.where(np.isnan(values), np.inf, values)
    chosen = values.argmin(axis=1)[:, None]
    minimisers = np.take_along_axis(roots, chosen, axis=1)[:, 0]
    least = np.take_along_axis(values, chosen, axis=1)[:, 0]
    return np.where(np.isfinite(least), minimisers, np.nan), least


def check(formula: PrintedFormula, count: int = DRAWS, seed: int = SEED) -> dict[str, float]:
    """How a printed formula fares against brute force.

    Returns:
        no_root, several_roots, exact: shares of the draws; median_error and large_error: median
        and 95th percentile of |printed - true| / true where there is a root.
    """
    problem = formula.minimisation
    arguments = problem.draw(np.random.default_rng(seed), count)
    roots = positive_roots(formula.coefficients(arguments))
    _, printed = printed_minimum(formula, arguments)
    solved = np.isfinite(printed)
    truth = brute_force(problem, arguments)
    errors = np.abs(printed[solved] - truth[solved]) / truth[solved]
    median, large = np.quantile(errors, [0.5, 0.95]) if solved.any() else (np.nan, np.nan)
    return {
        "draws": count,
        "no_root": float(1 - solved.mean()),
        "several_roots": float(((~np.isnan(roots)).sum(axis=1) > 1).mean()),
        "exact": float((errors <= EXACT).sum() / count),
        "median_error": float(median),
        "large_error": float(large),
    }


def check_all(count: int = DRAWS, seed: int = SEED) -> pd.DataFrame:
    """A row for each printed formula; columns as in `tlstudy.storage.columns.FORMULAS`."""
    rows = [
        {
            "formula": formula.name,
            "source": formula.source,
            "seed": seed,
            **check(formula, count, seed),
        }
        for formula in FORMULAS
    ]
    return pd.DataFrame(rows, columns=list(columns.FORMULAS))


def table_text(table: pd.DataFrame) -> str:
    """The table of `check_all` for a terminal, shares and errors in per cent."""
    shown = pd.DataFrame({"formula": table["formula"]})
    for name in ("no_root", "several_roots", "exact", "median_error", "large_error"):
        shown[name.replace("_", " ")] = [f"{100 * value:.3g} %" for value in table[name]]
    sources = "\n".join(f"{row['formula']}: {row['source']}" for _, row in table.iterrows())
    return (
        f"{shown.to_string(index=False)}\n\n{table['draws'].iloc[0]} draws. Errors of the value, "
        f"relative to brute force: median and 95th percentile, where there is a root.\n{sources}"
    )


def _reuse_cost(norm: np.ndarray, at: Arguments) -> np.ndarray:
    return squared_change(norm, at["m_main"], at["gamma"], at["w_aux"], at["rho"])


def _draw_units(generator: np.random.Generator, count: int) -> dict[str, np.ndarray]:
    """Strengths, output weights and norms of order one, either sign, any direction."""
    return {
        "m_main": generator.normal(size=count),
        "gamma": generator.normal(size=count),
        "w_aux": np.abs(generator.normal(size=count)) + 0.1,
        "rho": generator.uniform(-1, 1, count),
    }


# Lippl & Lindsey, Proposition 3: the least change of a unit's weights, over its input norm u.
REUSE = Minimisation("least change of a unit", _reuse_cost, _draw_units, (1e-6, 1e6))


def _quartic(
    cubic: Callable[[Arguments], np.ndarray],
    linear: Callable[[Arguments], np.ndarray],
    constant: Callable[[Arguments], np.ndarray],
) -> Callable[[Arguments], tuple[np.ndarray, ...]]:
    """u^4 + cubic u^3 + linear u + constant."""

    def coefficients(at: Arguments) -> tuple[np.ndarray, ...]:
        none = np.zeros_like(at["m_main"])
        return none + 1, cubic(at), none, linear(at), constant(at)

    return coefficients


# Arguments at which the mistake shows that the slides share with the paper's statement. (Their own
# two show where m is not 1 and gamma not 0; with w = 1 too nothing would.)
EXAMPLE = {"m_main": 1.0, "gamma": 0.0, "w_aux": 2.0, "rho": 0.9}

# In the printed r, m_aux stands for w^2, and then r is right; the quartics are as printed.
FORMULAS = (
    PrintedFormula(
        name="slides",
        source="Pintus 2025, slide 'Proposition 3: Implicit Regularization Penalty'",
        minimisation=REUSE,
        coefficients=_quartic(
            lambda at: -(at["w_aux"] ** 2) * at["rho"],
            lambda at: at["gamma"],
            lambda at: -at["m_main"],
        ),
        value=_reuse_cost,
    ),
    PrintedFormula(
        name="paper's statement",
        source="Lippl & Lindsey, Proposition 3, Eq. 6",
        minimisation=REUSE,
        coefficients=_quartic(
            lambda at: -(at["w_aux"] ** 2) * at["rho"],
            lambda at: at["gamma"] * at["m_main"],
            lambda at: -(at["m_main"] ** 2),
        ),
        value=_reuse_cost,
    ),
    PrintedFormula(
        name="paper's proof",
        source="Lippl & Lindsey, proof of Proposition 3, Eq. 19 to 22",
        minimisation=REUSE,
        coefficients=_quartic(
            lambda at: -at["w_aux"] * at["rho"],
            lambda at: at["gamma"] * at["m_main"],
            lambda at: -(at["m_main"] ** 2),
        ),
        value=_reuse_cost,
    ),
)


def named_formula(name: str) -> PrintedFormula:
    """The printed formula of that name."""
    return next(formula for formula in FORMULAS if formula.name == name)
