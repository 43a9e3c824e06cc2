"""The study of destroyed local structure with made-up tables: gaps and scores are as chosen."""

import numpy as np
import pandas as pd
import synthetic
from configurations import fewer_seeds

from tlstudy.audit.quantities import INDEX
from tlstudy.config.groups import block_sweeps
from tlstudy.config.settings import Study
from tlstudy.config.tables import ALL_TABLES
from tlstudy.storage import columns

SIZE = 50
# The gap on whole images, and its change with each doubling of the blocks, by the images' name.
GAPS = {"MNIST": (0.4, -0.05), "scikit-learn\u2019s digits": (0.3, -0.02)}
SPREAD = 0.01  # standard deviation of a seed's slope


def make_study(seeds: int = 6) -> Study:
    return fewer_seeds("overlap", seeds, ["encoder", "features"])


def slope_of(images: str, seed: int) -> float:
    return GAPS[images][1] + SPREAD * np.random.default_rng(seed).normal()


def make_tables(study: Study) -> dict[str, pd.DataFrame]:
    """Linear probes rise with the gap, LogME falls with it, CKA is always the same."""
    runs, encoder, features = [], [], []
    for images, pairs in block_sweeps(study).items():
        for blocks, (new, pretrained) in pairs.items():
            for seed in study.seed:
                gap = GAPS[images][0] + slope_of(images, seed) * np.log2(blocks)
                for arm, value in ((new, 0.3), (pretrained, 0.3 + gap)):
                    runs.append((arm, SIZE, seed, study.arms[arm].group, "finished", value))
                key = (pretrained, SIZE, seed)
                encoder.append((*key, "probe", "layer4", 0.1 + gap))
                features.append((*key, "log-evidence", "layer4", 5 - gap, 0))
                features.append((*key, "similarity", "layer4", 0.5, 300))
    named = [*INDEX, "group", "status", "reported_balanced_accuracy"]
    accuracy = [*INDEX, "measure", "stage", "test_balanced_accuracy"]
    tables = {
        "runs": pd.DataFrame(runs, columns=named).reindex(columns=list(columns.RUNS)),
        "encoder": pd.DataFrame(encoder, columns=accuracy).reindex(
            columns=list(ALL_TABLES["encoder"])
        ),
        "features": pd.DataFrame(features, columns=list(ALL_TABLES["features"])),
        "metrics": pd.DataFrame(columns=list(columns.METRICS)),
    }
    return synthetic.with_claims(study, tables)
