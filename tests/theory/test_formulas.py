"""Printed formulas: what is right is found right, and each mistake shows as what it is."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from tlstudy.cli import main
from tlstudy.storage import columns
from tlstudy.theory.formulas import (
    FORMULAS,
    REUSE,
    Minimisation,
    PrintedFormula,
    brute_force,
    check,
    check_all,
    positive_roots,
    printed_minimum,
)

BY_NAME = {formula.name: formula for formula in FORMULAS}
# Three formulas, and only one finds the minimum here.
KNOWN = {"m_main": 1.0, "gamma": 0.0, "w_aux": 2.0, "rho": 0.9}
SEVERAL = {"m_main": 0.9, "gamma": 2.6, "w_aux": 2.5, "rho": 0.95}


def known_case() -> dict[str, np.ndarray]:
    return {name: np.array([value]) for name, value in KNOWN.items()}


@pytest.mark.parametrize(
    ("name", "norm", "penalty"),
    [
        ("slides", 3.6211, 4.15),
        ("paper's statement", 3.6211, 4.15),
        ("paper's proof", 1.93749, 1.0453),
    ],
)
def test_the_known_case(name, norm, penalty):
    formula = BY_NAME[name]
    [roots] = positive_roots(formula.coefficients(known_case()))
    root = roots[np.isfinite(roots)]
    assert root == pytest.approx([norm], rel=1e-4)
    assert formula.value(root, known_case()) == pytest.approx([penalty], rel=1e-3)


def test_brute_force_on_what_is_known():
    """u^2 + c / u^2 has its minimum 2 sqrt(c) at c^(1/4), and two dips count as two."""
    c = np.array([1e-4, 1.0, 9.0, 1e6])
    simple = Minimisation("", lambda u, at: u**2 + at["c"] / u**2, None, (1e-6, 1e6))
    np.testing.assert_allclose(brute_force(simple, {"c": c}), 2 * np.sqrt(c), rtol=1e-12)
    waves = Minimisation(
        "", lambda u, at: (np.log(u) ** 2 - 4) ** 2 + at["c"] * np.log(u), None, (1e-6, 1e6)
    )
    tilt = np.array([0.1, -0.1])
    fine = np.linspace(-3, 3, 2_000_001)
    expected = [((fine**2 - 4) ** 2 + slope * fine).min() for slope in tilt]
    np.testing.assert_allclose(brute_force(waves, {"c": tilt}), expected, rtol=1e-9)


def test_positive_roots_of_known_polynomials():
    """(x - 1)(x - 2)(x + 3)(x - 0.5) and x^4 + 1."""
    factors = np.poly([1, 2, -3, 0.5])
    coefficients = tuple(np.array([a, b]) for a, b in zip(factors, [1, 0, 0, 0, 1], strict=True))
    first, second = positive_roots(coefficients)
    assert sorted(first[np.isfinite(first)]) == pytest.approx([0.5, 1, 2])
    assert np.isnan(second).all()


def test_only_the_proof_is_right():
    table = check_all(3000).set_index("formula")
    proof = table.loc["paper's proof"]
    assert proof["exact"] == 1
    assert proof["no_root"] == 0
    assert proof["several_roots"] > 0  # "the unique positive root" is not guaranteed
    statement = table.loc["paper's statement"]
    assert statement["no_root"] == 0
    assert statement["exact"] < 0.05
    slides = table.loc["slides"]
    assert slides["no_root"] > 0.1  # a negative strength, and often no positive root at all
    assert slides["exact"] < 0.05
    assert slides["median_error"] > statement["median_error"] > proof["median_error"]


def test_an_error_that_is_planted_is_measured():
    """The right root with a value one tenth too high."""
    proof = BY_NAME["paper's proof"]
    off = dataclasses.replace(proof, value=lambda u, at: 1.1 * proof.value(u, at))
    found = check(off, 500)
    assert found["exact"] == 0
    assert found["median_error"] == pytest.approx(0.1, rel=1e-6)
    assert found["large_error"] == pytest.approx(0.1, rel=1e-6)


def test_a_formula_of_another_problem_is_an_entry():
    """The least of a u^2 + b / u is 3 (a b^2 / 4)^(1/3), at 2 a u^3 = b."""
    problem = Minimisation(
        "a u^2 + b / u",
        lambda u, at: at["a"] * u**2 + at["b"] / u,
        lambda generator, count: {
            "a": generator.uniform(0.1, 3, count),
            "b": generator.uniform(0.1, 3, count),
        },
        (1e-3, 1e3),
    )

    def cubic(at):
        none = np.zeros_like(at["a"])
        return 2 * at["a"], none, none, -at["b"]

    right = PrintedFormula("right", "here", problem, cubic, problem.objective)
    assert check(right, 500)["exact"] == 1


def test_the_same_seed_gives_the_same_table():
    formula = BY_NAME["slides"]
    assert check(formula, 300, seed=1) == check(formula, 300, seed=1)
    assert check(formula, 300, seed=1) != check(formula, 300, seed=2)


def test_the_command_prints_a_row_for_each_formula():
    result = CliRunner().invoke(main, ["formulas", "--draws", "200"])
    assert result.exit_code == 0
    for formula in FORMULAS:
        assert formula.name in result.stdout
    assert "200 draws" in result.stdout


def test_draws_have_both_signs_and_every_direction():
    drawn = REUSE.draw(np.random.default_rng(0), 1000)
    for name in ("m_main", "gamma", "rho"):
        assert drawn[name].min() < 0 < drawn[name].max()
    assert drawn["w_aux"].min() > 0


def test_the_printed_minimum_is_the_root_with_the_least_value():
    """The quartic of the proof has three positive roots here, two of them minima."""
    at = {name: np.array([value]) for name, value in SEVERAL.items()}
    proof = BY_NAME["paper's proof"]
    [roots] = positive_roots(proof.coefficients(at))
    roots = roots[np.isfinite(roots)]
    assert len(roots) == 3
    norm, value = printed_minimum(proof, at)
    costs = [REUSE.objective(root, at)[0] for root in roots]
    assert value == pytest.approx(min(costs))
    assert norm == pytest.approx(roots[int(np.argmin(costs))])
    assert value == pytest.approx(brute_force(REUSE, at), rel=1e-9)


def test_no_root_is_no_minimum():
    at = {"m_main": np.array([-1.0]), "gamma": np.array([0.0]), "w_aux": np.array([2.0])}
    norm, value = printed_minimum(BY_NAME["slides"], at | {"rho": np.array([-0.9])})
    assert np.isnan(norm).all()
    assert np.isinf(value).all()


def test_the_written_table_is_that_of_check_all(tmp_path, monkeypatch):
    root = Path(__file__).parents[2]
    files = (root / "config.yaml", root / "studies" / "theory.yaml")
    monkeypatch.chdir(tmp_path)
    options = [part for file in files for part in ("--config", str(file))]
    result = CliRunner().invoke(main, ["formulas", "--draws", "300", "--seed", "7", *options])
    assert result.exit_code == 0, result.output
    table = pd.read_parquet(tmp_path / "results" / "theory" / "tables" / "formulas.parquet")
    assert list(table) == list(columns.FORMULAS)
    pd.testing.assert_frame_equal(table, check_all(300, 7), check_dtype=False)
    assert set(table["draws"]) == {300}
    assert set(table["seed"]) == {7}
