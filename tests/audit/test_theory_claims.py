"""The laboratory's claims on made tables, its figures, and the whole of it by Snakemake."""

import numpy as np
import pandas as pd
import pytest
from laboratory_study import SEEDS, relu, rescaled, table
from study_folder import StudyFolder

from tlstudy.audit.theory_claims import (
    LABORATORY_CLAIMS_BY_NAME,
    laboratory_ledger,
)
from tlstudy.audit.theory_statistics import gain, ratios
from tlstudy.config.catalogue import LABORATORY as LABORATORY_FIGURES
from tlstudy.config.catalogue import study_figure_names
from tlstudy.config.given import given_study
from tlstudy.config.study import build_study
from tlstudy.report.figures import draw, style
from tlstudy.steps.aggregate import aggregate_study
from tlstudy.steps.claims import make_claims
from tlstudy.storage import columns, laboratory_columns


def test_gain_is_in_doublings_seed_by_seed():
    made = table(
        relu(measure="test_error", value=lambda seed: 0.1 * 2.0**-seed),
        relu(measure="test_error", value=0.1, method="scratch")
        | dict.fromkeys(("overlap", "scale", "gamma"), np.nan),
    )
    np.testing.assert_allclose(gain(made, overlap=1.0), list(SEEDS))


def test_ratios_pair_the_same_condition_and_seed():
    made = table(
        relu(measure="squared_change", value=lambda seed: 2.0 + seed),
        relu(measure="penalty", value=lambda seed: 1.0 + seed / 2),
        relu(measure="squared_change", method="least-change", value=lambda seed: 0.5 + seed / 4),
        relu(measure="squared_change", method="least-change", samples=64.0, value=1000.0),
    )
    found = ratios(made)
    assert (found.loc[found["measure"] == "price", "value"] == 2).all()
    assert (found.loc[found["measure"] == "change", "value"] == 4).all()
    assert len(found) == 2 * len(SEEDS)


@pytest.mark.parametrize(("paid", "verdict"), [(1.02, "supported"), (1.3, "refuted")])
def test_the_ledgers_rule_decides(paid, verdict):
    made = table(
        relu(measure="squared_change", value=paid),
        relu(measure="penalty", value=1.0),
        relu(measure="squared_change", method="least-change", value=1.0),
    )
    claims, values = laboratory_ledger(made, ["relu"])
    rows = claims.set_index("claim")
    assert rows.loc["relu-units", "verdict"] == verdict
    assert rows.loc["relu-units", "mean"] == pytest.approx(1.05 - paid)
    assert rows.loc["sparsity", "verdict"] == "inconclusive"  # nothing was measured
    assert set(rows["experiment"]) == {"relu"}
    assert list(claims) == list(laboratory_columns.LABORATORY_CLAIMS)
    assert list(values) == list(laboratory_columns.LABORATORY_CLAIM_VALUES)


def test_a_seed_with_a_missing_value_has_none_and_the_ledger_says_so():
    made = table(
        relu(measure="squared_change", value=lambda seed: np.nan if seed == 2 else 1.0),
        relu(measure="penalty", value=1.0),
    )
    values = LABORATORY_CLAIMS_BY_NAME["relu-units"].values(made)
    assert values.isna().tolist() == [seed == 2 for seed in SEEDS]
    row = laboratory_ledger(made, ["relu"])[0].set_index("claim").loc["relu-units"]
    assert row["seeds"] == 5
    assert "5 of 6 seeds have a value. Missing: 2," in row["because"]


def test_the_contrast_is_of_the_network_without_batchnorm():
    plain = {"network": "plain", "statistics": ""}
    made = table(
        rescaled(value=0.01),
        rescaled(value=0.03, scale=0.5),
        rescaled(**plain, value=lambda seed: 0.2 + seed),
        rescaled(**plain, value=0.4, scale=0.5),
        *(
            rescaled(**plain, **{"value": 9.0} | other)
            for other in (
                {"scale": 1.0, "value": 0.0},
                {"optimiser": "adam"},
                {"learning_rate_rule": "fixed"},
                {"part": "head"},
                {"method": "pretrained"},
            )
        ),
    )
    without = LABORATORY_CLAIMS_BY_NAME["factor-without-batchnorm"].values(made)
    np.testing.assert_allclose(without, [0.25 + seed / 2 for seed in SEEDS])
    under = LABORATORY_CLAIMS_BY_NAME["factor-is-rate-sgd"].values(made)
    np.testing.assert_allclose(under, [0.02] * len(SEEDS))
    swapped = made.assign(value=0.01)
    claims, _ = laboratory_ledger(swapped, ["batchnorm"])
    assert claims.set_index("claim").loc["factor-without-batchnorm", "verdict"] == "refuted"


def test_claims_name_figures_that_there_are():
    assert {claim.figure for claim in LABORATORY_CLAIMS_BY_NAME.values()} <= set(LABORATORY_FIGURES)


def test_the_workflow_runs_a_laboratory_alone(tmp_path):
    """Its cheapest experiment by the real workflow; what follows, by the steps themselves."""
    place = StudyFolder(tmp_path / "study")
    no_arms = dict.fromkeys(("new-published", "pretrained-published", "new", "pretrained"))
    place.overlay = {"study": "tiny", "seed": 100, "landscape": {"seeds": []}, "arms": no_arms}
    place.overlay |= {"laboratory": {"experiments": ["diagonal"]}, "cache": str(tmp_path / "none")}
    place.overlay["results"] = str(place.folder / "results")
    place.succeed("--until", "laboratory")
    # Neither images nor weights.
    assert set(place.planned()) == {"aggregate", "claims", "figures", "formulas", "report"}
    study = given_study([place.folder / "config.yaml", place.folder / "tiny.yaml"])
    aggregate_study(study)
    make_claims(study)
    for name, documented in (
        ("laboratory", laboratory_columns.LABORATORY),
        ("laboratory-claims", laboratory_columns.LABORATORY_CLAIMS),
        ("laboratory-claim-values", laboratory_columns.LABORATORY_CLAIM_VALUES),
        ("runs", columns.RUNS),
    ):
        table = pd.read_parquet(place.results / "tables" / f"{name}.parquet")
        assert list(table) == list(documented)
    assert set(pd.read_parquet(place.results / "tables" / "laboratory.parquet")["seed"]) == {100}
    assert not (tmp_path / "none").exists()
    measured = ["laboratory-claims", "laboratory-diagonal", "laboratory-implicit"]
    assert study_figure_names(study) == ["penalty", *measured]


def test_a_mean_is_drawn_from_five_seeds_on():
    study = build_study(
        {"study": "made", "seed": list(SEEDS), "arms": {}, "laboratory": {"experiments": ["relu"]}}
    )
    made = table(
        *(
            relu(measure=measure, scale=scale, samples=64.0, value=lambda seed: 0.5 + seed / 20)
            for measure in ("features_used", "reused_mass", "alignment", "test_error")
            for scale in (0.1, 1.0, 10.0)
        )
    )
    lines = {}
    for name, rows in (("all", made), ("few", made[made["seed"] < 3])):
        with style.look("made"):
            figure = draw(study, "laboratory-features", {"laboratory": rows})
        lines[name] = [line for line in figure.axes[0].get_lines() if line.get_marker() == "o"]
    assert not lines["few"]
    assert lines["all"][0].get_xdata() == pytest.approx([0.1, 1, 10])
    assert lines["all"][0].get_ydata() == pytest.approx([0.625] * 3)
