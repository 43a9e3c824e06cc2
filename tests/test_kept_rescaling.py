"""The kept run of the rescaled networks: verdicts follow from it, and the README quotes it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tlstudy import columns
from tlstudy.claims import ledger
from tlstudy.columns import LAYERS, schema
from tlstudy.quantities import QUANTITIES
from tlstudy.settings import MINIMUM_SEEDS, Claim
from tlstudy.statistics import summarise
from tlstudy.study import load_study

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "docs" / "rescaling"


def kept(name: str) -> pd.DataFrame:
    return pd.read_parquet(KEPT / f"{name}.parquet")


@pytest.fixture(scope="module")
def study():
    return load_study([ROOT / "config.yaml", ROOT / "studies" / "rescaling.yaml"])


def test_its_runs_are_those_of_today_s_study(study):
    runs = kept("runs")
    assert list(runs.columns) == list(columns.RUNS)
    expected = {(arm, seed) for arm in study.arms for seed in study.seed}
    assert set(zip(runs["arm"], runs["seed"], strict=True)) == expected
    assert len(study.seed) >= MINIMUM_SEEDS
    assert set(runs["status"]) == {"finished"}
    for arm, settings in runs.groupby("arm")["settings"].first().items():
        assert json.loads(settings) == study.arms[arm].model_dump(mode="json")


def test_verdicts_follow_from_the_runs(study):
    empty = schema(LAYERS).empty_table().to_pandas()
    layers = pd.concat([empty, kept("angles")]).astype({"epoch": "int64"})
    tables = {"runs": kept("runs"), "metrics": kept("metrics"), "layers": layers}
    claims, values = ledger(study, tables)
    stored = kept("claims")
    assert list(claims["verdict"]) == list(stored["verdict"])
    pd.testing.assert_frame_equal(values, kept("claim-values"), check_dtype=False, rtol=1e-12)


def test_the_readme_quotes_its_verdicts_and_differences(study):
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    values = kept("claim-values").groupby("claim")["value"]
    for name, verdict in kept("claims").set_index("claim")["verdict"].items():
        assert f"{name}: {verdict}" in readme, name
        assert difference(study.claims[name], values.get_group(name).to_numpy()) in readme, name


def difference(claim: Claim, values: np.ndarray) -> str:
    """The comparison of the two arms as it was measured: the claim's margin and side undone."""
    measured = (values - claim.margin) * (1 if claim.direction == "higher" else -1)
    found = summarise(measured)
    numbers = (found.mean, found.low, found.high)
    if QUANTITIES[claim.quantity].unit == "doublings":
        mean, low, high = (f"{2**number:.2f}" for number in numbers)
    else:
        mean, low, high = (f"{100 * number:.1f}" for number in numbers)
    return f"{mean} ({low} to {high})".replace("-", "\u2212")
