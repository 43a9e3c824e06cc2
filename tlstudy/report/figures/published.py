"""Contradictions within the published material: facts computed from its series, and a figure.

Everything but NOTEBOOK is computed from `tlstudy.data.published`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tlstudy.audit.sentinels.angles import angle_of, steps_of
from tlstudy.audit.sentinels.weights import growth
from tlstudy.config.settings import Study
from tlstudy.data import published
from tlstudy.report.figures import style
from tlstudy.report.figures.points import Tables

# The pretrained row of the table in the author's public notebook "Final Project" (GitHub,
# GabrielePintus/AdvancedDL-KernelMethods).
NOTEBOOK = {"loss": 1.8018, "balanced_accuracy": 0.6554}
LEARNING_RATE = 1e-3  # of the published Adam
HEAD_INPUTS = 2048  # of ResNet-50's last layer
# PyTorch starts a Linear layer's weights and biases uniformly within 1 / sqrt(inputs).
HEAD_INITIAL_RMS = 1 / np.sqrt(3 * HEAD_INPUTS)
HEAD = {"fc.weight": "o", "fc.bias": "s"}
TITLE = 36  # characters of a line of a panel's title
THEORY = {"color": style.GAP, "linestyle": ":", "linewidth": 2}
FINE_EPOCHS = 20  # from here on the angles are a few steps of float32 apart


@dataclass(frozen=True)
class Version:
    """The pretrained network's published result in one of its versions; loss in nats."""

    where: str
    loss: float
    balanced_accuracy: float


def versions() -> list[Version]:
    """Table, plotted curves (each the best epoch on test images), the notebook's own table."""
    table = published.best().set_index("model").loc["pretrained"]
    tested = "model == 'pretrained' and split == 'test'"
    accuracy = published.balanced_accuracy().query(tested)["balanced_accuracy"].max()
    loss = published.loss().query(tested)["loss"].min()
    return [
        Version("slides, table", float(table["loss"]), float(table["balanced_accuracy"])),
        Version("slides, curves", float(loss), float(accuracy)),
        Version("notebook, table", **NOTEBOOK),
    ]


@dataclass(frozen=True)
class Head:
    """Largest change of the last layer in one epoch beside what Adam's step size predicts.

    Attributes:
        displacement, angle: largest of weights and biases over the epochs; a ratio, degrees.
        predicted_displacement, predicted_angle: of a step at right angles, at the initial rms.
    """

    displacement: float
    angle: float
    predicted_displacement: float
    predicted_angle: float


def head() -> Head:
    """The last layer's published maxima and their prediction."""
    predicted = LEARNING_RATE / HEAD_INITIAL_RMS
    displacement, angle = (
        float(table.loc[table["layer"].isin(HEAD), f"{quantity}_from_previous"].max())
        for quantity, table in (
            ("displacement", published.layer_displacement()),
            ("angle", published.layer_angle()),
        )
    )
    return Head(displacement, angle, float(predicted), float(np.degrees(np.arctan(predicted))))


def new_gradient_norms() -> pd.Series:
    """The new network's published gradient norm by epoch."""
    return published.gradient_norm().query("model == 'new'").set_index("epoch")["gradient_norm"]


def gradient_growth() -> tuple[float, float]:
    """(log-log slope against the epoch, last over first) of the new network's gradient norm."""
    norms = new_gradient_norms()
    found = growth(norms.index.to_numpy(), norms.to_numpy())
    return found.slope, float(norms.iloc[-1] / norms.iloc[0])


def contradictions_figure(_study: Study, _tables: Tables, _size: None) -> Figure:
    """Six panels of published values; none of a study's own."""
    handles = [
        style.entry(name, style.PRETRAINED, "", marker=marker)
        for name, marker in {"published": "D", **HEAD}.items()
    ]
    handles.append(style.entry("theory", style.GAP, ":", linewidth=2))
    figure = style.new_figure(7.6, handles, "Published values only: one seed, no interval.")
    panels, item = figure.subplots(3, 2).ravel(), head()
    _versions_panel(panels[0], "balanced_accuracy", "best balanced accuracy (%)", 100)
    _versions_panel(panels[1], "loss", "best loss (nats)", 1)
    panels[1].set_yticklabels([])
    _lattice_panel(panels[2])
    _gradient_panel(panels[3])
    table, column = published.layer_displacement(), "displacement_from_previous"
    unit = "relative change in one epoch"
    _head_panel(panels[4], table, column, item.predicted_displacement, unit)
    table, column = published.layer_angle(), "angle_from_previous"
    _head_panel(panels[5], table, column, item.predicted_angle, "angle in one epoch (degrees)")
    return figure


def _versions_panel(ax: Axes, quantity: str, unit: str, scale: float) -> None:
    """A row for each version of the result, its value written beside the mark."""
    for row, version in enumerate(versions()):
        value = scale * getattr(version, quantity)
        ax.plot(value, row, "D", color=style.PRETRAINED, markersize=7)
        text = f"{value:.2f} %" if scale == 100 else f"{value:.4f}"
        ax.annotate(text, (value, row), (0, 8), textcoords="offset points", ha="center")
    ax.set_yticks(range(3), labels=[version.where for version in versions()])
    ax.margins(x=0.25)
    title = "(a) pretrained network: one result, three versions"
    style.dress(ax, title, TITLE, xlabel=unit, ylim=(2.5, -0.7))


def _lattice_panel(ax: Axes) -> None:
    """The last angles of all weights on the steps that single precision has."""
    table = published.angle().query("epoch >= @FINE_EPOCHS")
    angles = table["angle_from_previous"].to_numpy()
    top = int(np.ceil(steps_of(angles).max())) + 1
    for step in range(top + 1):
        ax.axhline(angle_of(step), color=style.GAP, linestyle=":", linewidth=1.2, zorder=1)
    ax.plot(table["epoch"], angles, "D", color=style.PRETRAINED, markersize=5)
    labels = [f"{angle_of(step):.3f}" * (step < 5 or step % 2 == 0) for step in range(top + 1)]
    ax.set_yticks(angle_of(np.arange(top + 1)), labels=labels)
    ax.grid(visible=False)
    zeros = int((angles == 0).sum())
    title = f"(b) angles from epoch {FINE_EPOCHS}: only these steps exist; {zeros} zeros"
    style.epoch_panel(ax, title, characters=TITLE, ylabel="angle in one epoch (degrees)")


def _gradient_panel(ax: Axes) -> None:
    """The new network's gradient norm beside its first value times the epoch."""
    norms = new_gradient_norms()
    slope, growth = gradient_growth()
    epochs = norms.index.to_numpy(dtype=float)
    ax.plot(epochs, norms.iloc[0] * epochs, **THEORY)
    ax.plot(epochs, norms, "D", color=style.PRETRAINED, markersize=4.5)
    ax.set(xscale="log", yscale="log")
    title = f"(c) slope {slope:.3f}, last / first {growth:.2f}: gradients add up"
    style.dress(ax, title, TITLE, xlabel="epoch", ylabel="gradient norm, new network")


def _head_panel(ax: Axes, table: pd.DataFrame, column: str, predicted: float, unit: str) -> None:
    """The last layer's change epoch by epoch, and Adam's at the layer's initial scale."""
    for layer, marker in HEAD.items():
        rows = table[table["layer"] == layer]
        ax.plot(rows["epoch"], rows[column], marker, color=style.PRETRAINED, markersize=4.5)
    ax.axhline(predicted, **THEORY)
    largest = table.loc[table["layer"].isin(HEAD), column].max()
    title = f"(d) last layer: largest {largest:.3g}, Adam's step predicts {predicted:.3g}"
    style.epoch_panel(ax, title, characters=TITLE, ylabel=unit, ylim=(0, None))
