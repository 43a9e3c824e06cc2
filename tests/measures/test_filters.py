"""Filters before and after: against loops over filters, and what random changes give."""

import numpy as np
import pandas as pd
import pytest
import torch
from tiny import tiny_run

from tlstudy.config.tables import ALL_TABLES
from tlstudy.measures.filters import (
    alignment_if_across,
    filter_alignment,
    layer_rows,
    share_within,
    top_directions,
)


def random_weight(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_alignment_is_the_median_cosine_of_the_filters():
    before, after = random_weight(0, 7, 3, 3, 3), random_weight(1, 7, 3, 3, 3)
    cosines = [
        float(np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b))
        for a, b in zip(before.flatten(1).numpy(), after.flatten(1).numpy(), strict=True)
    ]
    assert filter_alignment(before, after) == pytest.approx(np.median(cosines), abs=1e-6)
    assert filter_alignment(before, 3 * before) == pytest.approx(1)
    assert filter_alignment(before, -before) == pytest.approx(-1)
    before[0] = 0  # a filter of zeros has no direction
    assert filter_alignment(before, before) == pytest.approx(1)


def test_alignment_of_a_change_across_is_what_it_is_said_to_be():
    before = random_weight(0, 4, 2, 3, 3)
    flat, change = before.flatten(1), random_weight(1, 4, 2, 3, 3).flatten(1)
    change -= flat * ((change * flat).sum(1) / flat.square().sum(1))[:, None]
    after = (flat + change).view_as(before)
    assert filter_alignment(before, after) == pytest.approx(
        alignment_if_across(before, after), abs=1e-6
    )


def test_top_directions_hold_half_of_the_squared_norm_and_no_fewer_would():
    weight = random_weight(0, 20, 5, 3, 3)
    directions = top_directions(weight)
    assert torch.allclose(directions @ directions.T, torch.eye(len(directions)).double())
    assert share_within(weight, directions) >= 0.5
    assert share_within(weight, directions[:-1]) < 0.5


def test_a_change_within_the_span_is_within_and_one_outside_is_not():
    weight = random_weight(0, 20, 5, 3, 3)
    directions = top_directions(weight)
    inside = (random_weight(1, 20, len(directions)).double() @ directions).view_as(weight)
    assert share_within(inside, directions) == pytest.approx(1)
    rest = weight.double().flatten(1)
    outside = (rest - rest @ directions.T @ directions).view_as(weight)
    assert share_within(outside, directions) == pytest.approx(0, abs=1e-12)


def test_a_random_span_holds_its_share_of_the_dimensions():
    change = random_weight(2, 20, 5, 3, 3) * torch.arange(1, 46).view(5, 3, 3)
    shares = []
    for seed in range(400):
        directions, _ = torch.linalg.qr(random_weight(seed, 45, 9).double())
        shares.append(share_within(change, directions.T))
    assert np.mean(shares) == pytest.approx(9 / 45, abs=4 * np.std(shares) / 20)


def test_rows_of_a_trained_network_follow_the_columns():
    start, end = (tiny_run(epochs=epochs)[0].network for epochs in (1, 4))
    weights = [{"conv1.weight": network.conv1.weight} for network in (start, end)]
    rows = pd.DataFrame(layer_rows(*weights))
    assert set(rows) == {"measure", "layer", "value"} <= set(ALL_TABLES["reuse"])
    values = rows.set_index("measure")["value"]
    assert values["share-within-random"] == values["directions"] / (3 * 7 * 7)
    assert -1 <= values["alignment"] < 1
    assert 0 < values["share-within"] < 1
