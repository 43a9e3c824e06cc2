"""A claim on made values of two arms, and the ledger's row for it."""

import numpy as np
import pandas as pd
from known import accuracies, make_study, metrics_table

from tlstudy.audit.claims import ledger

NEW, PRETRAINED = "new-first", "pretrained-first"
CONTROL = {"quantity": "displacement", "arm": NEW, "at_least": 0.01, "says": "the network moved"}
CLAIM = {
    "text": "Pretraining helps.",
    "slide": "Best Loss",
    "quantity": "balanced_accuracy",
    "arm": PRETRAINED,
    "against": NEW,
    "effect": 0.1,
    "figure": "ladder",
}
AROUND = np.array([-0.02, 0.01, 0.03, -0.01, 0.0, -0.01])  # about a mean of zero
SHARED = np.array([0.0, 0.1, -0.05, 0.02, 0.07, -0.03])  # what a seed does to both arms


def judged(gaps, claim=None, moved=None, study=None, shared=0.3 + SHARED) -> pd.Series:
    """The ledger's row for a claim, where pretrained less new is `gaps` in each seed.

    Args:
        moved: displacement of the new network in each seed.
    """
    claim = CLAIM | (claim or {})
    study = study or make_study({"C": claim}, seeds=len(gaps), groups=("first",))
    return ledger(study, made_tables(study, gaps, moved, shared))[0].iloc[0]


def made_tables(study, gaps, moved=None, shared=0.3 + SHARED) -> dict[str, pd.DataFrame]:
    shared = np.resize(shared, len(gaps))
    runs = accuracies(study, {NEW: shared, PRETRAINED: shared + np.asarray(gaps)})
    moved = [0.5] * len(gaps) if moved is None else moved
    metrics = {
        (NEW, seed): {"displacement_from_start": [value]}
        for seed, value in zip(study.seed, moved, strict=True)
    }
    return {"runs": runs, "metrics": metrics_table(metrics)}
