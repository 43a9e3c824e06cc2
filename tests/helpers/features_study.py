"""The study of rescaled networks with made-up features: values are no results."""

import numpy as np
import pandas as pd
import synthetic
from configurations import fewer_seeds

from tlstudy.config.architectures import RESNET_STAGES
from tlstudy.config.settings import Study
from tlstudy.config.study import selected
from tlstudy.config.tables import ALL_TABLES
from tlstudy.report.sentences.experiments import FEATURES

STAGES = RESNET_STAGES[1:]


def make_study(seeds: int = 5, epochs: int = 6) -> Study:
    return fewer_seeds("rescaling-all", seeds, ["features"], epochs)


def make_tables(study: Study) -> dict[str, pd.DataFrame]:
    tables, rows = synthetic.make_tables(study), []
    for run in selected(study, study.features):
        draw = np.random.default_rng([run.seed, len(run.arm)])
        for measure in FEATURES:
            for place, stage in enumerate(STAGES):
                value = (10 if "dimensions" in measure else 0.9) * 0.8**place
                value += draw.normal(0, 0.02)
                rows.append((run.arm, run.subset_size, run.seed, measure, stage, value, 500))
    tables["features"] = pd.DataFrame(rows, columns=list(ALL_TABLES["features"]))
    return synthetic.with_claims(study, tables)
