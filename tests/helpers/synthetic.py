"""Made-up result tables that follow `tlstudy.storage.columns`, for tests of figures and statistics.

The values resemble the real ones in size and shape, and are no results.
"""

import copy

import numpy as np
import pandas as pd
from configurations import DEFAULT

from tlstudy.audit.claims import ledger
from tlstudy.config.settings import Study
from tlstudy.data import published
from tlstudy.storage import columns

STRANGE_LAYERS = [
    ("bn1.weight", "batchnorm-weight", 64),
    ("layer1.0.downsample.0.weight", "downsample", 16384),
]
UNTRAINED = "another-network"


def make_study(
    arms: dict | None = None, seeds: int = 1, sizes: tuple[int, ...] = (50,), epochs: int = 30
) -> Study:
    """A study of the default arms, or of others, with any number of seeds and sizes."""
    if arms is None:
        arms = default_arms()
    arms = {name: {"epochs": epochs, **settings} for name, settings in arms.items()}
    return Study.model_validate(
        {
            "study": "synthetic",
            "seed": list(range(26, 26 + seeds)),
            "subset_size": list(sizes),
            "weights": {"imagenet": ["he2015"]},
            "landscape": {"seeds": [26], "grid": 9},
            "arms": arms,
        }
    )


def default_arms() -> dict:
    return copy.deepcopy(DEFAULT["arms"])


def sweep_arms(count: int = 6) -> dict:
    """A sweep of learning rates, new and pretrained in turn, in one group."""
    arms = {}
    for rate in (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03):
        for start, kind in (("new", "random"), ("pretrained", "imagenet")):
            arms[f"{start}~learning_rate={rate}"] = {
                "label": f"{start.capitalize()}, corrected, learning rate {rate}",
                "initialisation": kind,
                "optimiser": {"name": "adam", "learning_rate": rate},
            }
    return dict(list(arms.items())[:count])


def make_tables(study: Study, diverged: set[tuple[str, int]] = frozenset()) -> dict:
    """Tables metrics, layers and runs, and the landscapes.

    Args:
        diverged: (arm, seed) of runs that stop after two fifths of their epochs.
    """
    metrics, layers, runs, landscapes = [], [], [], []
    for position, (name, arm) in enumerate(study.arms.items()):
        for size in study.subset_size:
            for seed in study.seed:
                generator = np.random.default_rng([position, size, seed])
                stopped = (name, seed) in diverged
                keys = {"arm": name, "subset_size": size, "seed": seed}
                table = _metrics(arm, size, generator, stopped)
                metrics.append(table.assign(**keys))
                layers.append(_layers(arm, generator, len(table)).assign(**keys))
                runs.append({**keys, **_run(arm, table, stopped)})
                if seed in study.landscape.seeds and not stopped:
                    landscapes.append(_landscape(study, name, size, seed, generator))
    return {
        "metrics": pd.concat(metrics)[list(columns.METRICS)].reset_index(drop=True),
        "layers": pd.concat(layers)[list(columns.LAYERS)].reset_index(drop=True),
        "runs": pd.DataFrame(runs).reindex(columns=list(columns.RUNS)),
        "landscapes": landscapes,
    }


def with_claims(study: Study, tables: dict) -> dict:
    """The tables and the ledger's two, as the claims' step makes them."""
    claims, values = ledger(study, tables)
    return {**tables, "claims": claims, "claim-values": values}


def _metrics(arm, size, generator, stopped) -> pd.DataFrame:
    epochs = np.arange(1, arm.epochs + 1)
    new, trained = arm.initialisation == "random", arm.optimiser_holds == "network"
    learnt = (1 - np.exp(-epochs / 5)) * trained
    floor, top = (1.4612, np.log(10)) if arm.head == "softmax" else (0.003, np.log(10))
    best = min(0.97, (0.35 if new else 0.68) + 0.06 * np.log(size / 50) + generator.normal(0, 0.03))
    noise = generator.normal(0, 0.01, (3, len(epochs)))
    accuracy = 0.1 + (best - 0.1) * learnt + noise[0]
    recalibrated = 0.1 + (min(0.98, best + 0.12) - 0.1) * learnt + noise[1]
    step = 0.007 * np.exp(-0.1 * epochs) * trained * (1.3 if new else 1)
    drift = np.sqrt(np.cumsum(step**2)) * 3
    gradient = np.where(trained, 3 * np.exp(-epochs / 3) + 3e-4, 17.5 * epochs)
    table = pd.DataFrame(
        {
            "epoch": epochs,
            "train_loss": floor + (top - floor) * np.exp(-epochs / 2.5 * trained),
            "train_accuracy": np.clip(0.1 + learnt, 0, 1),
            "train_balanced_accuracy": np.clip(0.1 + learnt, 0, 1),
            "gradient_norm": gradient * np.exp(generator.normal(0, 0.15, len(epochs))),
            "test_images": 10_000,
            "norm": 150.0,
            "displacement_from_start": drift,
            "displacement_from_previous": step,
            "norm_change_from_start": drift**2,
            "norm_change_from_previous": step**2,
            "angle_from_start": np.degrees(np.arctan(drift)),
            "angle_from_previous": np.degrees(np.arctan(step)),
            "training_seconds": 5.0,
            "evaluation_seconds": 60.0,
        }
    )
    for policy, values in (("running", accuracy), ("recalibrated", recalibrated)):
        table[f"test_loss_{policy}"] = floor + (top - floor) * (1.1 - values) + 0.05 * noise[2]
        table[f"test_accuracy_{policy}"] = values
        table[f"test_balanced_accuracy_{policy}"] = values
    if stopped:
        last = 2 * arm.epochs // 5
        table = table.iloc[: last + 1].copy()
        lost = table.columns.difference(["epoch", "test_images"])
        table.loc[table.index[-1], lost] = np.nan
    return table


def _layers(arm, generator, epochs) -> pd.DataFrame:
    names = [(name, "convolution", 10_000) for name in published.layer_names()[:-2]]
    names += STRANGE_LAYERS
    names += [("fc.weight", "linear-weight", 20_480), ("fc.bias", "linear-bias", 10)]
    trained = arm.optimiser_holds == "network"
    rate = arm.optimiser.learning_rate * trained
    position = np.arange(len(names))
    root_mean_square = 0.15 * np.exp(-position / 14)
    predicted = np.outer(np.ones(epochs), rate / root_mean_square)
    decay = np.exp(-0.1 * np.arange(epochs))[:, None]
    moved = predicted * decay * np.exp(generator.normal(0, 0.1, predicted.shape))
    table = pd.DataFrame(
        {
            "layer_index": np.tile(position, epochs),
            "epoch": np.repeat(np.arange(1, epochs + 1), len(names)),
            "displacement_from_previous": moved.ravel(),
            "predicted_displacement": predicted.ravel(),
        }
    )
    for index, column in enumerate(("layer", "kind", "parameters")):
        table[column] = table["layer_index"].map(lambda i, index=index: names[i][index])
    table["norm"] = 10.0
    table["displacement_from_start"] = np.sqrt((moved**2).cumsum(axis=0)).ravel()
    for since in ("start", "previous"):
        table[f"norm_change_from_{since}"] = 0.0
        table[f"angle_from_{since}"] = np.degrees(np.arctan(table[f"displacement_from_{since}"]))
    return table


def _run(arm, table, stopped) -> dict:
    last = table.iloc[-1]
    scores = ("loss", "accuracy", "balanced_accuracy")
    return {
        "label": arm.label,
        "group": arm.group,
        "initialisation": arm.initialisation,
        "status": "diverged" if stopped else "finished",
        "epochs": len(table),
        "batchnorm": arm.batchnorm,
        "reported_epoch": arm.reported_epoch,
        **{f"reported_{name}": last[f"test_{name}_{arm.batchnorm}"] for name in scores},
        **{
            f"final_test_{name}_{statistics}": last[f"test_{name}_{statistics}"]
            for name in scores
            for statistics in ("running", "recalibrated")
        },
        "final_test_images": 2000,
        "checkpoint_train_loss": last["train_loss"],
        "trajectory_rank": 5 if arm.optimiser_holds == "network" else 0,
        "settings": arm.model_dump_json(),
    }


def _landscape(study, name, size, seed, generator) -> dict:
    arm, settings = study.arms[name], study.landscape
    random = _plane(arm, settings.grid, 1.0, generator)
    if arm.head == "logits" and arm.initialisation == "random":
        random["loss"][0][:2] = [None, 250.0]
    return {
        "arm": name,
        "group": arm.group,
        "label": arm.label,
        "subset_size": size,
        "seed": seed,
        "checkpoint_train_loss": random["centre_loss"],
        "planes": {"random": random, "trajectory": _trajectory_plane(arm, settings, generator)},
    }


def _plane(arm, grid, radius, generator) -> dict:
    """A bowl."""
    axis = np.linspace(-1, 1, grid)
    x, y = np.meshgrid(axis, axis)
    floor, relief = (1.47, 0.8) if arm.head == "softmax" else (0.02, 4.0)
    if arm.optimiser_holds == UNTRAINED:
        floor, relief = 2.2945, 0.004
    steep = 3 if arm.initialisation == "random" else 1
    values = floor + relief * (1 - np.exp(-steep * (x**2 + 0.4 * y**2)))
    values = values + 0.01 * relief * generator.normal(size=values.shape) * (values > floor)
    return {
        "status": "drawn",
        "reason": "",
        "axis": (radius * axis).tolist(),
        "loss": values.tolist(),
        "centre_loss": float(values[grid // 2, grid // 2]),
    }


def _trajectory_plane(arm, settings, generator) -> dict:
    if arm.optimiser_holds == UNTRAINED:
        reason = "the weights never moved, so the path is a point (rank 0) and spans no plane."
        return {"status": "none", "reason": reason}
    progress = np.exp(-np.arange(arm.epochs + 1) / 6) - np.exp(-arm.epochs / 6)
    path = np.column_stack([-18 * progress, 25 * progress * (1 - progress)])
    return {
        **_plane(arm, settings.grid, settings.trajectory_radius, generator),
        "path": path.tolist(),
        "off_plane": (3 * progress).tolist(),
        "explained_variance": [0.83, 0.11, 0.03],
        "random_walk_null": [0.608, 0.152],
    }
