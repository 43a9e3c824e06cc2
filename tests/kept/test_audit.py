"""The audit's kept tables: today's code concludes the same, and the findings quote them."""

import numpy as np
import pandas as pd
import pytest
from pages import ROOT, as_it_was_run, page

from tlstudy.audit.alarms import false_alarms
from tlstudy.audit.claims import Case, ledger
from tlstudy.audit.ladder import ladder_table
from tlstudy.audit.statistics import summarise
from tlstudy.audit.verdicts import by_interval, with_holm
from tlstudy.config.given import given_study
from tlstudy.config.ledger import least
from tlstudy.config.settings import Arm
from tlstudy.config.tables import ALL_TABLES
from tlstudy.storage import columns

KEPT = ROOT / "docs" / "audit"
TABLES = {
    "runs": columns.RUNS,
    "metrics": columns.METRICS,
    "curvature": ALL_TABLES["curvature"],
    "encoder": ALL_TABLES["encoder"],
    "reuse": ALL_TABLES["reuse"],
    "findings": columns.FINDINGS,
    "ladder": columns.LADDER,
    "claims": columns.CLAIMS,
    "claim-values": columns.CLAIM_VALUES,
}
BY_CONTROL = ("not testable", "open")


def kept(name: str) -> pd.DataFrame:
    return pd.read_parquet(KEPT / f"{name}.parquet")


@pytest.fixture(scope="module")
def study():
    return given_study([ROOT / "config.yaml", ROOT / "docs" / "audit" / "study.yaml"])


@pytest.mark.parametrize("name", TABLES)
def test_tables_have_the_documented_columns(name):
    assert list(kept(name).columns) == list(TABLES[name])


def test_its_runs_are_those_of_its_study(study):
    runs = kept("runs")
    expected = {(arm, seed) for arm in study.arms for seed in study.seed}
    assert set(zip(runs["arm"], runs["seed"], strict=True)) == expected
    assert set(runs["status"]) == {"finished"}
    assert set(runs["evaluation_precision"]) == {study.evaluation.precision}
    of_then = as_it_was_run(study)
    for arm, settings in runs.groupby("arm")["settings"].first().items():
        # Keys that came later had then the value that is now their default.
        assert Arm.model_validate_json(settings) == of_then.arms[arm]


def test_every_run_of_it_was_really_trained():
    runs = kept("runs")
    assert (runs["epochs"] == 30).all()
    assert runs.loc[runs["initialisation"] == "imagenet", "weights_sha256"].nunique() == 1
    moved = kept("metrics").query("epoch == 30").set_index("arm")["displacement_from_start"]
    assert (moved["new-published"] == 0).all()
    assert (moved.drop("new-published") > 0).all()


def test_the_ladder_follows_from_the_runs(study):
    pd.testing.assert_frame_equal(
        ladder_table(study, kept("runs")).astype({"images": float}),
        kept("ladder"),
        check_dtype=False,
        rtol=1e-12,
    )


def test_verdicts_follow_from_the_values_and_the_effect_sizes_of_today(study):
    values = kept("claim-values").groupby("claim")["value"]
    claims = kept("claims").set_index("claim")
    assert list(claims.index) == list(study.claims)
    for name, row in claims.iterrows():
        if row["verdict"] not in BY_CONTROL:
            found = values.get_group(name).to_numpy()
            case = Case(name, study, row["subset_size"], {}, {})
            effect = least(study.claims[name])
            ruling = by_interval(summarise(found), found, effect, case.bound())
            assert ruling.verdict == row["verdict"], name
            assert np.isfinite(found).sum() == row["seeds"], name


def test_the_published_flaws_are_found_in_the_published_runs():
    verdicts = kept("claims").set_index("claim")["verdict"]
    assert verdicts["C1-as-published"] == verdicts["C5-as-published"] == "not testable"
    found = kept("findings").groupby("arm")["sentinel"].agg(set)
    assert {"no-weight-moved", "gradients-add-up", "path-without-plane"} <= found["new-published"]
    of_the_pretrained = {"loss-of-softmax-outputs", "inputs-not-normalised"}
    of_the_pretrained |= {"batchnorm-lags", "best-epoch-on-test"}
    assert of_the_pretrained <= found["pretrained-published"]


def test_the_readme_counts_its_verdicts():
    counts = kept("claims")["verdict"].value_counts()
    supported, contradicted, refuted = counts[["supported", "contradicted", "refuted"]]
    ways = f"{supported} are supported, {contradicted} contradicted and {refuted} refuted"
    claims = f"Of {len(kept('claims'))} claims of the slides and their variants, {ways}"
    assert claims in page("README.md")


def test_verdicts_together_are_those_of_today():
    claims = with_holm(kept("claims"))
    assert list(claims["verdict_by_holm"]) == list(kept("claims")["verdict_by_holm"])


def test_reuse_decides_c6_as_it_did(study):
    claims = {name: claim for name, claim in study.claims.items() if name.startswith("C6")}
    tables = {"runs": kept("runs"), "metrics": kept("metrics"), "reuse": kept("reuse")}
    found, values = ledger(study.model_copy(update={"claims": claims}), tables)
    stored = kept("claims").set_index("claim")["verdict"]
    assert list(found["verdict"]) == [stored[name] for name in claims]
    before = kept("claim-values").set_index(["claim", "seed"])["value"]
    assert values["value"].to_numpy() == pytest.approx(
        [before[row.claim, row.seed] for row in values.itertuples()]
    )


def test_the_page_counts_the_alarms_of_kept_studies():
    found = {
        file.parent.name: false_alarms(
            pd.read_parquet(file.with_name("runs.parquet")), pd.read_parquet(file)
        )
        for file in (ROOT / "docs").glob("*/findings.parquet")
    }
    tested_after_each_epoch, elsewhere = found.pop("slides"), found.pop("place")
    told = page("docs/audit.md")
    assert f"of {elsewhere.runs} runs are tested in a corner" in told
    runs = pd.read_parquet(ROOT / "docs" / "place" / "runs.parquet")
    corner, moving = (runs["arm"].str.endswith(end) for end in ("-other-corner", "-anywhere"))
    alarmed = runs["findings"] != ""
    counts = (alarmed & corner).sum(), corner.sum(), (alarmed & moving).sum(), moving.sum()
    assert counts == (23, 30, 1, 20)
    words = "as test accuracy is near guessing: at 23 of the 30 and at one of the 20"
    assert f"an alarm at {elsewhere.alarmed}, {words}" in told
    accuracy = 100 * runs.loc[alarmed, "final_test_balanced_accuracy_recalibrated"]
    more = accuracy[accuracy > 12]
    assert len(more) == 7
    assert f"Seven of the 24 have {more.min():.1f} to {more.max():.1f} %" in told
    assert f"{tested_after_each_epoch.alarmed} of {tested_after_each_epoch.runs}" in told
    alarmed, runs = (
        sum(getattr(one, name) for one in found.values()) for name in ("alarmed", "runs")
    )
    names = {name for one in found.values() for name in one.sentinels}
    assert f"{alarmed} of {runs} runs of sound protocols" in told
    assert all(f"`{name}`" in told for name in {*found, *names})
