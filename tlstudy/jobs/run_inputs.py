"""What a run is trained on, and what its training left for later measurements, read from disk."""

from pathlib import Path

import numpy as np
import torch

from tlstudy.config.settings import Study
from tlstudy.config.study import Run
from tlstudy.data.stored import load_images
from tlstudy.data.subset import order_of_test_images
from tlstudy.data.transforms import transformed
from tlstudy.jobs import paths
from tlstudy.jobs.calls import going_on
from tlstudy.jobs.run_record import read_run_record
from tlstudy.networks.fine_tuned import FineTuned
from tlstudy.networks.images import Images, hold_out
from tlstudy.networks.inputs import Inputs, resize
from tlstudy.networks.pretrained import PretrainedWeights
from tlstudy.networks.weights import load_weights
from tlstudy.storage.errors import UserError
from tlstudy.storage.reading import read_json, read_table, read_tensors


def load_run_weights(study: Study, run: Run) -> PretrainedWeights | None:
    """The weights that the run starts from or is built for; None if it has none."""
    if not run.sources:
        return None
    folder = paths.weights_folder(study.cache, run.settings.architecture, run.sources)
    weights = load_weights(folder)
    random = run.settings.initialisation == "random"
    return PretrainedWeights(None, weights.origin) if random else weights


def load_run_images(
    study: Study, run: Run, weights: PretrainedWeights | None, device: torch.device
) -> Images:
    """The run's training images and the study's test images, resized, on the device."""
    file = paths.run_subset_record(study, run)
    subset = read_json(file, "subset")
    target = run.settings.target
    folder = paths.images_folder(study.cache, target)
    train, train_labels = load_images(folder, "train")
    check_subset_record(file, subset, run.subset_size, train_labels)
    indices = subset["indices"]
    test, test_labels = load_images(folder, "test")
    order = order_of_test_images(test_labels)[: study.evaluation.final_images]
    size = run.settings.image_size
    images = Images(
        train=resize(transformed(train, target, "train", indices), size, device),
        train_labels=torch.from_numpy(train_labels[indices]),
        test=resize(transformed(test, target, "test", order), size, device),
        test_labels=torch.from_numpy(test_labels[order]),
        inputs=Inputs(run.settings.normalisation, weights, device),
        test_indices=order,
    )
    return hold_out(images, run.settings, run.seed)


def check_subset_record(file: Path, subset: dict, size: int, labels: np.ndarray) -> None:
    """Refuse a choice of training images that is not what was drawn, as far as labels tell.

    Args:
        labels: (pool,) labels of all training images.

    Raises:
        UserError: the record was altered.
    """
    indices = subset["indices"]
    numbers = [index for index in indices if type(index) is int and 0 <= index < len(labels)]
    if len(numbers) != size or labels[numbers].tolist() != subset["labels"]:
        raise UserError(
            f"{file}: was altered (its labels are not those of {size} images); delete it and run "
            "`tlstudy subset`."
        )


def load_fine_tuned(study: Study, run: Run, device: torch.device) -> FineTuned:
    """Read what a training left.

    Raises:
        UserError: the run was not trained, or its weights are gone.
    """
    folder = paths.folder_of_run(study, run)
    record = read_run_record(folder)
    if not (folder / paths.PLANE).is_file():
        raise UserError(
            f"{folder / paths.PLANE}: missing, as it is removed when all measurements of a study "
            "are made; for another one, add its key with seeds and arms to the study file, such "
            f"as `curvature: {{seeds: [{run.seed}]}}`, and go on with {going_on(study)}."
        )
    pretrained = load_run_weights(study, run)
    return FineTuned(
        run=run,
        record=record,
        training=run.settings.with_learning_rate(record["learning_rate"]),
        evaluation=study.evaluation,
        images=load_run_images(study, run, pretrained, device),
        train_losses=_train_losses(folder, record),
        vectors=read_tensors(folder / paths.PLANE, "train"),
        pretrained=pretrained,
        device=device,
    )


def _train_losses(folder: Path, record: dict) -> list[float]:
    """A row of the metrics has the loss before its epoch; the record that of the final weights."""
    before_epochs = read_table(folder / paths.METRICS, "train")["train_loss"]
    final = record["checkpoint_train_loss"]
    return [*before_epochs, float("nan") if final is None else final]
