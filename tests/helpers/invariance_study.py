"""The study of invariance with made-up tables: values resemble real ones, and are no results."""

import numpy as np
import pandas as pd
import synthetic
from configurations import fewer_seeds

from tlstudy.config.architectures import RESNET_STAGES
from tlstudy.config.exposures import exposure_of
from tlstudy.config.quantity_table import TRANSFORM_GROUPS
from tlstudy.config.settings import Study
from tlstudy.config.study import selected
from tlstudy.config.tables import ALL_TABLES
from tlstudy.data.shown_classes import half_of
from tlstudy.report.figures.invariance import SHOWN_BY_IMAGENET

GAIN, INDEX = 0.35, {True: 0.1, False: 0.4}  # of all classes turned; transfer index, by new


def make_study(seeds: int = 5, epochs: int = 6) -> Study:
    return fewer_seeds("invariance", seeds, ["invariance"], epochs)


def make_tables(study: Study) -> dict:
    tables = synthetic.make_tables(study)
    settings = {name: arm.model_dump_json() for name, arm in study.arms.items()}
    tables["runs"]["settings"] = tables["runs"]["arm"].map(settings)
    tables["invariance"] = invariance_table(study)
    return synthetic.with_claims(study, tables)


def invariance_table(study: Study) -> pd.DataFrame:
    """Follows the columns of invariance: what is not shown turned gains a part of what is."""
    rows = []
    for run in selected(study, study.invariance):
        new, exposure = run.settings.initialisation == "random", exposure_of(run.settings)
        of_seed = np.random.default_rng([run.seed, new])
        generator = np.random.default_rng([run.seed, len(run.arm)])
        upright = (0.6 if new else 0.85) + of_seed.normal(0, 0.02)
        half = half_of(run.settings.target, run.seed)
        start = (0.28 if new else 0.38) + of_seed.normal(0, 0.03)
        key = (run.arm, run.subset_size, run.seed)

        def add(point, group, measure, value, stage="", label="", key=key):
            rows.append((*key, point, group, measure, stage, str(label), value, 250, None))

        for label in range(10):
            shown = exposure in ("all", "") or (exposure == "half" and label in half)
            part = 1 if shown else INDEX[new] if exposure == "half" else 0
            turned = start + GAIN * part + generator.normal(0, 0.02)
            add("end", "none", "accuracy", upright, label=label)
            for group in TRANSFORM_GROUPS:
                value = turned if "turn" in group else upright - 0.1
                add("end", group, "accuracy", value, label=label)
                add("end", group, "divergence", 2 - 2 * value, label=label)
        for point in ("start", "end"):
            for group in TRANSFORM_GROUPS:
                fall = 0.16 if not new and group in SHOWN_BY_IMAGENET else 0.06
                for place, stage in enumerate(RESNET_STAGES):
                    value = 0.95 - fall * place - 0.05 * (point == "end")
                    add(point, group, "sensitivity", value + generator.normal(0, 0.02), stage)
    return pd.DataFrame(rows, columns=list(ALL_TABLES["invariance"]))
