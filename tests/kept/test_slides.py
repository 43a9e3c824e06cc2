"""The default study, as it is kept: of today's configuration, and quoted by the README."""

import pandas as pd
import pytest
from pages import ROOT, as_it_was_run, page
from scipy.stats import sem, t

from tlstudy.audit.alarms import false_alarms
from tlstudy.config.given import given_study
from tlstudy.config.settings import Arm
from tlstudy.storage import columns

KEPT = ROOT / "docs" / "slides"
PAIRS = {"published": ("new-published", "pretrained-published"), "corrected": ("new", "pretrained")}


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    return pd.read_parquet(KEPT / "runs.parquet").set_index(["arm", "seed"], drop=False)


def test_its_runs_are_those_of_today_s_study(runs):
    study = as_it_was_run(given_study([ROOT / "config.yaml", KEPT / "study.yaml"]))
    assert set(runs["evaluation_precision"]) == {study.evaluation.precision}
    assert list(runs.columns) == list(columns.RUNS)
    assert set(runs.index) == {(arm, seed) for arm in study.arms for seed in study.seed}
    assert set(runs["status"]) == {"finished"}
    assert set(runs["epochs"]) == {30}
    assert set(runs["final_test_images"]) == {10_000}
    assert runs["code"].nunique() == 1
    for arm, settings in runs.groupby(level="arm")["settings"].first().items():
        # Keys that came later had then the value that is now their default.
        assert Arm.model_validate_json(settings) == study.arms[arm]


def test_the_published_new_network_never_moved_and_all_others_did():
    metrics = pd.read_parquet(KEPT / "metrics.parquet").query("epoch == 30").set_index("arm")
    moved = metrics["displacement_from_start"]
    assert (moved["new-published"] == 0).all()
    assert (moved.drop("new-published") > 0).all()


@pytest.mark.parametrize("protocol", PAIRS)
def test_the_readme_quotes_the_last_epoch_on_all_test_images(runs, protocol):
    final = pd.concat(
        runs[f"final_test_balanced_accuracy_{name}"][runs["batchnorm"] == name]
        for name in ("running", "recalibrated")
    )
    new, pretrained = (100 * final[arm] for arm in PAIRS[protocol])
    cells = [
        f"{part.mean():.1f} ({part.min():.1f} to {part.max():.1f})" for part in (new, pretrained)
    ]
    cells.append(points(pretrained - new))
    assert " | ".join(cells) in page("README.md")


def test_the_readme_quotes_what_is_learnt_without_a_network(runs):
    table = pd.read_parquet(KEPT / "pixels.parquet")
    assert set(table["test_images"]) == {10_000}
    by_method = table.pivot(index="seed", columns="method", values="test_balanced_accuracy")
    networks = 100 * runs["final_test_balanced_accuracy_recalibrated"]
    best = 100 * by_method["logistic"]
    assert by_method.mean().idxmax() == "logistic"
    told = page("README.md")
    assert f"{best.mean():.1f} % ({best.min():.1f} to {best.max():.1f})" in told
    for found in (best - networks["new"], networks["pretrained"] - best):
        assert points(found).replace(" (", " points (") in told


def points(differences: pd.Series) -> str:
    """Mean and 95 % interval of Student's t over seeds."""
    low, high = t.interval(0.95, len(differences) - 1, differences.mean(), sem(differences))
    return f"{differences.mean():.1f} ({low:.1f} to {high:.1f})".replace("-", "\u2212")


def test_sound_runs_have_no_other_alarm_than_overfitting(runs):
    findings = pd.read_parquet(KEPT / "findings.parquet")
    assert set(false_alarms(runs.reset_index(drop=True), findings).sentinels) == {"overfitting"}
    found = findings.query("sentinel == 'overfitting' and arm in ['new', 'pretrained']")
    more = found["saw"].str.extract(r"at the end, (\d+) % more")[0].astype(int)
    assert f"{more.min()} to {more.max()} % above its least" in page("docs/audit.md")
