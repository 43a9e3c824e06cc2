"""Printed formulas: the right one is found right, and each mistake is measured."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from configurations import ROOT

from tlstudy.cli import main
from tlstudy.jobs.graph import FORMULA_DRAWS, FORMULA_SEED
from tlstudy.storage import laboratory_columns
from tlstudy.theory import formulas
from tlstudy.theory.formulas import (
    EXAMPLE,
    FORMULAS,
    brute_force,
    check_all,
    positive_roots,
    printed_minimum,
)
from tlstudy.theory.penalty import squared_change

SEVERAL = {"m_main": 0.9, "gamma": 2.6, "w_aux": 2.5, "rho": 0.95}
ROOTLESS = {"m_main": -1.0, "gamma": 0.0, "w_aux": 2.0, "rho": -0.9}


def arrays(values: dict[str, float]) -> dict[str, np.ndarray]:
    return {name: np.array([value]) for name, value in values.items()}


@pytest.mark.parametrize(
    ("name", "norm", "penalty"),
    [
        ("slides", 3.6211, 4.15),
        ("paper's statement", 3.6211, 4.15),
        ("paper's proof", 1.93749, 1.0453),
    ],
)
def test_the_example_has_known_values(name, norm, penalty):
    [roots] = positive_roots(FORMULAS[name].coefficients(arrays(EXAMPLE)))
    assert roots[np.isfinite(roots)] == pytest.approx([norm], rel=1e-4)
    found = printed_minimum(FORMULAS[name], arrays(EXAMPLE))
    assert np.ravel(found) == pytest.approx([norm, penalty], rel=1e-3)


def test_brute_force_finds_known_minima(monkeypatch):
    """u^2 + c / u^2 has its minimum 2 sqrt(c) at c^(1/4); the other function has two dips."""
    c = np.array([1e-4, 1.0, 9.0, 1e6])
    monkeypatch.setattr(formulas, "squared_change", lambda u, c: u**2 + c / u**2)
    found = brute_force({"c": c})
    np.testing.assert_allclose(found, 2 * np.sqrt(c), rtol=1e-12)
    tilt = np.array([0.1, -0.1])
    fine = np.linspace(-3, 3, 2_000_001)
    expected = [((fine**2 - 4) ** 2 + slope * fine).min() for slope in tilt]

    def tilted(u, c):
        return (np.log(u) ** 2 - 4) ** 2 + c * np.log(u)

    monkeypatch.setattr(formulas, "squared_change", tilted)
    found = brute_force({"c": tilt})
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_positive_roots_of_known_polynomials():
    """(x - 1)(x - 2)(x + 3)(x - 0.5) and x^4 + 1."""
    factors = np.poly([1, 2, -3, 0.5])
    coefficients = tuple(np.array([a, b]) for a, b in zip(factors, [1, 0, 0, 0, 1], strict=True))
    first, second = positive_roots(coefficients)
    assert sorted(first[np.isfinite(first)]) == pytest.approx([0.5, 1, 2])
    assert np.isnan(second).all()


def test_only_the_proof_is_right():
    table = check_all(3000, 0).set_index("formula")
    proof = table.loc["paper's proof"]
    assert (proof["exact"], proof["no_root"]) == (1, 0)
    assert proof["several_roots"] > 0  # "the unique positive root" is not guaranteed
    statement, slides = table.loc["paper's statement"], table.loc["slides"]
    assert statement["no_root"] == 0
    assert slides["no_root"] > 0.1  # a negative strength, and often no positive root at all
    assert max(statement["exact"], slides["exact"]) < 0.05
    assert slides["median_error"] > statement["median_error"] > proof["median_error"]


def test_a_planted_error_is_measured(monkeypatch):
    """The right root with a value one tenth too high."""
    monkeypatch.setattr(formulas, "brute_force", lambda arguments: brute_force(arguments) / 1.1)
    found = check_all(500, 0).set_index("formula").loc["paper's proof"]
    assert found["exact"] == 0
    assert found["median_error"] == pytest.approx(0.1, rel=1e-6)
    assert found["large_error"] == pytest.approx(0.1, rel=1e-6)


def test_the_printed_minimum_is_the_root_with_the_least_value():
    """The quartic of the proof has three positive roots here, two of them minima."""
    at, proof = arrays(SEVERAL), FORMULAS["paper's proof"]
    [roots] = positive_roots(proof.coefficients(at))
    roots = roots[np.isfinite(roots)]
    assert len(roots) == 3
    norm, value = printed_minimum(proof, at)
    costs = squared_change(roots, **at)
    assert value == pytest.approx(min(costs))
    assert norm == pytest.approx(roots[int(np.argmin(costs))])
    assert value == pytest.approx(brute_force(at), rel=1e-9)


def test_no_root_is_no_minimum():
    norm, value = printed_minimum(FORMULAS["slides"], arrays(ROOTLESS))
    assert (np.isnan(norm) & np.isinf(value)).all()


def test_the_command_prints_and_writes_the_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = (ROOT / "config.yaml", ROOT / "studies" / "theory.yaml")
    options = [part for file in files for part in ("--config", str(file))]
    result = CliRunner().invoke(main, ["formulas", *options])
    assert result.exit_code == 0, result.output
    assert all(text in result.stdout for text in (*FORMULAS, f"{FORMULA_DRAWS} draws"))
    table = pd.read_parquet(tmp_path / "results" / "theory" / "tables" / "formulas.parquet")
    assert list(table) == list(laboratory_columns.FORMULAS)
    expected = check_all(FORMULA_DRAWS, FORMULA_SEED)
    pd.testing.assert_frame_equal(table, expected, check_dtype=False)
    assert CliRunner().invoke(main, ["formulas"]).stdout == result.stdout


def test_a_change_of_no_study_is_refused():
    result = CliRunner().invoke(main, ["formulas", "--set", "study=other"])
    assert result.exit_code == 1
    assert "--set study=other: changes no study" in result.output
