"""Step `train`: one run, from pretrained or random weights to its measurements."""

import logging
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from tlstudy.config.settings import Study
from tlstudy.config.study import Run, changed_training, digest
from tlstudy.config.training import Training
from tlstudy.jobs import graph, paths
from tlstudy.jobs.provenance import with_provenance
from tlstudy.jobs.run_inputs import load_run_images, load_run_weights
from tlstudy.jobs.run_record import RunRecord, TrajectoryRecord, write_run_record
from tlstudy.networks.build import initial_network
from tlstudy.networks.checkpoint import train_from_checkpoint
from tlstudy.networks.device import device_name, peak_memory_gib, prepared
from tlstudy.networks.images import HeldOut, Images
from tlstudy.networks.pretrained import PretrainedWeights
from tlstudy.networks.random_walk import walk_shares
from tlstudy.networks.trainer import Outcome, Trainer, first_epoch_below
from tlstudy.networks.trajectory import PrincipalPlane, principal_plane
from tlstudy.networks.tuning import tune_learning_rate
from tlstudy.storage.environment import environment, processor_name
from tlstudy.storage.errors import UserError
from tlstudy.storage.files import atomic_path, remove_half_written
from tlstudy.storage.reading import read_json
from tlstudy.storage.scratch import Scratch

log = logging.getLogger(__name__)


@with_provenance(graph.train)
def train_run(study: Study, run: Run, gpus: int | None = None, threads: int | None = None) -> None:
    """Train, measure and write a run's folder: metrics, layers, plane and record.

    A training that was ended goes on from its last checkpoint.

    Args:
        gpus: GPUs granted by the workflow; None outside one.
        threads: processor threads; None for PyTorch's own choice.
    """
    began = time.monotonic()
    device = prepared(study.device, gpus, threads)
    weights = load_run_weights(study, run)
    decisive = what_decides(study, run, weights, device)
    with Scratch(paths.scratch_folder(study, run), decisive, began) as scratch:
        _train_with(scratch, study, run, weights, device)


def _train_with(
    scratch: Scratch,
    study: Study,
    run: Run,
    weights: PretrainedWeights | None,
    device: torch.device,
) -> None:
    images = load_run_images(study, run, weights, device)
    training, tuning = _with_tuned_rate(study, run, weights, images, device, scratch)
    trainer = Trainer(
        training,
        initial_network(training, run.seed, weights),
        images,
        study.evaluation,
        run.seed,
        device,
        statistics=run.statistics,
        after_epochs=run.after_epochs,
    )
    outcome = train_from_checkpoint(trainer, scratch)
    folder = paths.folder_of_run(study, run)
    if scratch.held:
        remove_half_written(folder, (*paths.KEPT, paths.PLANE))
    level = study.curvature.train_loss
    plane = write_plane(trainer, outcome, level, folder / paths.PLANE)
    from tlstudy.jobs.run_results import (  # pyarrow: training need not wait for it
        write_answers,
        write_measured,
    )

    write_measured(folder, outcome.metrics, outcome.layers)
    write_answers(folder, images.test_indices, images.test_labels.numpy(), outcome.answers)
    record = RunRecord(
        run=run.name,
        subset_size=run.subset_size,
        seed=run.seed,
        training=changed_training(run.settings),
        learning_rate=training.optimiser.learning_rate,
        tuning=tuning,
        weights=weights and weights.used,
        evaluation=study.evaluation.model_dump(),
        code=graph.code_of("train"),
        device=device_name(device),
        threads=torch.get_num_threads(),
        environment=environment(),
        status=outcome.status,
        epochs=len(outcome.metrics),
        final={name: asdict(values) for name, values in outcome.final.items()},
        final_test_images=len(images.test_labels),
        checkpoint_train_loss=outcome.checkpoint_train_loss,
        trajectory=plane,
        early_stopping=_held_out(study, run, images.held_out, outcome),
        resumed_after_epochs=scratch.resumed_after_epochs,
        ended=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=scratch.seconds(),
        peak_memory_gib=peak_memory_gib(),
    )
    write_run_record(folder, record)
    scratch.remove()


def _held_out(study: Study, run: Run, held_out: HeldOut | None, outcome: Outcome) -> dict | None:
    if held_out is None:
        return None
    subset = read_json(paths.run_subset_record(study, run), "subset")
    return {
        "held_out": np.array(subset["indices"])[held_out.positions].tolist(),
        "held_out_losses": outcome.held_out_losses,
    }


def what_decides(
    study: Study, run: Run, weights: PretrainedWeights | None, device: torch.device
) -> dict[str, object]:
    """All that decides the numbers of a run: a checkpoint is used where it is the same."""
    subset = read_json(paths.run_subset_record(study, run), "subset")
    return {
        "training settings": run.settings.training(),
        "tuning": study.tuning.model_dump() if run.settings.tune_learning_rate else None,
        "evaluation": [study.evaluation.model_dump(), run.statistics, run.after_epochs],
        "training images": digest(subset["indices"]),
        "seed": run.seed,
        "weights": weights and weights.origin,
        "code": graph.code_of("train"),
        "device": [device_name(device), processor_name(), torch.backends.cpu.get_cpu_capability()],
        "threads": torch.get_num_threads(),
        "libraries": graph.libraries_of("train"),
    }


def _with_tuned_rate(
    study: Study,
    run: Run,
    weights: PretrainedWeights | None,
    images: Images,
    device: torch.device,
    scratch: Scratch,
) -> tuple[Training, dict | None]:
    """The run's training at the learning rate that it is to have, and how that was chosen.

    Raises:
        UserError: every candidate diverged.
    """
    if not run.settings.tune_learning_rate:
        return run.settings, None
    result = tune_learning_rate(
        run.settings,
        study.tuning.learning_rates,
        study.tuning.folds,
        lambda: initial_network(run.settings, run.seed, weights),
        images,
        run.seed,
        device,
        scratch.value,
    )
    if result["chosen"] is None:
        raise UserError(
            f"tuning.learning_rates: found {study.tuning.learning_rates}; at each of them the "
            f"loss of arm '{run.arm}', seed {run.seed}, became infinite: give smaller ones."
        )
    log.info("learning rate %g chosen", result["chosen"])
    return run.settings.with_learning_rate(result["chosen"]), result


def write_plane(trainer: Trainer, outcome: Outcome, level: float, path: Path) -> TrajectoryRecord:
    """Hand weights over to the steps that look at them; return the plane's description.

    The file holds flat float32 vectors: start, end; if there is a plane, direction_1 and
    direction_2, of length one; if the train loss fell below the level, the weights above and
    below, from consecutive epochs.
    """
    plane = principal_plane(trainer.moves.trajectory.gram())
    end = trainer.flat_weights()
    tensors = {"start": trainer.moves.trajectory.start, "end": end}
    reason = _no_plane_reason(plane, outcome)
    if not reason:
        directions = enumerate(trainer.moves.trajectory.combine(plane.coefficients), start=1)
        tensors |= {f"direction_{axis}": values.clone() for axis, values in directions}
        del directions  # frees the originals before the file is written
    crossed = first_epoch_below(outcome.train_losses(), level)
    if crossed:
        tensors["above"] = trainer.moves.trajectory.weights_after(crossed - 1)
        tensors["below"] = trainer.moves.trajectory.weights_after(crossed)
    with atomic_path(path) as temporary:
        save_file(tensors, temporary)
    return {
        "rank": plane.rank,
        "explained_variance": plane.explained_variance.tolist(),
        "random_walk_null": walk_shares(len(plane.path), max(plane.rank, 2)).tolist(),
        "path": plane.path.tolist(),
        "off_plane": plane.off_plane.tolist(),
        "no_plane_reason": reason,
    }


def _no_plane_reason(plane: PrincipalPlane, outcome: Outcome) -> str:
    if outcome.status == "diverged":
        return "the loss was not finite, so there are no final weights to centre a plane on"
    if plane.rank == 0:
        return "no weight ever moved: all points of the trajectory are the same"
    if plane.rank == 1:
        return "the trajectory is a straight line (rank 1)"
    return ""
