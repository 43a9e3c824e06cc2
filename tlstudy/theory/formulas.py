"""The printed variants of Proposition 3, held against a minimisation by brute force."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize.elementwise import find_minimum

from tlstudy.storage import laboratory_columns
from tlstudy.theory.penalty import squared_change

# Arrays by parameter of `squared_change`: m_main, gamma, w_aux and rho.
Arguments = Mapping[str, np.ndarray]

LIMITS = (1e-6, 1e6)  # norms between which the minimum is sought
GRID = 1200  # norms, evenly spaced in their logarithm
AT_A_TIME = 5000
# So fine a search needs more steps than SciPy allows by default.
DOWN_TO_ROUNDING = {
    "tolerances": {"xatol": 1e-15, "xrtol": 1e-15, "fatol": 0, "frtol": 0},
    "maxiter": 300,
}
EXACT = 1e-6  # relative error of a value that counts as exact
REAL = 1e-7  # imaginary part, relative to the size, of a root that counts as real

# At these arguments the variants with w^2 for w are wrong. At w = 1 they would be right.
EXAMPLE = {"m_main": 1.0, "gamma": 0.0, "w_aux": 2.0, "rho": 0.9}


@dataclass(frozen=True)
class PrintedFormula:
    """A printed equation u^4 + cubic u^3 + linear u + constant = 0 for the norm u.

    The penalty at the norm was printed correctly everywhere, if m_aux stands for w^2.

    Attributes:
        source: where it was printed.
        printed: cubic, linear and constant coefficient from m_main, gamma, w_aux and rho.
    """

    source: str
    printed: Callable[..., tuple[np.ndarray, ...]]

    def coefficients(self, at: Arguments) -> tuple[np.ndarray, ...]:
        """From the highest power down, each an array (count,)."""
        cubic, linear, constant = self.printed(**at)
        none = np.zeros_like(at["m_main"])
        return none + 1, cubic, none, linear, constant


FORMULAS = {
    "slides": PrintedFormula(
        "Pintus 2025, slide 'Proposition 3: Implicit Regularization Penalty'",
        lambda m_main, gamma, w_aux, rho: (-(w_aux**2) * rho, gamma, -m_main),
    ),
    "paper's statement": PrintedFormula(
        "Lippl & Lindsey, Proposition 3, Eq. 6",
        lambda m_main, gamma, w_aux, rho: (-(w_aux**2) * rho, gamma * m_main, -(m_main**2)),
    ),
    "paper's proof": PrintedFormula(
        "Lippl & Lindsey, proof of Proposition 3, Eq. 19 to 22",
        lambda m_main, gamma, w_aux, rho: (-w_aux * rho, gamma * m_main, -(m_main**2)),
    ),
}


def draw_arguments(generator: np.random.Generator, count: int) -> dict[str, np.ndarray]:
    """(count,) each: strengths, output weights and norms of order one, any direction."""
    return {
        "m_main": generator.normal(size=count),
        "gamma": generator.normal(size=count),
        "w_aux": np.abs(generator.normal(size=count)) + 0.1,
        "rho": generator.uniform(-1, 1, count),
    }


def brute_force(arguments: Arguments) -> np.ndarray:
    """(count,) minima of the penalty over norms: a grid, and SciPy's search around its dips."""
    count = len(next(iter(arguments.values())))
    grid = np.geomspace(*LIMITS, GRID)
    best = np.full(count, np.inf)
    for part in np.array_split(np.arange(count), max(1, -(-count // AT_A_TIME))):
        values = squared_change(grid, **{k: v[part, None] for k, v in arguments.items()})
        dips = np.ones(values.shape, dtype=bool)
        dips[:, 1:] &= values[:, 1:] <= values[:, :-1]
        dips[:, :-1] &= values[:, :-1] <= values[:, 1:]
        rows, places = np.nonzero(dips)
        bracket = (np.log(grid[np.clip(places + step, 0, GRID - 1)]) for step in (-1, 0, 1))
        chosen = {k: v[part][rows] for k, v in arguments.items()}

        def at(log, *values, names=tuple(chosen)):
            return squared_change(np.exp(log), **dict(zip(names, values, strict=True)))

        found = find_minimum(at, tuple(bracket), args=tuple(chosen.values()), **DOWN_TO_ROUNDING)
        np.minimum.at(best, part[rows], found.f_x)
    return best


def positive_roots(coefficients: tuple[np.ndarray, ...]) -> np.ndarray:
    """(count, degree) positive real roots of polynomials; NaN in place of the other roots."""
    leading, *others = (np.asarray(values, dtype=float) for values in coefficients)
    degree, count = len(others), len(leading)
    companion = np.zeros((count, degree, degree))
    companion[:, 1:, :-1] = np.eye(degree - 1)
    companion[:, 0, :] = -np.stack(others, axis=1) / leading[:, None]
    roots = np.linalg.eigvals(companion)
    real = (np.abs(roots.imag) <= REAL * np.abs(roots)) & (roots.real > 0)
    return np.where(real, roots.real, np.nan)


def printed_minimum(formula: PrintedFormula, arguments: Arguments) -> tuple[np.ndarray, np.ndarray]:
    """(count,) norms and (count,) penalties as printed; NaN and infinite without a root.

    Of several positive roots the one with the least penalty counts, which favours the formula.
    """
    roots = positive_roots(formula.coefficients(arguments))
    values = squared_change(roots, **{k: v[:, None] for k, v in arguments.items()})
    values = np.where(np.isnan(values), np.inf, values)
    chosen = values.argmin(axis=1)[:, None]
    norms = np.take_along_axis(roots, chosen, axis=1)[:, 0]
    least = np.take_along_axis(values, chosen, axis=1)[:, 0]
    return np.where(np.isfinite(least), norms, np.nan), least


def check_all(count: int, seed: int) -> pd.DataFrame:
    """How each printed formula compares with brute force: `laboratory_columns.FORMULAS`.

    no_root, several_roots and exact are shares of the draws; median_error and large_error the
    median and 95th percentile of |printed - true| / true where there is a root.
    """
    arguments = draw_arguments(np.random.default_rng(seed), count)
    truth = brute_force(arguments)
    rows = []
    for name, formula in FORMULAS.items():
        roots = positive_roots(formula.coefficients(arguments))
        _, printed = printed_minimum(formula, arguments)
        solved = np.isfinite(printed)
        errors = np.abs(printed[solved] - truth[solved]) / truth[solved]
        median, large = np.quantile(errors, [0.5, 0.95]) if solved.any() else (np.nan, np.nan)
        row = {
            "formula": name,
            "source": formula.source,
            "draws": count,
            "seed": seed,
            "no_root": 1 - solved.mean(),
            "several_roots": ((~np.isnan(roots)).sum(axis=1) > 1).mean(),
            "exact": (errors <= EXACT).sum() / count,
            "median_error": median,
            "large_error": large,
        }
        rows.append(row)
    return pd.DataFrame(rows, columns=list(laboratory_columns.FORMULAS))


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
