"""Figure of the penalty: what it draws is what the formulas and their table say."""

import numpy as np
import pytest
from configurations import DEFAULT, ROOT, changed
from matplotlib.text import Text

from tlstudy.config import catalogue
from tlstudy.config.given import given_study
from tlstudy.config.study import build_study
from tlstudy.report.figures import style, theory
from tlstudy.theory.formulas import check_all
from tlstudy.theory.penalty import multi_task_penalty

DRAWS, SEED = 700, 3


@pytest.fixture(scope="module")
def figure():
    with style.look("penalty"):
        drawn = theory.penalty_figure(
            build_study(DEFAULT), {"formulas": check_all(DRAWS, SEED)}, None
        )
        drawn.draw_without_rendering()
    return drawn


def lines(ax) -> dict:
    return {line.get_label(): line.get_xydata() for line in ax.lines}


def test_shares_of_draws_are_those_of_the_table(figure):
    """Left the share that is exact; right all that have a root: none is further off here."""
    table, ax = check_all(DRAWS, SEED).set_index("formula"), figure.axes[5]
    assert set(lines(ax)) == set(table.index)
    for name, curve in lines(ax).items():
        assert curve[0, 1] == pytest.approx(100 * table.loc[name, "exact"])
        assert (np.diff(curve[:, 1]) >= 0).all()
        middle = np.searchsorted(curve[:, 0], 1.001 * max(table.loc[name, "median_error"], 1e-6))
        half = 50 * (1 - table.loc[name, "no_root"])
        assert curve[middle, 1] >= half
        assert curve[-1, 1] <= 100 * (1 - table.loc[name, "no_root"]) + 1e-9
    assert lines(ax)["slides"][-1, 1] < 75
    words = " ".join(text.get_text() for text in figure.findobj(Text))
    assert f"{DRAWS} draws (seed {SEED})" in words


def test_the_example_is_where_the_variants_part(figure):
    """u = 1.93749, r = 1.0453 against u = 3.6211, r = 4.15 at w = 2; nothing at w = 1."""
    curves = lines(figure.axes[4])
    at = {name: np.interp(2, *curves[name].T) for name in theory.PRINTED}
    assert at["paper's proof"] == pytest.approx(1.0453, rel=1e-3)
    assert at["slides"] == pytest.approx(4.15, rel=1e-2)
    assert at["paper's statement"] == pytest.approx(4.15, rel=1e-2)
    together = [np.interp(1, *curves[name].T) for name in theory.PRINTED]
    assert together == pytest.approx([together[0]] * 3, rel=1e-3)


def test_penalties_go_from_square_to_linear(figure):
    at = np.geomspace(0.1, 10, 50)
    np.testing.assert_allclose(theory.growth_order(at, 3 * at**2), 2)
    np.testing.assert_allclose(theory.growth_order(at, 5 * at), 1)
    for label, curve in lines(figure.axes[1]).items():
        assert curve[0, 1] == pytest.approx(2, abs=0.01), label
        assert 1 < curve[-1, 1] < 1.2, label
        assert (np.diff(curve[:, 1]) < 1e-9).all(), label


def test_the_surplus_is_what_a_second_task_adds():
    b = np.array([1e-9, 0.3, 1.0, 40.0])
    expected = multi_task_penalty(b, 1) - multi_task_penalty(0, 1)
    np.testing.assert_allclose(theory.surplus_of_both(b, 1)[1:], expected[1:], rtol=1e-12)
    assert theory.surplus_of_both(b, 1)[0] == pytest.approx(1e-18, rel=1e-6)


def test_a_new_unit_costs_twice_its_strength_and_an_aligned_one_less(figure):
    ax = figure.axes[2]
    *reused, new = [line.get_xydata() for line in ax.lines]
    assert [text.get_text() for text in ax.texts][-1] == "new unit"
    np.testing.assert_allclose(new[:, 1], 2 * new[:, 0])
    assert (reused[0][1:, 1] < new[1:, 1]).all()  # cosine 1
    assert (reused[-1][1:, 1] > new[1:, 1]).all()  # cosine 0


@pytest.mark.parametrize(
    ("overlay", "there"), [("audit", True), ("rescaling", True), ("theory", True), ("quick", False)]
)
def test_it_belongs_to_studies_of_reuse_and_rescaling_and_of_the_laboratory(overlay, there):
    study = given_study([ROOT / "config.yaml", ROOT / "studies" / f"{overlay}.yaml"])
    assert (catalogue.PENALTY in catalogue.study_figure_names(study)) == there


def test_a_claim_brings_it_if_it_is_tested_here():
    tested = {"text": "A claim.", "quantity": "balanced_accuracy", "arm": "new"}
    waiting = {"text": "A claim.", "open": "Tested elsewhere."}
    for slide, claim, there in (
        *((slide, tested, True) for slide in catalogue.PROPOSITION),
        ("Gradient norm", tested, False),
        (catalogue.PROPOSITION[1], waiting, False),
    ):
        study = build_study(changed("claims", {"C": {**claim, "slide": slide}}))
        assert (catalogue.PENALTY in catalogue.study_figure_names(study)) == there, slide
