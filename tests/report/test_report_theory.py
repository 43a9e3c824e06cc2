"""The theory section, and the report of a study without arms, on made-up verdicts."""

import dataclasses
import itertools
import re

import numpy as np
import pytest
from laboratory_study import MADE_UP, make_claims, make_inputs
from reports import Page, inputs_of, report_of

from tlstudy.config.settings import Laboratory
from tlstudy.report.page.render import render
from tlstudy.report.page.theory import section
from tlstudy.report.sentences import theory
from tlstudy.theory.formulas import EXAMPLE, FORMULAS, draw_arguments, printed_minimum


@pytest.fixture(scope="module")
def inputs():
    return make_inputs()


@pytest.fixture(scope="module")
def page(inputs):
    return Page(render(inputs))


def test_the_page_is_well_formed_and_of_the_laboratory_alone(page):
    assert page.errors == []
    assert all(after - before <= 1 for before, after in itertools.pairwise(page.headings))
    for absent in ("contact sheet", "sentinel", "MNIST", "the arms", "training images", "61.69"):
        assert absent not in page.text


def test_verdicts_values_and_intervals_are_those_of_the_table(inputs, page):
    start = page.text[: page.text.index("What it says")]
    assert "4 claims tested in the laboratory: 1 supported, 1 refuted" in start
    assert "\u2717 refuted Made-up claim number 2." in start
    assert "+21.3 points (+17.1 to +25.9; 10 seeds) Made-up reason L1." in page.text
    assert "\u22120.871 doublings (\u22121.13 to \u22120.602; 10 seeds)" in page.text
    assert "Without that control it would read +31.0 points" in page.text
    claims = make_claims(seeds=3).assign(verdict="refuted", text="<b>bold</b>")
    claims[["mean", "low", "high"]] = np.nan
    html = render(dataclasses.replace(inputs, laboratory_claims=claims))
    other = Page(html).text
    assert "4 claims tested in the laboratory: 4 refuted." in other
    assert "\u2713 supported" not in other
    assert "range of 3 seeds, too few for an interval" in other
    assert "<b>bold" not in html


def test_a_claim_links_to_the_figure_that_shows_it(page):
    hrefs = [item["href"] for item in page.all("a")]
    permalink = 1
    assert hrefs.count("#figure-penalty") - permalink == [claim == "L1" for claim in MADE_UP].count(
        True
    )


def test_shares_are_those_of_the_table_of_formulas(inputs, page):
    for row in inputs.formulas.to_dict("records"):
        assert theory.share(row["no_root"]).replace("\u202f", " ") in page.text
    assert "400 draws (seed 0)" in page.text
    formulas = inputs.formulas.assign(no_root=0.123, draws=777, seed=5, several_roots=0.045)
    other = Page(render(dataclasses.replace(inputs, formulas=formulas))).text
    for shown in ("777 random draws", "no solution in 12.3 %", "777 draws (seed 5)", "in 4.5 %"):
        assert shown in other


@pytest.mark.parametrize("name", FORMULAS)
def test_the_equation_shown_is_the_one_that_is_checked(name):
    """The shown equation, read as a program, against the polynomial at random arguments."""
    shown = theory.QUARTICS[name][0].removesuffix(" = 0").replace("^", "**")
    code = re.sub(r"(?<=[\w;]) (?=[\w&])", " * ", shown).replace("&rho;", "rho")
    code = code.replace("&gamma;", "gamma")
    generator = np.random.default_rng(0)
    arguments = draw_arguments(generator, 20)
    u = generator.uniform(0.1, 3, 20)
    names = {"m": arguments["m_main"], "w": arguments["w_aux"], "u": u} | arguments
    polynomial = np.polyval(FORMULAS[name].coefficients(arguments), u)
    np.testing.assert_allclose(eval(code, {}, names), polynomial, rtol=1e-10)


@pytest.mark.parametrize("name", FORMULAS)
def test_the_example_is_solved_as_shown(name, page):
    """By NumPy's roots of the polynomial, and the squared change as the page displays it."""
    m, gamma, w, rho = EXAMPLE.values()
    arguments = {name: np.array([value]) for name, value in EXAMPLE.items()}
    roots = np.roots(np.concatenate(FORMULAS[name].coefficients(arguments)))
    [u] = [root.real for root in roots if abs(root.imag) < 1e-9 and root.real > 0]
    r = (m / u - gamma) ** 2 + u**2 + w**2 - 2 * u * w * rho
    assert theory.example_values(name) == pytest.approx((u, r))
    assert f"{u:.3f} {r:.3f}" in page.text


def test_variables_are_in_italics_and_powers_are_raised():
    assert theory.mathematics("w^2 for m - &rho;") == (
        "<var>w</var>\u00b2 for <var>m</var> \u2212 <var>&rho;</var>"
    )


def test_what_is_rounding_is_not_shown_as_an_error():
    assert theory.share(1.5e-16) == "< 0.0001\u202f%"
    assert theory.share(0) == "0\u202f%"
    assert theory.share(float("nan")) == "\u2013"


def test_times_are_summed_and_unlike_runs_warned_of(inputs, page):
    assert (
        "All together took 2 min 45 s of one core (A processor; NumPy 2.1.0 and PyTorch 2.6.0)."
        in (page.text)
    )
    assert "Two-layer ReLU networks 10 1.0 s 10 s 55 s" in page.text
    assert "Before you use the numbers" not in page.text
    runs = inputs.laboratory_runs.copy()
    runs.loc[3, ["numpy", "commit"]] = ["1.0", "0123+changes"]
    other = Page(render(dataclasses.replace(inputs, laboratory_runs=runs))).text
    assert "different versions of NumPy: 2.1.0 and 1.0" in other
    assert "uncommitted code" in other


def test_a_study_with_arms_and_a_laboratory_has_the_section_and_points_to_the_ledger():
    laboratory, inputs = make_inputs(), inputs_of("audit")
    study = inputs.study.model_copy(update={"laboratory": Laboratory(experiments=["relu"])})
    page = Page(
        render(
            dataclasses.replace(
                inputs,
                study=study,
                laboratory_claims=laboratory.laboratory_claims,
                study_figures=laboratory.study_figures,
            )
        )
    )
    assert page.errors == []
    assert "Two-layer ReLU networks" in page.text
    assert "Diagonal linear networks" not in page.text


def test_a_ledger_that_tests_reuse_has_the_section_without_a_laboratory():
    inputs, page = inputs_of("audit"), report_of("audit")
    assert inputs.study.laboratory.experiments == []
    section = page.text[page.text.index("What it says") : page.text.rindex("How it was run")]
    assert "In the laboratory" not in section
    slides = inputs.formulas.set_index("formula").loc["slides"]
    assert theory.share(slides["no_root"]).replace("\u202f", " ") in section
    assert "figure-penalty" in [item.get("id") for _, item in page.elements]
    assert "C6, C6-implicit and C6-descent" in section


def test_a_study_that_tests_nothing_of_it_has_no_such_section():
    assert "What it does not say" not in report_of("one seed").text
    assert section(inputs_of("one seed")) is None


def test_the_slides_equation_lacks_a_root_only_where_the_strength_is_negative():
    """As the page says."""
    arguments = draw_arguments(np.random.default_rng(1), 3000)
    printed, _ = printed_minimum(FORMULAS["slides"], arguments)
    rootless = np.isnan(printed)
    assert rootless.any()
    assert (arguments["m_main"][rootless] < 0).all()
