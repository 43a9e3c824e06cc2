"""The audit's own configuration with made-up tables, for tests of the ladder, the ledger and the
figures of many arms. The values resemble real ones in size and shape, and are no results."""

import numpy as np
import pandas as pd
import synthetic
from configurations import fewer_seeds

from tlstudy.audit.ladder import ladder_table
from tlstudy.config.architectures import RESNET_STAGES
from tlstudy.config.settings import STATISTICS, Study
from tlstudy.config.study import runs, selected
from tlstudy.config.tables import ALL_TABLES
from tlstudy.storage import columns
from tlstudy.theory.formulas import check_all

DRAWS = 400  # of the formulas' table, the one here that is real


def make_study(seeds: int = 5, epochs: int = 6, sizes: tuple[int, ...] = (50,)) -> Study:
    """The audit with fewer epochs, and with other seeds and sizes."""
    measured = ("curvature", "encoder", "reuse", "baselines")
    study = fewer_seeds("audit", seeds, measured, epochs, first=26)
    landscape = study.landscape.model_copy(update={"seeds": study.seed[:1]})
    return study.model_copy(update={"subset_size": list(sizes), "landscape": landscape})


def measured(study: Study, selection) -> list[tuple[str, int, int]]:
    """(arm, subset size, seed) of the runs that a selection names."""
    return [run.key for run in selected(study, selection)]


def encoder_table(study: Study) -> pd.DataFrame:
    """Follows the columns of encoder: later stages read off better, more so when pretrained."""
    rows = []
    for arm, size, seed in measured(study, study.encoder):
        generator = np.random.default_rng([len(arm), size, seed])
        new = study.arms[arm].initialisation == "random"
        rise = 0.05 if new else 0.14
        values = {("fine-tuned", ""): 0.52 if new else 0.8}
        for place, stage in enumerate(RESNET_STAGES):
            values["probe", stage] = 0.5 + rise * place * (1 if place < 4 else 0.8)
            values["frozen", stage] = (0.5 if new else 0.78) - 0.02 * place
            values["put-back", stage] = (0.5 if new else 0.76) - 0.05 * place
        values["put-back", "head"] = 0.12
        values["put-back", "encoder"] = 0.45 if new else 0.6
        for (measure, stage), value in values.items():
            value = value + generator.normal(0, 0.03)
            rows.append((arm, size, seed, measure, stage, 1.0, value, 1.2, 500))
    return pd.DataFrame(rows, columns=list(ALL_TABLES["encoder"]))


def baselines_table(study: Study) -> pd.DataFrame:
    """Follows the columns of baselines: all methods within some points of each other."""
    accuracies = {"nearest": 0.6, "logistic": 0.65, "svm": 0.66}
    rows = [
        (arm, size, seed, method, accuracy, accuracy + 0.01 * (seed % 3), 500)
        for arm, size, seed in measured(study, study.baselines)
        for method, accuracy in accuracies.items()
    ]
    return pd.DataFrame(rows, columns=list(ALL_TABLES["baselines"]))


def curvature_table(study: Study) -> pd.DataFrame:
    """Follows the columns of curvature: one new network never reached the matched train loss."""
    rows = []
    for arm, size, seed in measured(study, study.curvature):
        generator = np.random.default_rng([len(arm), size, seed])
        new = study.arms[arm].initialisation == "random"
        for point, level in (("final", 0.004), ("matched", 0.5)):
            scale = (30 if new else 9) * (1 if point == "final" else 6)
            values = scale * np.exp(generator.normal(0, 0.4, 3)) * [1, 0.01, 5]
            reason = ""
            if new and point == "matched" and seed == study.seed[-1]:
                values, reason = [np.nan] * 3, "the train loss never fell to 0.5"
            raw, rise, normalised = values
            both = (normalised, 0.004, raw, 0.004)
            rows.append((arm, size, seed, point, 6.0, level, *both, 18, rise, reason))
    return pd.DataFrame(rows, columns=list(ALL_TABLES["curvature"]))


def reuse_table(study: Study) -> pd.DataFrame:
    """Follows the columns of reuse: three convolutions, and drifts of a ratio of 16, 1.25 and 1."""
    rows = []
    for arm, size, seed in measured(study, study.reuse):
        generator = np.random.default_rng([len(arm), size, seed])
        excess = 1.1 if study.arms[arm].initialisation == "random" else 3
        for layer in ("conv1.weight", "layer1.0.conv1.weight", "layer1.0.conv2.weight"):
            values = {
                "alignment": 0.9 + generator.normal(0, 0.01),
                "alignment-if-across": 0.92,
                "directions": 10,
                "share-within": 0.1 * excess * np.exp(generator.normal(0, 0.05)),
                "share-within-random": 0.1,
            }
            rows += [(arm, size, seed, name, layer, value) for name, value in values.items()]
        for way, ratio in (("training", 16), ("gradient-descent", 1.25), ("explicit", 1)):
            drift = ratio * np.exp(generator.normal(0, 0.02))
            rows.append((arm, size, seed, f"drift.{way}", "", drift))
            rows.append((arm, size, seed, f"train-loss.{way}", "", 0.1))
        rows.append((arm, size, seed, "across.explicit", "", 0.3))
    return pd.DataFrame(rows, columns=list(ALL_TABLES["reuse"]))


def without_values_between(study: Study, metrics: pd.DataFrame) -> pd.DataFrame:
    """Test values as the audit takes them: after every epoch only where an arm reports the best."""
    metrics = metrics.copy()
    for run in runs(study):
        early = (metrics["arm"] == run.arm) & (metrics["epoch"] < run.settings.epochs)
        for statistics in set(STATISTICS) - set(run.after_epochs):
            lost = [name for name in metrics if name.startswith("test_") and statistics in name]
            metrics.loc[early, lost] = np.nan
    return metrics


def make_tables(study: Study, diverged: set[tuple[str, int]] = frozenset()) -> dict:
    """All tables of the audit by name, and the landscapes."""
    tables = synthetic.make_tables(study, diverged)
    tables["landscapes"] = [
        item for item in tables["landscapes"] if item["arm"] in study.landscape.arms
    ]
    tables["metrics"] = without_values_between(study, tables["metrics"])
    tables |= {"encoder": encoder_table(study), "curvature": curvature_table(study)}
    tables |= {"reuse": reuse_table(study), "baselines": baselines_table(study)}
    return {
        **synthetic.with_claims(study, tables),
        "ladder": ladder_table(study, tables["runs"]),
        "findings": findings_table(study),
        "formulas": check_all(DRAWS, 0),
    }


def findings_table(study: Study) -> pd.DataFrame:
    """Follows `columns.FINDINGS`: errors of the published arms, one warning of a sound run."""
    kinds = {
        "gradients-add-up": ("new-published", "F2", "error"),
        "loss-of-softmax-outputs": ("pretrained-published", "F7", "error"),
        "test-accuracy-of-guessing": ("new-final", "F1", "warning"),
        "uneven-classes": ("new-trained", "F15", "note"),
    }
    rows = [
        {
            "arm": arm,
            "subset_size": size,
            "seed": seed,
            "sentinel": name,
            "flaws": flaws,
            "severity": severity,
            "saw": f"made-up numbers of {name}",
            "why": f"Why {name} matters.",
            "advice": "Mend it.",
        }
        for name, (arm, flaws, severity) in kinds.items()
        for size in study.subset_size
        for seed in study.seed[: None if arm.endswith("published") else 1]
    ]
    return pd.DataFrame(rows, columns=list(columns.FINDINGS))
