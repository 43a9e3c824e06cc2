"""When claims were first seen, and what a ledger makes of it."""

import json

import pandas as pd
import pytest
from known import SIZE, accuracies, make_study

from tlstudy.audit.claims import ledger
from tlstudy.jobs import paths
from tlstudy.jobs.claims_seen import Sightings, digest_of, read_sightings, record_claims

CLAIM = {
    "text": "Pretraining helps.",
    "quantity": "balanced_accuracy",
    "arm": "pretrained-first",
    "against": "new-first",
    "effect": 0.1,
}


def study_of(tmp_path, **changes):
    return make_study({"C": CLAIM | changes}, groups=("first",), results=str(tmp_path))


def test_a_claim_is_recorded_once_and_again_when_what_decides_it_changes(tmp_path):
    first = study_of(tmp_path)
    assert read_sightings(first).first("C", first.claims["C"]) is None
    record_claims(first)
    file = paths.claims_seen_file(first)
    kept = file.read_text()
    record_claims(study_of(tmp_path, figure="ladder"))
    assert file.read_text() == kept
    weaker = study_of(tmp_path, effect=0.05)
    record_claims(weaker)
    assert len(json.loads(file.read_text())["C"]) == 2
    seen = read_sightings(weaker)
    assert seen.first("C", first.claims["C"]) <= seen.first("C", weaker.claims["C"])


def test_a_claim_without_minus_is_known_from_before_that_key_was():
    claim = make_study({"C": CLAIM}, groups=("first",)).claims["C"]
    assert digest_of(claim) == "64267ebbb4"
    pair = {"arm": "pretrained-second", "against": "new-second"}
    more = make_study({"C": CLAIM | {"minus": pair}}, groups=("first", "second"))
    assert digest_of(more.claims["C"]) != digest_of(claim)


@pytest.mark.parametrize(
    ("seen", "ended", "stated"),
    [
        ("2026-11-29T08:00:00+00:00", "2026-11-29T09:00:00+00:00", "before"),
        ("2026-11-29T10:00:00+00:00", "2026-11-29T09:00:00+00:00", "after"),
        ("2026-11-29T08:00:00+00:00", "", "not recorded"),
        ("", "2026-11-29T09:00:00+00:00", "not recorded"),
    ],
)
def test_a_claim_that_came_after_the_first_of_its_runs_says_so(tmp_path, seen, ended, stated):
    study = study_of(tmp_path)
    runs = accuracies(study, {"new-first": [0.3] * 6, "pretrained-first": [0.8] * 6})
    later = pd.Series(["2026-11-29T11:00:00+00:00"] * len(runs))
    runs["ended"] = later if ended else ""
    runs.loc[3, "ended"] = ended
    sightings = Sightings({"C": {digest_of(study.claims["C"]): seen}} if seen else {})
    row = ledger(study, {"runs": runs}, sightings)[0].iloc[0]
    assert row["subset_size"] == SIZE
    assert row["stated"] == stated
