"""Stage `curvature`: sharpness of the training loss at the end and at a train loss all pass."""

import logging
from collections.abc import Iterator

import pandas as pd
import torch
from scipy.optimize import brentq
from torch import nn

from tlstudy.config.settings import Study
from tlstudy.config.study import Run
from tlstudy.jobs import paths, steps
from tlstudy.jobs.records import recorded
from tlstudy.jobs.run_inputs import load_fine_tuned
from tlstudy.measures.curvature import largest_hessian_eigenvalue, rise_along_random_directions
from tlstudy.networks.device import (
    choose_device,
    device_name,
    keep_freed_memory,
    make_deterministic,
)
from tlstudy.networks.evaluation import training_mode_loss
from tlstudy.networks.fine_tuned import FineTuned
from tlstudy.networks.trainer import Batch, first_epoch_below, training_batches
from tlstudy.networks.trajectory import unflatten
from tlstudy.storage.files import atomic_path
from tlstudy.storage.reading import read_table

log = logging.getLogger(__name__)
# Share of the way between two epochs to which the matched train loss is located: where a step
# starts the loss can fall by half within a thousandth of it.
ALONG = 1e-6


@recorded(steps.curvature)
def curvature_run(
    study: Study, run: Run, gpus: int | None = None, threads: int | None = None
) -> None:
    """Measure the sharpness of a run at both points and write `curvature.parquet`."""
    make_deterministic(threads)
    keep_freed_memory()
    device = choose_device(study.device, gpus)
    log.info("curvature of %s, seed %d, on %s", run.arm, run.seed, device_name(device))
    tuned = load_fine_tuned(study, run, device)
    metrics = read_table(paths.folder_of_run(study, run) / "metrics.parquet", "train")
    with atomic_path(paths.curvature_file(study, run)) as temporary:
        pd.DataFrame(_rows(study, tuned, metrics)).to_parquet(temporary, index=False)


def _rows(study: Study, tuned: FineTuned, metrics: pd.DataFrame) -> Iterator[dict]:
    level = study.curvature.train_loss
    network = tuned.network_with(tuned.vectors["end"])
    batches = training_batches(tuned.training, tuned.images, tuned.device)
    if tuned.finished:
        yield _measured("final", float(len(metrics)), study, tuned, network, batches)
    else:
        yield _nothing("final", "the loss was not finite, so there are no final weights")
    if "below" not in tuned.vectors:
        yield _nothing("matched", f"the train loss never fell from above {level:g} to below it")
        return
    share = _go_to_level(network, tuned, batches, level)
    if share is None:
        yield _nothing("matched", f"no weights between two epochs had a train loss of {level:g}")
        return
    # Every row of the metrics holds the train loss before its epoch.
    losses = [*metrics["train_loss"], tuned.record["checkpoint_train_loss"] or float("nan")]
    epoch = first_epoch_below(losses, level) - 1 + share
    yield _measured("matched", epoch, study, tuned, network, batches)


def _go_to_level(
    network: nn.Module, tuned: FineTuned, batches: list[Batch], level: float
) -> float | None:
    """Leave the network where the loss is the level on the line between two epochs.

    Returns:
        The share of the way, 0 to 1; None if the loss does not pass the level there, as may
        happen where an epoch has several steps.
    """
    weights = [weight.data for weight in network.parameters()]
    above = unflatten(tuned.vectors["above"], weights)
    step = torch._foreach_sub(unflatten(tuned.vectors["below"], weights), above)

    def excess(share: float) -> float:
        torch._foreach_copy_(weights, torch._foreach_add(above, step, alpha=share))
        return float(training_mode_loss(network, batches, tuned.training.head)) - level

    if not excess(0.0) > 0 >= excess(1.0):
        return None
    share = float(brentq(excess, 0.0, 1.0, xtol=ALONG))
    excess(share)
    return share


def _measured(
    point: str,
    epoch: float,
    study: Study,
    tuned: FineTuned,
    network: nn.Module,
    batches: list[Batch],
) -> dict:
    settings, head, seed = study.curvature, tuned.training.head, tuned.run.seed
    log.info("%s point, epoch %.2f: largest eigenvalue of the Hessian", point, epoch)
    found = largest_hessian_eigenvalue(network, batches, head, settings.lanczos_steps, seed)
    log.info("%.4g after %d products; rise along random directions", found.value, found.products)
    return {
        "point": point,
        "epoch": epoch,
        "train_loss": float(training_mode_loss(network, batches, head)),
        "hessian_eigenvalue": found.value,
        "residual": found.residual,
        "products": found.products,
        "rise": rise_along_random_directions(
            network, batches, head, settings.radius, settings.directions, seed
        ),
        "reason": "",
    }


def _nothing(point: str, reason: str) -> dict:
    return {"point": point, "reason": reason}
