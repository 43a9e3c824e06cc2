"""Facts that the slides' own series prove, whoever digitised them."""

import numpy as np
import pandas as pd
import pytest
from torchvision.models import resnet50

from tlstudy.data import published


def series(table: pd.DataFrame, column: str, **where) -> np.ndarray:
    for key, value in where.items():
        table = table[table[key] == value]
    return table.sort_values("epoch")[column].to_numpy()


@pytest.mark.parametrize(
    ("table", "first", "last"),
    [
        (published.loss(), 1, 30),
        (published.balanced_accuracy(), 1, 30),
        (published.gradient_norm(), 1, 30),
        (published.displacement(), 2, 30),
        (published.angle(), 2, 30),
        (published.layer_displacement(), 2, 30),
        (published.layer_angle(), 2, 30),
    ],
)
def test_epochs(table, first, last):
    assert sorted(table["epoch"].unique()) == list(range(first, last + 1))
    assert not table.isna().any(axis=None)


def test_new_network_guesses():
    """F1: its test loss is ln 10, and its accuracies are those of guessing one digit."""
    losses = series(published.loss(), "loss", model="new", split="test")
    np.testing.assert_allclose(losses, np.log(10), atol=1e-3)
    assert published.best().set_index("model").loc["new", "loss"] == losses.min().round(4)


def test_angles_are_float32_arccosines():
    """F16: every angle is arccos(1 - k 2^-24) for a whole number k."""
    degrees = published.angle()["angle_from_previous"].to_numpy()
    steps = (1 - np.cos(np.radians(degrees))) * 2**24
    assert np.abs(steps - steps.round()).max() < 0.02
    grid = np.degrees(np.arccos(1 - steps.round() * 2.0**-24))
    np.testing.assert_allclose(degrees, grid, atol=2e-6)
    assert (degrees == 0).sum() == 4
    # Half-way between two grid values the first test must fail: it can tell the grid apart.
    halfway = np.degrees(np.arccos(1 - (steps[0].round() + np.arange(2)) * 2.0**-24)).mean()
    between = (1 - np.cos(np.radians(halfway))) * 2**24
    assert abs(between - round(between)) > 0.4


def test_table_contradicts_curves():
    """F14: the table's best pretrained values are not the best of the plotted curves."""
    best = published.best().set_index("model").loc["pretrained"]
    accuracy = series(
        published.balanced_accuracy(), "balanced_accuracy", model="pretrained", split="test"
    )
    loss = series(published.loss(), "loss", model="pretrained", split="test")
    assert best["balanced_accuracy"] == 0.6169
    assert round(accuracy.max(), 4) == 0.6290
    assert best["loss"] == 1.8348
    assert round(loss.min(), 4) == 1.8242


def test_softmax_confines_the_loss():
    """F7: no loss leaves the range that cross-entropy on softmax outputs has."""
    losses = published.loss()["loss"]
    assert losses.between(np.log(9 + np.e) - 1, np.log(9 + np.e)).all()


def test_units_agree():
    """Small angles in radians are at most the relative displacement."""
    angle = np.radians(series(published.angle(), "angle_from_previous"))
    displacement = series(published.displacement(), "displacement_from_previous")
    assert angle[0] == pytest.approx(displacement[0], rel=0.1)
    assert published.balanced_accuracy()["balanced_accuracy"].between(0, 1).all()


def test_layers_are_the_networks():
    shown = [
        name
        for name, tensor in resnet50().named_parameters()
        if "downsample" not in name and (tensor.dim() == 4 or name.startswith("fc."))
    ]
    assert published.layer_names() == shown
    assert len(set(shown)) == 51
    table = published.layer_displacement()
    largest = table.loc[table["displacement_from_previous"].idxmax()]
    assert largest["layer"].startswith("fc.")
    assert table.groupby("epoch")["layer"].nunique().eq(51).all()


def test_tables_are_copies():
    table = published.loss()
    table["loss"] = 0.0
    assert published.loss()["loss"].min() > 1
