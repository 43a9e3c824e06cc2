"""The gap between a pretrained and a new network against destroyed local structure.

A study may take its images into b x b blocks that change places (`block_shuffle`). The gap is the
pretrained network's balanced accuracy less the new one's, seed by seed.
"""

import warnings

import numpy as np
import pandas as pd
from scipy.stats import ConstantInputWarning, spearmanr

from tlstudy.audit.answers import of_tables
from tlstudy.audit.quantities import Tables, values_of
from tlstudy.audit.statistics import Summary, summarise
from tlstudy.config.architectures import NotCalledError, network_facts
from tlstudy.config.groups import block_sweeps
from tlstudy.config.settings import Arm, Study

# What is cheap to know of the pretrained network, each of its last stage before the head.
SCORES = {
    "probe": "linear probe before training",
    "log_evidence": "LogME before training",
    "similarity": "debiased CKA of before and after (known after training only)",
}
ALL_IMAGES = "all images"
FEWEST = 3  # points that have a rank correlation other than 1 and -1


def overlap_table(study: Study, tables: Tables, size: int) -> pd.DataFrame:
    """A row a sweep, number of blocks and seed: images, blocks, the two arms, gap and scores.

    The gap is a share. NaN where a run diverged or was not measured.
    """
    accuracies = values_of(tables, "balanced_accuracy")
    rows = []
    for images, pairs in block_sweeps(study).items():
        for blocks, (new, pretrained) in pairs.items():
            arm = study.arms[pretrained]
            last = _last_stage(arm, pretrained, tables)
            scores = {score: values_of(tables, f"{score}.{last}") for score in SCORES if last}
            for seed in study.seed:
                ours, others = (pretrained, size, seed), (new, size, seed)
                found = {score: values.get(ours) for score, values in scores.items()}
                gap = accuracies.get(ours, np.nan) - accuracies.get(others, np.nan)
                arms = {"pretrained": pretrained, "new": new}
                where = {"images": images, "blocks": blocks, **arms, "seed": seed}
                rows.append({**where, "gap": gap, **found})
    columns = ["images", "blocks", "pretrained", "new", "seed", "gap", *SCORES]
    table = pd.DataFrame(rows, columns=columns)
    return table.astype(dict.fromkeys(("gap", *SCORES), float))


def gap_summary(study: Study, tables: Tables, size: int, rows: pd.DataFrame) -> Summary:
    """The mean gap, a share, over seeds, and over test images where the answers are known.

    Args:
        rows: of `overlap_table`, of one kind of images and one number of blocks.
    """
    terms = [(1, rows["pretrained"].iloc[0]), (-1, rows["new"].iloc[0])]
    values = rows.set_index("seed")["gap"]
    return of_tables(study, tables).summary("balanced_accuracy", terms, size, values)


def _last_stage(arm: Arm, name: str, tables: Tables) -> str | None:
    """The last stage of an arm's network before the head; None if it has no stages."""
    try:
        stages = network_facts(arm.architecture, arm.image_size).stages
    except NotCalledError:  # its probes stand in the order of its stages
        rows = tables["encoder"]
        probes = rows[(rows["arm"] == name) & (rows["measure"] == "probe")]
        stages = tuple(probes["stage"])
    return stages[-1] if stages else None


def slope(rows: pd.DataFrame) -> Summary:
    """Change of the gap with each doubling of the blocks along a side, a share, over seeds.

    Of the least-squares line within each seed; a seed without one of the gaps has none. The
    interval is that of one number a seed (Matthews et al. 1990, summary measures).

    Args:
        rows: of `overlap_table`, of one kind of images.
    """
    gaps = rows.pivot(index="seed", columns="blocks", values="gap").dropna()
    places = np.log2(gaps.columns.to_numpy(dtype=float))
    centred = places - places.mean()
    return summarise(gaps.to_numpy(dtype=float) @ centred / np.square(centred).sum())


def rank_correlation(rows: pd.DataFrame, score: str) -> Summary:
    """Spearman's correlation of a score with the gap within each seed, over seeds.

    Student's interval of one correlation a seed (Matthews et al. 1990): runs of a seed share their
    images' draw, so they are no independent points of one correlation.

    Args:
        rows: of `overlap_table`: of one kind of images, or of all.
    """
    found = []
    for _, of_seed in rows.groupby("seed"):
        # Equal gaps of accuracies differ by rounding, which is no rank.
        there = of_seed[["gap", score]].dropna().round(12)
        if len(there) >= FEWEST:
            with warnings.catch_warnings():  # a constant has none, which is NaN
                warnings.simplefilter("ignore", ConstantInputWarning)
                found.append(spearmanr(there["gap"], there[score]).statistic)
    return summarise(np.array(found, dtype=float))
