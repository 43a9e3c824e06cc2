"""When claims were first seen, and what a ledger makes of it."""

import json

import pytest
from known import SIZE, accuracies, make_study

from tlstudy.audit.claims import ledger
from tlstudy.config.named_runs import find_run
from tlstudy.jobs import paths
from tlstudy.jobs.claims_seen import Sightings, arms_of, digest_of, read_sightings, record_claims

CLAIM = {
    "text": "Pretraining helps.",
    "quantity": "balanced_accuracy",
    "arm": "pretrained-first",
    "against": "new-first",
    "effect": 0.1,
}
ENDED = "2026-11-29T09:00:00+00:00"


def study_of(tmp_path, **changes):
    return make_study({"C": CLAIM | changes}, groups=("first",), results=str(tmp_path))


def test_a_claim_is_recorded_once_and_again_when_what_decides_it_changes(tmp_path):
    first = study_of(tmp_path)
    assert read_sightings(first).found == {}
    record_claims(first)
    file = paths.claims_seen_file(first)
    kept = file.read_text()
    record_claims(study_of(tmp_path, figure="ladder"))
    assert file.read_text() == kept
    weaker = study_of(tmp_path, effect=0.05)
    record_claims(weaker)
    seen = json.loads(file.read_text())["C"]
    assert list(seen) == [digest_of(first, "C"), digest_of(weaker, "C")]
    assert not any(each["results"] for each in seen.values())


def test_another_setting_of_an_arm_makes_another_claim(tmp_path):
    study = study_of(tmp_path)
    assert arms_of(study.claims["C"]) == ["pretrained-first", "new-first"]
    arm = study.arms["new-first"]

    def with_arm(**changes):
        arms = {**study.arms, "new-first": arm.model_copy(update=changes)}
        return study.model_copy(update={"arms": arms})

    assert digest_of(with_arm(label="x"), "C") == digest_of(study, "C")
    assert digest_of(with_arm(epochs=7), "C") != digest_of(study, "C")


def test_a_claim_that_comes_when_there_are_results_is_not_in_advance(tmp_path):
    """Also if its runs are made again later."""
    study = study_of(tmp_path)
    record = paths.folder_of_run(study, find_run(study, "new-first", SIZE, 27)) / paths.RUN_RECORD
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    record_claims(study)
    found = read_sightings(study)
    assert found.stated(study, "C", ["2999-01-01T00:00:00+00:00"]) == "after"


@pytest.mark.parametrize(
    ("seen", "ended", "stated"),
    [
        ("2026-11-29T08:00:00+00:00", ENDED, "before"),
        ("2026-11-29T10:00:00+00:00", ENDED, "after"),
        ("2026-11-29T08:00:00+00:00", "", "not recorded"),
        ("", ENDED, "not recorded"),
    ],
)
def test_the_ledger_says_whether_a_claim_came_before_its_runs(tmp_path, seen, ended, stated):
    study = study_of(tmp_path)
    runs = accuracies(study, {"new-first": [0.3] * 6, "pretrained-first": [0.8] * 6})
    runs["ended"] = "2026-11-29T11:00:00+00:00"
    runs.loc[3, "ended"] = ended
    sighting = {digest_of(study, "C"): {"time": seen, "results": False}}
    sightings = Sightings({"C": sighting} if seen else {})
    row = ledger(study, {"runs": runs}, sightings)[0].iloc[0]
    assert row["subset_size"] == SIZE
    assert row["stated"] == stated


def test_a_claim_that_was_another_one_earlier_says_so(tmp_path):
    study = study_of(tmp_path)
    sighting = {"time": "2026-11-29T08:00:00+00:00", "results": False}
    found = Sightings({"C": {"other": sighting, digest_of(study, "C"): sighting}})
    assert found.stated(study, "C", [ENDED]) == "changed"
