"""A whole run: the plain loop's and ours, the same numbers from both."""

from collections.abc import Callable

import torch

from benchmarks import plain
from benchmarks.work import SEED, Work
from tlstudy.config.settings import Evaluation
from tlstudy.networks.device import keep_freed_memory, make_deterministic
from tlstudy.networks.inputs import Inputs, resize
from tlstudy.networks.trainer import Images, Trainer

COMPARED = ("train_loss", "gradient_norm", "displacement_from_start", "test_loss")


def plain_run(work: Work) -> Callable[[], dict]:
    """The plain loop."""
    device = work.torch_device()
    state = work.network().state_dict()

    def once() -> dict:
        train, train_labels, test, test_labels = work.digits()
        rows, _ = plain.run(
            plain.network(work.architecture, state).to(device),
            plain.Digits(train, train_labels, work.side),
            plain.Digits(test, test_labels, work.side),
            work.epochs,
            work.training().optimiser.learning_rate,
            device,
        )
        return {"rows": rows, **phases(rows)}

    return once


def our_run(work: Work, precision: str, evaluation: str | None = None) -> Callable[[], dict]:
    """The package's training.

    Args:
        evaluation: precision of test passes; None for that of the training steps.
    """
    set_up(work)

    def once() -> dict:
        metrics = trainer(work, precision, evaluation).run().metrics
        for row in metrics:
            row["test_loss"] = row["test_loss_running"]
        return {"rows": metrics, **phases(metrics)}

    return once


def set_up(work: Work) -> None:
    """Settings of a process that trains as the package does."""
    make_deterministic(work.threads)
    keep_freed_memory()


def trainer(work: Work, precision: str, evaluation: str | None = None) -> Trainer:
    """The package's trainer of a run, likewise."""
    device = work.torch_device()
    return Trainer(
        work.training(precision),
        work.network(),
        images(work, device),
        Evaluation(
            epoch_images=work.test_images,
            final_images=work.test_images,
            precision=evaluation or precision,
        ),
        SEED,
        device,
        after_epochs=("running",),
    )


def images(work: Work, device: torch.device) -> Images:
    """The run's images on the device."""
    train, train_labels, test, test_labels = work.digits()
    return Images(
        resize(train, work.side, device),
        torch.from_numpy(train_labels),
        resize(test, work.side, device),
        torch.from_numpy(test_labels),
        Inputs(work.training().normalisation, None, device),
    )


def largest_difference(rows: list[dict], others: list[dict]) -> float:
    """Largest relative difference between two runs in what both measure."""
    pairs = [
        (row[name], other[name])
        for row, other in zip(rows, others, strict=True)
        for name in COMPARED
    ]
    pairs.append((rows[-1]["test_loss_recalibrated"], others[-1]["test_loss_recalibrated"]))
    return max(abs(one - other) / abs(other) for one, other in pairs)


def phases(rows: list[dict]) -> dict[str, list[float]]:
    """Seconds of a run's training steps and test passes, the last epoch's two passes left out."""
    return {
        "training step": [row["training_seconds"] for row in rows],
        "test pass": [row["evaluation_seconds"] for row in rows[:-1]],
    }
