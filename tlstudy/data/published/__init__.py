"""The series of the slides as tidy tables, in the conventions of the project's own tables.

Source: G. Pintus, "An Empirical Analysis of Transfer Learning and Implicit Regularization",
slides, University of Trieste, 13 January 2025, digitised; precision in README.md beside this
file. Losses in nats, accuracies from 0 to 1, angles in degrees; `model` is new or pretrained.
"""

from functools import cache
from importlib.resources import files

import pandas as pd

EPOCHS = 30
SIDE = 128  # of the images, in pixels
# The change plotted at index k is the one from epoch k + 1 to epoch k + 2.
FIRST_CHANGE = 2
BLOCKS = {"layer1": 3, "layer2": 4, "layer3": 6, "layer4": 3}  # bottlenecks of ResNet-50


@cache
def _read(name: str) -> pd.DataFrame:
    with files(__package__).joinpath(f"{name}.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file)


def _changes(name: str, column: str, renamed: str) -> pd.DataFrame:
    table = _read(name).rename(columns={column: renamed})
    if "layer_index" in table:
        table["layer"] = table["layer_index"].map(pd.Series(layer_names()))
    return table.assign(epoch=table["epoch"] + FIRST_CHANGE)


def best() -> pd.DataFrame:
    """The slides' table: model, loss, balanced_accuracy; each the best epoch on the test set."""
    names = {"best_loss": "loss", "best_balanced_accuracy": "balanced_accuracy"}
    return _read("best").rename(columns=names)


def loss() -> pd.DataFrame:
    """model, split (train or test), epoch (1 to 30), loss."""
    return _read("loss_evolution").copy()


def balanced_accuracy() -> pd.DataFrame:
    """model, split (train or test), epoch (1 to 30), balanced_accuracy."""
    return _read("accuracy_evolution").copy()


def gradient_norm() -> pd.DataFrame:
    """model, epoch (1 to 30), gradient_norm."""
    return _read("gradient_norm").copy()


def displacement() -> pd.DataFrame:
    """model (pretrained only), epoch (2 to 30), displacement_from_previous of all weights."""
    return _changes("overall_magnitude_change", "relative_change", "displacement_from_previous")


def angle() -> pd.DataFrame:
    """model (pretrained only), epoch (2 to 30), angle_from_previous of all weights, degrees."""
    return _changes("overall_angle_change", "angle_degrees", "angle_from_previous")


def layer_displacement() -> pd.DataFrame:
    """epoch (2 to 30), layer_index (0 to 50), layer, displacement_from_previous; pretrained."""
    return _changes("layerwise_magnitude_change", "value", "displacement_from_previous")


def layer_angle() -> pd.DataFrame:
    """epoch (2 to 30), layer_index (0 to 50), layer, angle_from_previous in degrees; pretrained."""
    return _changes("layerwise_angle_change", "value", "angle_from_previous")


def layer_names() -> list[str]:
    """The 51 tensors behind the heatmaps' columns, in order; inferred, see README.md."""
    blocks = [(layer, block) for layer, count in BLOCKS.items() for block in range(count)]
    convolutions = [f"{layer}.{block}.conv{n}.weight" for layer, block in blocks for n in (1, 2, 3)]
    return ["conv1.weight", *convolutions, "fc.weight", "fc.bias"]
