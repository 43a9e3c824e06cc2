"""Result tables whose every value a test chooses, so that it knows what must come out."""

import pandas as pd

from tlstudy.audit.quantities import INDEX
from tlstudy.config.settings import Study
from tlstudy.config.study import build_study
from tlstudy.config.tables import ALL_TABLES
from tlstudy.storage import columns

SIZE = 50


def make_study(
    claims: dict | None = None,
    seeds: int = 6,
    groups: tuple[str, ...] = ("first", "second", "third"),
    sizes: tuple[int, ...] = (SIZE,),
    **settings,
) -> Study:
    """A ladder whose rungs have the arms new-<group> and pretrained-<group>; more: `settings`."""
    starts = {"new": "random", "pretrained": "imagenet"}
    arms = {
        f"{start}-{group}": {"group": group, "initialisation": initialisation}
        for group in groups
        for start, initialisation in starts.items()
    }
    every = list(range(26, 26 + seeds))
    return build_study(
        {
            "study": "known",
            "seed": every,
            "subset_size": list(sizes),
            "weights": {"imagenet": ["he2015"]},
            "ladder": [{"group": group} for group in groups],
            "claims": claims or {},
            "arms": arms,
            "encoder": {"seeds": every},
            "curvature": {"seeds": every},
            **settings,
        }
    )


def runs_table(study: Study, values: dict[tuple[str, int], dict], size: int = SIZE) -> pd.DataFrame:
    """Rows of runs that finished; values by arm and seed, and what they do not name is empty."""
    rows = [
        {
            "arm": arm,
            "subset_size": size,
            "seed": seed,
            "status": "finished",
            "settings": study.arms[arm].model_dump_json(),
            **row,
        }
        for (arm, seed), row in values.items()
    ]
    return pd.DataFrame(rows).reindex(columns=list(columns.RUNS))


def accuracies(study: Study, values: dict[str, list[float]]) -> pd.DataFrame:
    """Runs with balanced accuracies, by arm a value for each of the study's first seeds."""
    rows = {
        (arm, seed): {"reported_balanced_accuracy": value}
        for arm, found in values.items()
        for seed, value in zip(study.seed, found, strict=False)
    }
    return runs_table(study, rows)


def metrics_table(values: dict[tuple[str, int], dict[str, list]]) -> pd.DataFrame:
    """Rows of epochs 1, 2, ...: by arm and seed the columns' values by epoch."""
    parts = []
    for (arm, seed), series in values.items():
        epochs = range(1, len(next(iter(series.values()))) + 1)
        parts.append(
            pd.DataFrame({"arm": arm, "subset_size": SIZE, "seed": seed, "epoch": epochs, **series})
        )
    table = pd.concat(parts) if parts else pd.DataFrame(columns=INDEX)
    return table.reindex(columns=list(columns.METRICS))


def encoder_table(values: dict[tuple[str, int, str, str], float]) -> pd.DataFrame:
    """By arm, seed, measure and stage the balanced accuracy on test images."""
    rows = [
        (arm, SIZE, seed, measure, stage, value)
        for (arm, seed, measure, stage), value in values.items()
    ]
    named = [*INDEX, "measure", "stage", "test_balanced_accuracy"]
    return pd.DataFrame(rows, columns=named).reindex(columns=list(ALL_TABLES["encoder"]))


def invariance_table(values: dict[tuple[str, int, str, str, str, str, str], float]) -> pd.DataFrame:
    """By arm, seed, point, group, measure, stage and class the value."""
    rows = [(arm, SIZE, seed, *rest, value) for (arm, seed, *rest), value in values.items()]
    named = [*INDEX, "point", "group", "measure", "stage", "class", "value"]
    return pd.DataFrame(rows, columns=named).reindex(columns=list(ALL_TABLES["invariance"]))
