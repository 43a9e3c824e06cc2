"""Kept studies: the page is made of the tables, and other code comes to the same verdicts."""

import numpy as np
import pandas as pd
import pytest
from pages import page as text_of
from recomputed import Recomputed, overlap_by_seed, transfer_index

from benchmarks.keep import MADE, PAGE, ROOT, VALUES, folder_of, kept_inputs, page, study_of
from tlstudy.audit import overlap
from tlstudy.audit.quantities import values_of
from tlstudy.audit.statistics import summarise
from tlstudy.config.exposures import exposed_arms
from tlstudy.config.groups import block_sweeps
from tlstudy.config.settings import Arm, Study
from tlstudy.report.figures.invariance import index_of
from tlstudy.report.sentences.series import reported_summary

NAMES = sorted(file.parent.name for file in (ROOT / "docs").glob(f"*/{MADE}"))


@pytest.fixture(scope="module", params=NAMES)
def study(request) -> Study:
    return study_of(request.param)


@pytest.fixture(scope="module")
def tables(study) -> dict[str, pd.DataFrame]:
    return {file.stem: pd.read_parquet(file) for file in folder_of(study.study).glob("*.parquet")}


def test_its_runs_are_those_of_the_study(study, tables):
    runs = tables["runs"]
    expected = {(arm, seed) for arm in study.arms for seed in study.seed}
    assert set(zip(runs["arm"], runs["seed"], strict=True)) == expected
    assert set(runs["status"]) == {"finished"}
    assert set(runs["evaluation_precision"]) == {study.evaluation.precision}
    assert runs["code"].nunique() == 1
    assert not runs["commit"].str.contains("changes").any()
    for arm, settings in runs.groupby("arm")["settings"].first().items():
        assert Arm.model_validate_json(settings) == study.arms[arm]


def test_the_page_is_made_of_the_tables(study):
    assert (folder_of(study.study) / PAGE).read_text(encoding="utf-8") == page(kept_inputs(study))


def test_accuracies_follow_from_the_bits(study, tables):
    anew = Recomputed(study, tables)
    for row in tables["runs"].itertuples():
        final = getattr(row, f"final_test_balanced_accuracy_{row.batchnorm}")
        assert anew.accuracy(row.arm, row.seed) == pytest.approx(final, abs=1e-12)


def test_other_code_comes_to_the_same_verdicts(study, tables):
    anew = Recomputed(study, tables)
    rows = tables["claims"].set_index("claim")
    values = tables[VALUES].set_index(["claim", "seed"])["value"]
    tested = {name: claim for name, claim in study.claims.items() if not claim.open}
    assert tested
    for name, claim in tested.items():
        np.testing.assert_allclose(anew.values(claim), values[name][study.seed], atol=1e-12)
        found = rows.loc[name]
        np.testing.assert_allclose(anew.interval(claim), (found["low"], found["high"]), rtol=1e-9)
        assert anew.verdict(claim) == found["verdict"], name
        assert found["stated"] == "before", name


def test_other_code_finds_the_same_transfer_index(study, tables):
    networks = exposed_arms(study)
    if "invariance" not in tables:
        assert not networks
        return
    anew, values = Recomputed(study, tables), values_of(tables, "accuracy_turned.unseen")
    for arms in networks:
        by_exposure = [
            np.array([anew.value("accuracy_turned.unseen", arm, seed) for seed in study.seed])
            for arm in (arms["none"], arms["half"], arms["all"])
        ]
        found = index_of(values, arms)
        if found.value is not None:
            expected = transfer_index(*by_exposure)
            assert (found.value, found.low, found.high) == pytest.approx(expected)


def test_other_code_finds_the_same_slopes_and_correlations_of_overlap(study, tables):
    sweeps = block_sweeps(study)
    if not sweeps:
        assert study.study != "overlap"
        return
    anew, found = Recomputed(study, tables), overlap.overlap_table(study, tables, 50)
    for kind, (_, rows) in zip(
        ("mnist", "digits"), found.groupby("images", sort=False), strict=True
    ):
        for score in overlap.SCORES:
            slopes, correlations = overlap_by_seed(anew, kind, score.replace("_", "-"))
            assert overlap.slope(rows).mean == pytest.approx(slopes.mean())
            expected = pytest.approx(np.nanmean(correlations))
            assert overlap.rank_correlation(rows, score).mean == expected


def test_the_readme_quotes_the_study_of_place():
    inputs = kept_inputs(study_of("place"))
    for name in ("new", "pretrained"):
        own, other = (
            100 * reported_summary(inputs, f"{name}-{corner}-corner", 50, "balanced_accuracy").mean
            for corner in ("same", "other")
        )
        assert f"from {own:.1f} to {other:.1f} %" in text_of("README.md")


def test_the_readme_quotes_the_study_of_smoothness():
    study = study_of("smoothness")
    for point, words in (("matched", "{} times as sharp"), ("final", "{} times")):
        curvature = kept_inputs(study).curvature
        curvature = curvature[curvature["point"] == point]
        sharp = curvature.pivot(index="seed", columns="arm", values="normalised_eigenvalue")
        doublings = np.log2(sharp)
        found = summarise((doublings["pretrained"] - doublings["new"]).to_numpy())
        mean, low, high = (f"{2**end:#.2g}" for end in (found.mean, found.low, found.high))
        assert f"{words.format(mean)} ({low} to {high})" in text_of("README.md")
