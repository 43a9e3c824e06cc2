"""A study of which a run fails: the rest is done and reported, and what failed is told."""

import re

import pytest
from reports import Page

from workflow import StudyFolder

ARM = {"architecture": "resnet18", "image_size": 32, "epochs": 1, "group": "main"}
OVERLAY = {
    "seed": [26, 27],
    "landscape": {"seeds": [26], "grid": 3, "arms": ["new"]},
    "curvature": {"seeds": []},
    "encoder": {"seeds": []},
    "ladder": [],
    "claims": {
        "gap": {
            "text": "Tuning helps.",
            "quantity": "balanced_accuracy",
            "arm": "tuned",
            "against": "new",
        }
    },
    # So large that the tuned runs diverge at every one of them, which is an error.
    "tuning": {"learning_rates": [1e30, 2e30], "folds": 2},
    "arms": {
        "new": ARM,
        "tuned": {**ARM, "tune_learning_rate": True, "optimiser": {"name": "sgd"}},
        "pretrained": None,
        "new-published": None,
        "pretrained-published": None,
    },
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory, cache):
    """A study of two arms and two seeds in which the runs of one arm fail, and what was printed."""
    place = StudyFolder(tmp_path_factory.mktemp("broken") / "study")
    place.overlay |= OVERLAY
    return place, place.run("--keep-going")
