"""Stage `landscape`: training loss over planes through a run's final weights."""

import logging

import numpy as np
import torch

from tlstudy.config.settings import Study
from tlstudy.config.study import Run
from tlstudy.jobs import paths, steps
from tlstudy.jobs.records import recorded
from tlstudy.jobs.run_inputs import load_run_images, load_run_weights
from tlstudy.jobs.run_record import read_run_record
from tlstudy.measures.landscape import grid_axis, loss_grid, random_plane
from tlstudy.networks.build import initial_network
from tlstudy.networks.device import (
    choose_device,
    device_name,
    keep_freed_memory,
    make_deterministic,
)
from tlstudy.networks.trainer import training_batches
from tlstudy.networks.trajectory import unflatten
from tlstudy.storage.files import without_nan, write_json_atomically
from tlstudy.storage.reading import read_tensors

log = logging.getLogger(__name__)


@recorded(steps.landscape)
def landscape_run(
    study: Study, run: Run, gpus: int | None = None, threads: int | None = None
) -> None:
    """Compute the two planes of a run and write `landscape.json`."""
    make_deterministic(threads)
    keep_freed_memory()
    device = choose_device(study.device, gpus)
    folder = paths.folder_of_run(study, run)
    record = read_run_record(folder)
    weights = load_run_weights(study, run)
    images = load_run_images(study, run, weights, device)
    network = initial_network(run.settings, run.seed, weights)
    network.to(device, memory_format=torch.channels_last)
    parameters = [parameter.data for parameter in network.parameters()]
    vectors = read_tensors(folder / "plane.safetensors", "train")
    torch._foreach_copy_(parameters, unflatten(vectors["end"], parameters))
    batches = training_batches(run.settings, images, device)
    settings = study.landscape
    planes = {}
    for name, radius in (
        ("trajectory", settings.trajectory_radius),
        ("random", settings.random_radius),
    ):
        log.info("%s plane, %d x %d points", name, settings.grid, settings.grid)
        reason = _no_plane_reason(name, record)
        planes[name] = {"status": "none", "reason": reason}
        if not reason:
            directions = _directions(name, vectors, parameters, run.seed)
            axis = grid_axis(radius, settings.grid)
            losses = loss_grid(network, directions, axis, batches, run.settings.head)
            planes[name] = _describe(radius, axis, losses)
    planes["trajectory"] |= {
        key: record["trajectory"][key]
        for key in ("path", "off_plane", "explained_variance", "random_walk_null", "rank")
    }
    result = {
        "run": run.name,
        "subset_size": run.subset_size,
        "seed": run.seed,
        "code": steps.stage_code("landscape"),
        "device": device_name(device),
        "checkpoint_train_loss": record["checkpoint_train_loss"],
        "planes": planes,
    }
    write_json_atomically(folder / "landscape.json", without_nan(result))


def _no_plane_reason(plane: str, record: dict) -> str:
    if plane == "trajectory" or record["status"] == "diverged":
        return record["trajectory"]["no_plane_reason"]
    return ""


def _directions(
    plane: str, vectors: dict[str, torch.Tensor], parameters: list[torch.Tensor], seed: int
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    if plane == "random":
        return random_plane(parameters, seed)
    return (
        unflatten(vectors["direction_1"], parameters),
        unflatten(vectors["direction_2"], parameters),
    )


def _describe(radius: float, axis: np.ndarray, losses: np.ndarray) -> dict:
    middle = len(axis) // 2
    return {
        "status": "drawn",
        "reason": "",
        "radius": radius,
        "axis": axis.tolist(),
        "loss": losses.tolist(),
        "centre_loss": float(losses[middle, middle]),
    }
