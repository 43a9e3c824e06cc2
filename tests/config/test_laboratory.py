"""A study of the laboratory alone: which configurations may have no arms, and what they run."""

import copy

import pytest
from configurations import DEFAULT, message

from tlstudy.config.study import build_study, runs
from tlstudy.jobs import paths

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


@pytest.mark.parametrize(
    ("laboratory", "expected"),
    [
        ({"experiments": ["diagonal"] * 2}, "laboratory.experiments: found *once only."),
        (
            {"experiments": ["linear"]},
            "laboratory.experiments.0: found 'linear'; must be 'diagonal', 'relu' or 'batchnorm'.",
        ),
        ({"experiment": []}, "laboratory.experiment: unknown key; did you mean 'experiments'? *"),
    ],
)
def test_a_mistake_reads_well(laboratory, expected):
    begin, _, end = expected.partition("*")
    text = message(theory(laboratory=laboratory))
    assert text.startswith(begin)
    assert text.endswith(end)


def test_every_experiment_and_seed_has_a_file_of_its_own():
    study = build_study(theory(seed=[0, 1]))
    files = [
        paths.laboratory_file(study, one, seed) for one in ("relu", "batchnorm") for seed in (0, 1)
    ]
    assert len(set(files)) == 4
