"""The published series as evidence, and the findings on them.

Source of what is no series: G. Pintus, "An Empirical Analysis of Transfer Learning and Implicit
Regularization", slides, University of Trieste, 13 January 2025, and the author's public notebook
(GitHub, GabrielePintus/AdvancedDL-KernelMethods, "Final Project").
"""

from typing import Any

import numpy as np
import pandas as pd

from tlstudy.audit.sentinels.evidence import Evidence
from tlstudy.audit.sentinels.registry import examine, examine_group
from tlstudy.audit.sentinels.sentinel import Finding
from tlstudy.config.targets import MNIST
from tlstudy.data import published

MODELS = ("new", "pretrained")
TEST_IMAGES = 10_000
SUBSET_SIZE, SEED = 50, 26
# Training images of each digit among those that the notebook draws: np.random.seed(26);
# np.random.choice(60000, 50).
CLASS_COUNTS = (2, 6, 6, 5, 5, 7, 3, 9, 2, 5)
# Points along a side and weight copies: the notebook. Lowest and highest tick: the slides.
LANDSCAPES = {"new": (9, 10, (2.292, 2.296)), "pretrained": (15, 20, (1.60, 1.62))}
RADIUS = 1.0


def findings_on_published() -> list[Finding]:
    """Findings on the published series, the new network's first.

    They follow from published numbers alone: no settings are given to the sentinels.
    """
    evidences = published_evidence()
    compared = examine_group(evidences).findings
    return [
        finding
        for evidence in evidences
        for findings in (examine(evidence).findings, compared)
        for finding in findings
        if finding.arm == evidence.arm
    ]


def published_evidence() -> list[Evidence]:
    """Evidence of the new and of the pretrained network, named so, as far as it was published."""
    return [_evidence(model) for model in MODELS]


def _evidence(model: str) -> Evidence:
    metrics = _metrics(model)
    row = published.best().set_index("model").loc[model]
    return Evidence(
        arm=model,
        subset_size=SUBSET_SIZE,
        seed=SEED,
        metrics=metrics,
        layers=_layers() if model == "pretrained" else None,
        landscape=_landscape(model, metrics),
        subset=_subset(),
        # As printed: with four digits, and a zero at the end is one too.
        reported={name: f"{row[name]:.4f}" for name in ("loss", "balanced_accuracy")},
    )


def _subset() -> dict[str, Any]:
    indices = np.random.RandomState(SEED).choice(MNIST.data.train, SUBSET_SIZE)
    return {
        "indices": indices.tolist(),
        "counts": list(CLASS_COUNTS),
        "duplicates": SUBSET_SIZE - len(set(indices.tolist())),
    }


def _metrics(model: str) -> pd.DataFrame:
    """The published series in the columns of this project's own; test values are the running."""
    columns: dict[str, pd.Series] = {"gradient_norm": _of(published.gradient_norm(), model)}
    for name, table in (
        ("loss", published.loss()),
        ("balanced_accuracy", published.balanced_accuracy()),
    ):
        columns[f"train_{name}"] = _of(table[table["split"] == "train"], model)
        columns[f"test_{name}_running"] = _of(table[table["split"] == "test"], model)
    if model == "pretrained":
        columns["displacement_from_previous"] = _of(published.displacement(), model)
        columns["angle_from_previous"] = _of(published.angle(), model)
    frame = pd.DataFrame(columns).rename_axis("epoch").reset_index()
    return frame.assign(test_images=TEST_IMAGES)


def _of(table: pd.DataFrame, model: str) -> pd.Series:
    """The last column of a published table by epoch, for one of the models."""
    return table[table["model"] == model].set_index("epoch").iloc[:, -1]


def _layers() -> pd.DataFrame:
    keys = ["epoch", "layer"]
    angles = published.layer_angle()[[*keys, "angle_from_previous"]]
    return published.layer_displacement().merge(angles, on=keys)


def _landscape(model: str, metrics: pd.DataFrame) -> dict[str, Any]:
    """What is known of a published landscape: its surface was not digitised.

    The checkpoint's train loss is that before its last update, the nearest one published.
    """
    points, copies, ticks = LANDSCAPES[model]
    plane = {
        "status": "drawn",
        "axis": np.linspace(-RADIUS, RADIUS, points).tolist(),
        "loss_range": ticks,
        "path": [[]] * copies,
    }
    loss = float(metrics["train_loss"].iloc[-1])
    return {"checkpoint_train_loss": loss, "planes": {"trajectory": plane}}
