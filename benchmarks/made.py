"""Results of runs that were never trained, made for timing: plausible values, and no results.

They are written by the writers that training and drawing use, so that what reads them reads what
it would read of a study of this size.
"""

from pathlib import Path

import numpy as np

from tlstudy.config.settings import STATISTICS, Study
from tlstudy.config.study import Run, build_study, changed_training, runs
from tlstudy.config.targets import MNIST
from tlstudy.config.yaml_files import read_content
from tlstudy.data.subset import describe_subset
from tlstudy.jobs import paths
from tlstudy.jobs.graph import steps
from tlstudy.jobs.run_record import RunRecord, write_run_record
from tlstudy.jobs.run_results import write_answers, write_measured
from tlstudy.networks.architecture import build_classifier
from tlstudy.networks.build import layer_kinds
from tlstudy.steps.subset import make_subset
from tlstudy.storage.files import write_bytes_atomically, write_json_atomically

SIZE, IMAGES, EPOCHS = 50, 1000, 30
DEFAULT = Path(__file__).parents[1] / "config.yaml"
MADE = "made for timing, never trained"
ARMS = {
    "new": {"label": "New", "group": "corrected"},
    "pretrained": {"label": "Pretrained", "group": "corrected", "initialisation": "imagenet"},
}
WEIGHTS = {
    "source": "he2015",
    "description": MADE,
    "architecture": "resnet50",
    "sha256": "0" * 64,
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
}


def configuration(results: Path, cache: Path, count: int, arms: dict | None = None) -> dict:
    """A study of so many runs, or of the next multiple of its arms.

    Args:
        arms: as in a configuration; a new and a pretrained one if not given.
    """
    arms = arms or ARMS
    variants = sum(map(_variants, arms.values()))
    return {
        "study": "made",
        "results": str(results.absolute()),
        "cache": str(cache.absolute()),
        "device": "cpu",
        "seed": list(range(-(-count // variants))),
        "subset_size": SIZE,
        "weights": {"imagenet": ["he2015"]},
        "evaluation": {"epoch_images": IMAGES, "final_images": IMAGES},
        "landscape": {"seeds": []},
        "baselines": {"seeds": []},
        "arms": arms,
    }


def _variants(arm: dict) -> int:
    """How many arms an arm stands for that may have a sweep of the learning rate."""
    return len(arm["optimiser"]["learning_rate"]) if "optimiser" in arm else 1


def make_results(results: Path, cache: Path, count: int, arms: dict | None = None) -> Study:
    """Write what the trainings of a study would leave; a contact sheet of the first seed only."""
    study = build_study(configuration(results, cache, count, arms))
    tensors = _tensors()
    for drawing in dict.fromkeys(arm.drawing for arm in study.arms.values()):
        make_subset(study, "mnist", drawing, SIZE, study.seed[0])
        for seed in study.seed[1:]:
            _write_subset(study, drawing, seed)
    for number, run in enumerate(runs(study)):
        write_run(study, run, tensors, np.random.default_rng(number))
    return study


def default_arms() -> dict:
    """The arms of the default study."""
    return read_content(DEFAULT).settings["arms"]


def sweep_of_arms(count: int) -> dict:
    """So many arms: a sweep of the learning rate, half of it from pretrained weights."""
    rates = np.geomspace(1e-4, 1e-2, count // 2).round(6).tolist()
    return {name: arm | {"optimiser": {"learning_rate": rates}} for name, arm in ARMS.items()}


def _tensors() -> list[tuple[str, str, int]]:
    """Name, kind and number of weights of every weight tensor of the network."""
    network = build_classifier("resnet50", "3x3")
    sizes = {name: weight.numel() for name, weight in network.named_parameters()}
    return [(name, kind, sizes[name]) for name, kind in layer_kinds(network).items()]


def complete_for_snakemake(study: Study) -> None:
    """All other files that the workflow asks for, empty: it looks whether they are there."""
    for step in steps(study):
        for file in (step.provenance, *step.outputs, *step.cached):
            if not file.exists():
                write_bytes_atomically(file, b"")


def _write_subset(study: Study, drawing: str, seed: int) -> None:
    """A choice of images without looking at them."""
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(MNIST.outputs), SIZE)
    drawn = np.concatenate([SIZE * digit + generator.permutation(SIZE)[:5] for digit in range(10)])
    record = {
        "drawing": drawing,
        "size": SIZE,
        "seed": seed,
        **describe_subset(drawn, labels, MNIST.outputs),
    }
    folder = paths.subset_folder(study, "mnist", drawing, SIZE, seed)
    write_json_atomically(folder / "subset.json", record)


def write_run(study: Study, run: Run, tensors: list, generator: np.random.Generator) -> None:
    """Metrics, layers, answers and record of one run."""
    metrics = _metrics(run, generator)
    folder = paths.folder_of_run(study, run)
    write_measured(folder, metrics, _layers(run, tensors, generator))
    labels = np.arange(IMAGES) % 10
    wrong = generator.random((len(STATISTICS), IMAGES)) < 0.3
    answers = dict(zip(STATISTICS, (labels + wrong) % 10, strict=True))
    write_answers(folder, np.arange(IMAGES), labels, answers)
    write_run_record(folder, _record(study, run, metrics))


def _metrics(run: Run, generator: np.random.Generator) -> dict[str, np.ndarray]:
    epochs = run.settings.epochs
    t = np.arange(1, epochs + 1)
    top = 0.55 if run.settings.initialisation == "random" else 0.77

    def accuracy(end: float) -> np.ndarray:
        learnt = 0.1 + (end - 0.1) * (1 - np.exp(-t / 4)) + generator.normal(0, 0.01, epochs)
        return np.clip(np.round(learnt * IMAGES) / IMAGES, 0, 1)

    noise = np.exp(generator.normal(0, 0.1, epochs))
    columns = {
        "epoch": t,
        "train_loss": 2.3 * np.exp(-t / 4) * noise,
        "train_accuracy": accuracy(1.0),
        "train_balanced_accuracy": accuracy(1.0),
        "gradient_norm": 5 * np.exp(-t / 5) * noise,
        **_changes(len(t), 150.0, generator),
        "training_seconds": 4 + generator.random(epochs),
        "test_images": np.full(epochs, IMAGES),
    }
    for statistics, end in (("running", top - 0.1), ("recalibrated", top)):
        columns[f"test_loss_{statistics}"] = 2.3 * np.exp(-t / 9) * noise
        columns[f"test_accuracy_{statistics}"] = accuracy(end)
        columns[f"test_balanced_accuracy_{statistics}"] = accuracy(end)
    return columns | {"evaluation_seconds": 9 + generator.random(epochs)}


def _layers(run: Run, tensors: list, generator: np.random.Generator) -> dict[str, np.ndarray]:
    epochs = run.settings.epochs
    names, kinds, sizes = (np.array(column, dtype=object) for column in zip(*tensors, strict=True))
    return {
        "epoch": np.repeat(np.arange(1, epochs + 1), len(tensors)),
        "layer": np.tile(names, epochs),
        "layer_index": np.tile(np.arange(len(tensors)), epochs),
        "kind": np.tile(kinds, epochs),
        "parameters": np.tile(sizes.astype(int), epochs),
        **_changes(epochs * len(tensors), 10.0, generator),
        "predicted_displacement": 0.01 * generator.random(epochs * len(tensors)),
    }


def _changes(count: int, norm: float, generator: np.random.Generator) -> dict[str, np.ndarray]:
    columns = {"norm": norm + generator.random(count)}
    for name in ("displacement", "norm_change", "angle"):
        for since in ("start", "previous"):
            columns[f"{name}_from_{since}"] = 0.1 * generator.random(count)
    return columns


def _record(study: Study, run: Run, metrics: dict[str, np.ndarray]) -> RunRecord:
    """As `tlstudy.steps.train` leaves it."""
    epochs = run.settings.epochs
    final = {
        statistics: {
            name: float(metrics[f"test_{name}_{statistics}"][-1])
            for name in ("loss", "accuracy", "balanced_accuracy")
        }
        for statistics in STATISTICS
    }
    path = np.linspace(0, 1, epochs + 1)
    return {
        "run": run.name,
        "subset_size": run.subset_size,
        "seed": run.seed,
        "training": changed_training(run.settings),
        "learning_rate": run.settings.optimiser.learning_rate,
        "tuning": None,
        "weights": None if run.settings.initialisation == "random" else WEIGHTS,
        "evaluation": study.evaluation.model_dump(),
        "code": "made",
        "device": MADE,
        "threads": 1,
        "environment": {name: "made" for name in ("commit", "torch", "numpy", "processor")},
        "status": "finished",
        "epochs": epochs,
        "final": final,
        "final_test_images": IMAGES,
        "checkpoint_train_loss": float(metrics["train_loss"][-1]),
        "trajectory": {
            "rank": epochs,
            "explained_variance": [0.9, 0.05, 0.02],
            "random_walk_null": [0.61, 0.15],
            "path": np.stack([path, path**2], axis=1).tolist(),
            "off_plane": path.tolist(),
            "no_plane_reason": "",
        },
        "resumed_after_epochs": [],
        "seconds": float(metrics["training_seconds"].sum()),
        "peak_memory_gib": 4.0,
    }
