"""A study of the laboratory alone: which configurations may have no arms, and what they run."""

import copy

import pytest
from configurations import DEFAULT, message

from tlstudy.config.study import build_study, runs

NO_ARMS = dict.fromkeys(DEFAULT["arms"])


def theory(**changes) -> dict:
    configuration = {**copy.deepcopy(DEFAULT), "arms": NO_ARMS, "landscape": {"seeds": []}}
    return configuration | {"laboratory": {"experiments": ["diagonal"]}} | changes


@pytest.mark.parametrize("arms", [NO_ARMS, {}])
def test_a_laboratory_needs_no_arms(arms):
    study = build_study(theory(arms=arms))
    assert runs(study) == []
    assert build_study(study.model_dump(mode="json")) == study


def test_without_experiments_arms_are_needed():
    text = message(theory(laboratory={}))
    assert text == "arms: found null for each; must have at least 1 that is not null."
