"""Kept runs of studies of their own: verdicts follow from them, and pages quote them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from pages import ROOT, as_it_was_run, page

from tlstudy.audit.claims import ledger
from tlstudy.audit.statistics import summarise
from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.config.ledger import Claim
from tlstudy.config.quantity_table import QUANTITIES
from tlstudy.config.settings import Arm, Study
from tlstudy.config.study import load_study
from tlstudy.storage import columns
from tlstudy.storage.columns import LAYERS, schema

# The page that quotes a study's verdicts and differences.
PAGES = {"precision": "docs/speed.md"}


@dataclass(frozen=True)
class Kept:
    """A study's configuration, and what is kept of its tables."""

    name: str
    study: Study

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(ROOT / "docs" / self.name / f"{name}.parquet")


def load(name: str) -> Kept:
    own = ROOT / "docs" / name / "study.yaml"  # of a study that has changed since
    file = own if own.is_file() else ROOT / "studies" / f"{name}.yaml"
    return Kept(name, as_it_was_run(load_study([ROOT / "config.yaml", file])))


@pytest.fixture(scope="module", params=PAGES)
def kept(request) -> Kept:
    return load(request.param)


@pytest.mark.parametrize("name", ["audit", *PAGES])
def test_its_runs_are_those_of_today_s_study(name):
    kept = load(name)
    runs, study = kept.table("runs"), kept.study
    assert list(runs.columns) == list(columns.RUNS)
    expected = {(arm, seed) for arm in study.arms for seed in study.seed}
    assert set(zip(runs["arm"], runs["seed"], strict=True)) == expected
    assert len(study.seed) >= MINIMUM_SEEDS
    assert set(runs["status"]) == {"finished"}
    assert set(runs["evaluation_precision"]) == {study.evaluation.precision}
    for arm, settings in runs.groupby("arm")["settings"].first().items():
        # Keys that came later had then the value that is now their default.
        assert Arm.model_validate_json(settings) == study.arms[arm]


def test_verdicts_follow_from_the_runs(kept):
    empty = schema(LAYERS).empty_table().to_pandas()
    layers = pd.concat([empty, kept.table("angles")]).astype({"epoch": "int64"})
    tables = {"runs": kept.table("runs"), "metrics": kept.table("metrics"), "layers": layers}
    claims, values = ledger(kept.study, tables)
    stored = kept.table("claims")
    assert list(claims["verdict"]) == list(stored["verdict"])
    pd.testing.assert_frame_equal(values, kept.table("claim-values"), check_dtype=False, rtol=1e-12)


def test_a_page_quotes_its_verdicts_and_differences(kept):
    told = page(PAGES[kept.name])
    values = kept.table("claim-values").groupby("claim")["value"]
    for name, verdict in kept.table("claims").set_index("claim")["verdict"].items():
        assert f"{name}: {verdict}" in told, name
        assert difference(kept.study.claims[name], values.get_group(name).to_numpy()) in told, name


def difference(claim: Claim, values: np.ndarray) -> str:
    """The comparison of the two arms as it was measured: the claim's side undone."""
    measured = values * (1 if claim.direction == "higher" else -1)
    found = summarise(measured)
    numbers = (found.mean, found.low, found.high)
    if QUANTITIES[claim.quantity].unit == "doublings":
        mean, low, high = (f"{2**number:.2f}" for number in numbers)
    else:
        mean, low, high = (f"{100 * number:.1f}" for number in numbers)
    return f"{mean} ({low} to {high})".replace("-", "\u2212")
