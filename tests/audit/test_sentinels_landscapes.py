"""Sentinels of the path through weight space and of landscapes."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from real_runs import (
    PROTOCOLS,
    evidence_of,
    landscape_of,
    published_new_run,
    trainer_of,
)
from sentinel_series import saw, skipped

from tlstudy.audit.sentinels.evidence import Evidence
from tlstudy.audit.sentinels.landscapes import WALK_MARGIN
from tlstudy.audit.sentinels.registry import examine_group
from tlstudy.config.training import EarlyStopping, Training
from tlstudy.networks.evaluation import loss_of_head, predict
from tlstudy.networks.random_walk import walk_shares
from tlstudy.networks.trajectory import Trajectory, principal_plane


def of_path(points: np.ndarray) -> Evidence:
    """Evidence of a path (T, weights), by the project's own principal components."""
    trajectory = Trajectory(torch.zeros(points.shape[1]), len(points) - 1)
    for point in points[1:]:
        trajectory.append(torch.from_numpy((point - points[0]).astype(np.float32)))
    plane = principal_plane(trajectory.gram())
    record = {
        "rank": plane.rank,
        "explained_variance": plane.explained_variance.tolist(),
        "path": plane.path.tolist(),
    }
    return Evidence(arm="path", record={"trajectory": record})


def random_walk(points: int, weights: int, seed: int) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).normal(size=(points, weights)), axis=0)


def test_a_path_that_spans_no_plane():
    """F3."""
    assert "rank 0" in saw("path-without-plane", published_new_run())
    line = np.outer(np.arange(6), np.ones(50))
    assert "straight line" in saw("path-without-plane", of_path(line))
    assert skipped("path-without-plane", of_path(line[:2])) == "a path of two epochs or more"


@pytest.mark.parametrize("points", [3, 4, 7, 31])
def test_random_walks_are_found(points):
    found = [
        saw("path-like-a-random-walk", of_path(random_walk(points, 2000, s))) for s in range(20)
    ]
    assert all(found)


@settings(max_examples=50, deadline=None)
@given(st.integers(4, 40), st.floats(0.5, 5), st.integers(0, 2**32 - 1))
def test_a_drift_as_long_as_the_noise_is_no_random_walk(points, drift, seed):
    """Steps of noise 1 about a drift of 0.5 or more: it takes no clean line to have a direction."""
    walk = random_walk(points, 500, seed) / np.sqrt(500)
    path = walk + drift * np.outer(np.arange(points), np.eye(500)[0])
    share = of_path(path).record["trajectory"]["explained_variance"][0]
    evidence = of_path(path)
    assert (not saw("path-like-a-random-walk", evidence)) == (
        share > walk_shares(points, 1)[0] + WALK_MARGIN
    )
    if drift >= 1:
        assert not saw("path-like-a-random-walk", evidence)


@pytest.fixture(scope="module")
def landscape():
    """A trainer that has run, its evidence, and its landscape."""
    trainer = trainer_of(**{**PROTOCOLS["sound"], "epochs": 2})
    evidence = evidence_of(trainer, 26)
    return trainer, evidence, landscape_of(trainer, evidence)


def test_a_landscape_around_the_checkpoint_has_its_loss_in_the_centre(landscape):
    """F6: as this project computes it, and the published way, in evaluation mode."""
    trainer, evidence, record = landscape
    assert not saw("landscape-off-centre", replace(evidence, landscape=record))
    logits = predict(trainer.network, trainer.images.train, trainer.images.inputs)
    centre = float(loss_of_head(logits, trainer.images.train_labels, "logits"))
    plane = {**record["planes"]["random"], "centre_loss": centre}
    published = replace(evidence, landscape={**record, "planes": {"random": plane}})
    assert f"{centre:.6g}" in saw("landscape-off-centre", published)


def test_a_centre_that_is_not_finite_is_off_and_one_that_was_not_drawn_is_skipped(landscape):
    _, evidence, record = landscape
    for plane, told in (
        ({**record["planes"]["random"], "centre_loss": None}, "not finite"),
        ({"status": "none", "reason": "diverged"}, ""),
    ):
        changed = replace(evidence, landscape={**record, "planes": {"random": plane}})
        if told:
            assert told in saw("landscape-off-centre", changed)
        else:
            assert skipped("landscape-off-centre", changed)


@pytest.mark.parametrize(
    ("radius", "points", "differs"), [(1.0, 3, ""), (2.0, 3, "radius"), (1.0, 5, "points")]
)
def test_landscapes_on_other_axes_are_not_comparable(landscape, radius, points, differs):
    trainer, evidence, record = landscape
    ours = replace(evidence, landscape=record)
    other = replace(evidence, landscape=landscape_of(trainer, evidence, radius, points))
    for name in (evidence.arm, "other"):  # two runs of one name are compared too
        result = examine_group([ours, replace(other, arm=name)])
        found = [f for f in result.findings if f.sentinel == "landscapes-not-comparable"]
        assert "landscapes-not-comparable" in result.ran
        assert bool(found) == bool(differs)
        assert all(differs in finding.saw for finding in found)
    result = examine_group([ours, evidence])
    assert "two runs" in result.skipped["landscapes-not-comparable"]


def with_norms(arm: str, factor: float, **known) -> Evidence:
    """A run whose convolutions have norms times the factor; its BatchNorm is as in all others."""
    layers = pd.DataFrame(
        {
            "epoch": [1, 2] * 2,
            "layer": ["conv1.weight"] * 2 + ["bn1.weight"] * 2,
            "kind": ["convolution"] * 2 + ["batchnorm-weight"] * 2,
            "norm": [1.0, 2.0 * factor, 8.0, 8.0],
        }
    )
    return Evidence(arm=arm, layers=layers, **known)


RAW = {"curvature": pd.DataFrame({"hessian_eigenvalue": [3.0]})}
NO_EIGENVALUE = {"curvature": pd.DataFrame({"hessian_eigenvalue": [float("nan")]})}  # diverged
ALONG_PATH = {"landscape": {"planes": {"trajectory": {"status": "drawn", "axis": [-1, 0, 1]}}}}
NORMALISED_ONLY = {"landscape": {"planes": {"random": {"status": "drawn", "axis": [-1, 0, 1]}}}}


@pytest.mark.parametrize(
    ("known", "factor", "told"),
    [
        (RAW, 0.5, "a factor of 4"),
        (RAW, 1.5, "raw Hessian eigenvalues"),
        (RAW, 1.3, ""),
        (ALONG_PATH, 3.0, "landscapes along the path"),
    ],
)
def test_sharpness_across_scales_is_noted(known, factor, told):
    """F17."""
    pair = [with_norms("one", 1.0, **known), with_norms("two", factor, **known)]
    found = examine_group(pair).findings
    found = [each for each in found if each.sentinel == "sharpness-compared-across-scales"]
    assert len(found) == (2 if told else 0)
    assert all(told in each.saw and not each.is_alarm for each in found)


@pytest.mark.parametrize("known", [NORMALISED_ONLY, NO_EIGENVALUE])
def test_what_is_not_there_or_has_no_scale_is_compared_at_any_scale(known):
    pair = [with_norms(name, factor, **known) for name, factor in (("a", 1), ("b", 9))]
    examination = examine_group(pair)
    assert "sharpness-compared-across-scales" in examination.skipped


@pytest.mark.parametrize("early", [True, False])
def test_the_path_of_a_run_with_early_stopping_may_be_shorter(landscape, early):
    _, evidence, record = landscape
    training = evidence.training.model_copy(
        update={"early_stopping": EarlyStopping() if early else None}
    )

    def with_path(points: int, training: Training) -> Evidence:
        plane = {**record["planes"]["random"], "path": [[0.0, 0.0]] * points}
        shown = {**record, "planes": {"random": plane}}
        return replace(evidence, arm=str(points), landscape=shown, training=training)

    pair = [with_path(13, evidence.training), with_path(4, training)]
    findings = examine_group(pair).findings
    found = {f.saw for f in findings if f.sentinel == "landscapes-not-comparable"}
    assert found == (
        set() if early else {"random plane, weight vectors behind it: 13 in 13, 4 in 4"}
    )
