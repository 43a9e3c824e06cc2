"""The theory section: Proposition 3 as printed, and its tests in small networks and in ResNets."""

import re

import numpy as np
import pandas as pd
from markupsafe import Markup

from tlstudy.config.catalogue import is_on_proposition
from tlstudy.report.figures.texts import GAMMA, RHO
from tlstudy.report.format import (
    MINUS,
    MISSING,
    SUPERSCRIPTS,
    THIN,
    count,
    join,
    number,
    signed,
    whole,
)
from tlstudy.report.inputs import Inputs
from tlstudy.report.tables import Table
from tlstudy.theory.formulas import EXAMPLE, FORMULAS, printed_minimum

# The equation for the norm as it was printed, with m_aux as w^2, and its mistakes.
QUARTICS = {
    "slides": (
        "u^4 - w^2 &rho; u^3 + &gamma; u - m = 0",
        "three: w^2 for w, &gamma; for &gamma; m, m for m^2",
    ),
    "paper's statement": ("u^4 - w^2 &rho; u^3 + &gamma; m u - m^2 = 0", "one: w^2 for w"),
    "paper's proof": ("u^4 - w &rho; u^3 + &gamma; m u - m^2 = 0", "none"),
}
NAMES = {
    "slides": "Slides",
    "paper's statement": "Paper, Eq. 6",
    "paper's proof": "Paper\u2019s proof",
}


def printed_table(formulas: pd.DataFrame) -> Table:
    """A row for each printed variant: its equation and mistakes, and how it fares in the draws."""
    heads = ["Printed in", "Equation for u", "Mistakes", "No root", "Exact", "Median error"]
    columns = ["no_root", "exact", "median_error", "large_error"]
    rows = [
        [
            NAMES[row["formula"]],
            *map(mathematics, QUARTICS[row["formula"]]),
            *(share(row[name]) for name in columns),
            *(number(value, 4) for value in example_values(row["formula"])),
        ]
        for row in formulas.to_dict("records")
    ]
    return Table([*heads, "95th percentile", "Example: u", "r"], rows)


def mathematics(text: str) -> Markup:
    """Variables in italics, powers raised, true minus signs."""
    text = re.sub(r"&\w+;|\b[muw]\b", r"<var>\g<0></var>", text.replace(" - ", f" {MINUS} "))
    return Markup(re.sub(r"\^(\d)", lambda power: power[1].translate(SUPERSCRIPTS), text))


def share(value: float) -> str:
    """A share in per cent with three digits; less than a millionth counts as rounding."""
    if not np.isfinite(value):
        return MISSING
    if 0 < value < 1e-6:
        return f"< 0.0001{THIN}%"
    return signed(f"{100 * value:.3g}") + f"{THIN}%"


def example_values(name: str) -> tuple[float, float]:
    """(u, r) of a printed variant at the example."""
    at = {key: np.array([value]) for key, value in EXAMPLE.items()}
    norm, penalty = printed_minimum(FORMULAS[name], at)
    return float(norm[0]), float(penalty[0])


def draws_line(formulas: pd.DataFrame) -> str:
    """Draws that the variants were tried on, and the meaning of the table's columns."""
    first, proof = formulas.iloc[0], formulas.set_index("formula").loc["paper's proof"]
    return (
        f"{whole(first['draws'])} draws (seed {first['seed']}): m and {GAMMA} normal, w the size "
        f"of a normal number plus 0.1, {RHO} uniform. Exact: within a millionth of the minimum by "
        "brute force. Errors are relative, of r, where there is a root. The slides\u2019 equation "
        "can lack a root only where m is negative, as it is in about half of the draws. The right "
        f"equation has more than one positive root in {share(proof['several_roots'])} of the "
        "draws, although the paper calls it unique. The root with the least r counts, for every "
        "variant."
    )


def example_line() -> str:
    """The arguments of the example."""
    names = {"m_main": "m", "gamma": GAMMA, "w_aux": "w", "rho": RHO}
    return join(f"{names[key]}\u00a0=\u00a0{value:g}" for key, value in EXAMPLE.items())


def claims_of_ledger(inputs: Inputs) -> str:
    """The claims on the slides' network that test the proposition."""
    claims = inputs.study.claims.items()
    return join(name for name, claim in claims if is_on_proposition(claim) and not claim.open)


def formula_line(formulas: pd.DataFrame) -> str:
    """How often the slides' variant is right, in words."""
    row = formulas.set_index("formula").loc["slides"]
    return (
        "The equation that the slides print for the proposition gives the right penalty in "
        f"{share(row['exact'])} of {count(int(row['draws']), 'random draw')}. It has no solution "
        f"in {share(row['no_root'])}. That is possible only where the strength m is negative."
    )
