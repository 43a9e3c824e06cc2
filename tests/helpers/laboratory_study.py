"""A study of the laboratory alone, and inputs of its report with made-up verdicts: no number of the
laboratory's claims here was measured. The formulas' table is real, on few draws."""

import pandas as pd
from reports import COMMIT, DRAWING

from tlstudy.config.catalogue import study_figure_names
from tlstudy.config.settings import Study
from tlstudy.config.study import build_study
from tlstudy.jobs.progress import progress
from tlstudy.report.inputs import Inputs
from tlstudy.report.sentences.progress import section
from tlstudy.storage import columns, laboratory_columns
from tlstudy.theory.formulas import check_all

DRAWS = 400
# verdict, unit, effect, mean, low, high
MADE_UP = {
    "L1": ("supported", "share", 0.05, 0.213, 0.171, 0.259),
    "L2": ("refuted", "doublings", 0.5, -0.871, -1.127, -0.602),
    "L3": ("inconclusive", "powers of ten", 0.1, 0.0432, -0.0211, 0.1076),
    "L4": ("not testable", "share", 0.1, 0.31, 0.28, 0.34),
}
SEEDS = range(6)
TUNED = {"method": "fine-tuned", "overlap": 1.0, "cosine": 0.0, "features": 4.0}
TUNED |= {"scale": 1.0, "gamma": 0.03, "samples": 32.0}


def make_study(seeds: int = 10, experiments=("diagonal", "relu", "batchnorm")) -> Study:
    return build_study(
        {
            "study": "made-up",
            "seed": list(range(seeds)),
            "laboratory": {"experiments": list(experiments)},
            "arms": {},
        }
    )


def make_claims(seeds: int = 10) -> pd.DataFrame:
    """Made-up rows of `tlstudy.storage.laboratory_columns.LABORATORY_CLAIMS`."""
    rows = [
        {
            "claim": name,
            "experiment": "diagonal" if name == "L1" else "relu",
            "text": f"Made-up claim number {name[1:]}.",
            "statistic": f"made-up statistic {name} ({unit})",
            "unit": unit,
            "effect": effect,
            "seeds": seeds,
            "mean": mean,
            "low": low,
            "high": high,
            "smallest": low - 0.1,
            "largest": high + 0.1,
            "verdict": verdict,
            "because": f"Made-up reason {name}.",
            "figure": "penalty" if name == "L1" else "",
        }
        for name, (verdict, unit, effect, mean, low, high) in MADE_UP.items()
    ]
    return pd.DataFrame(rows, columns=list(laboratory_columns.LABORATORY_CLAIMS))


def make_runs(study: Study) -> pd.DataFrame:
    """Made-up rows of `LABORATORY_RUNS`: a second for the first seed, and so on."""
    same = {"processor": "A processor", "python": "3.12.1", "numpy": "2.1.0", "torch": "2.6.0"}
    rows = [
        {"experiment": experiment, "seed": seed, "seconds": 1.0 + seed, "commit": COMMIT, **same}
        for experiment in study.laboratory.experiments
        for seed in study.seed
    ]
    return pd.DataFrame(rows, columns=list(laboratory_columns.LABORATORY_RUNS))


def empty(described) -> pd.DataFrame:
    return columns.schema(described).empty_table().to_pandas()


def make_inputs(study: Study | None = None, claims: pd.DataFrame | None = None) -> Inputs:
    """Inputs of a report on made-up verdicts, every figure the same drawing."""
    study = study or make_study()
    return Inputs(
        study=study,
        progress=section(progress(study)),
        runs=empty(columns.RUNS),
        metrics=empty(columns.METRICS),
        layers=empty(columns.LAYERS),
        formulas=check_all(DRAWS, 0),
        laboratory_runs=make_runs(study),
        laboratory_claims=make_claims() if claims is None else claims,
        study_figures={name: DRAWING for name in study_figure_names(study)},
    )


def table(*rows: dict) -> pd.DataFrame:
    """Made-up `laboratory_columns.LABORATORY`: the rows in every seed; values that are callable are
    functions of the seed."""
    found = [
        {
            "seed": seed,
            **row,
            "value": row["value"](seed) if callable(row["value"]) else row["value"],
        }
        for seed in SEEDS
        for row in rows
    ]
    return pd.DataFrame(found).reindex(columns=list(laboratory_columns.LABORATORY))


def relu(**row) -> dict:
    return {"experiment": "relu", "network": "relu", **TUNED, **row}


def rescaled(**row) -> dict:
    fixed = {"experiment": "batchnorm", "network": "batchnorm", "method": "fine-tuned"}
    rule = {"part": "encoder", "optimiser": "sgd", "learning_rate_rule": "squared-factor"}
    measure = {"measure": "prediction_difference", "statistics": "recalibrated"}
    return {**fixed, **rule, **measure, "scale": 2.0, **row}
