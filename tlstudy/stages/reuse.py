"""Stage `reuse`: how much of the pretrained features a run kept, and how far it had to move."""

import itertools
import logging
import time
from collections.abc import Iterator

import pandas as pd
import torch

from tlstudy.config.settings import Reuse, Study
from tlstudy.config.study import Run
from tlstudy.jobs import paths, steps
from tlstudy.jobs.records import recorded
from tlstudy.jobs.run_inputs import load_fine_tuned
from tlstudy.measures.filters import layer_rows
from tlstudy.measures.least_change import (
    Evaluate,
    Met,
    gradient_descent_to,
    least_change_to,
    loss_and_gradient,
)
from tlstudy.networks.build import layer_kinds
from tlstudy.networks.device import (
    choose_device,
    device_name,
    keep_freed_memory,
    make_deterministic,
)
from tlstudy.networks.evaluation import training_mode_loss
from tlstudy.networks.fine_tuned import FineTuned
from tlstudy.networks.trainer import training_batches
from tlstudy.storage.files import atomic_path
from tlstudy.storage.time_left import duration

log = logging.getLogger(__name__)


@recorded(steps.reuse)
def reuse_run(study: Study, run: Run, gpus: int | None = None, threads: int | None = None) -> None:
    """Measure a run's filters and its way to the train loss, and write `reuse.parquet`.

    A run that diverged has no fine-tuned weights: its table is empty.
    """
    make_deterministic(threads)
    keep_freed_memory()
    device = choose_device(study.device, gpus)
    log.info("reuse in %s, seed %d, on %s", run.arm, run.seed, device_name(device))
    tuned = load_fine_tuned(study, run, device)
    rows = []
    if tuned.finished:
        rows = [*_filter_rows(tuned), *_drift_rows(tuned, study.reuse)]
    with atomic_path(paths.reuse_file(study, run)) as temporary:
        pd.DataFrame(rows).to_parquet(temporary, index=False)


def _filter_rows(tuned: FineTuned) -> Iterator[dict]:
    start = _convolutions(tuned, tuned.vectors["start"])
    yield from layer_rows(start, _convolutions(tuned, tuned.vectors["end"]))
    log.info("%d convolutions compared", len(start))


def _convolutions(tuned: FineTuned, vector: torch.Tensor) -> dict[str, torch.Tensor]:
    network = tuned.network_with(vector)
    kinds = layer_kinds(network)
    return {
        name: weight.detach().clone()
        for name, weight in network.named_parameters()
        if kinds[name] == "convolution"
    }


def _drift_rows(tuned: FineTuned, settings: Reuse) -> Iterator[dict]:
    """Distance from the start at the train loss of the first epoch below the matched one."""
    if "below" not in tuned.vectors:
        log.info("the train loss never fell below the matched one: no drift to compare")
        return
    start = tuned.vectors["start"].to(tuned.device)
    reached = tuned.vectors["below"].to(tuned.device)
    network = tuned.network_with(reached)
    batches = training_batches(tuned.training, tuned.images, tuned.device)
    level = float(training_mode_loss(network, batches, tuned.training.head))
    yield from _rows("training", float((reached - start).norm()), level)
    most = settings.descent_steps + settings.explicit_steps
    evaluate = _told(loss_and_gradient(network, batches, tuned.training.head), start, most)
    descent = gradient_descent_to(evaluate, start, level, settings.descent_steps)
    if descent is None:
        log.info("gradient descent did not reach %.4f in the evaluations allowed", level)
        return
    yield from _met("gradient-descent", descent, start)
    explicit = least_change_to(evaluate, start, descent, level, settings.explicit_steps)
    yield from _met("explicit", explicit, start)


def _told(evaluate: Evaluate, start: torch.Tensor, most: int) -> Evaluate:
    """The same, with a line in the log for every evaluation of the most that may be."""
    count, began = itertools.count(1), time.monotonic()

    def told(vector: torch.Tensor) -> tuple[float, torch.Tensor]:
        loss, gradient = evaluate(vector)
        done, away = next(count), float((vector - start).norm())
        left = duration((time.monotonic() - began) / done * (most - done))
        text = "evaluation %d: train loss %.4f, %.4g from the start, at most about %s left"
        log.info(text, done, loss, away, left)
        return loss, gradient

    return told


def _met(way: str, met: Met, start: torch.Tensor) -> Iterator[dict]:
    drift = float((met.vector - start).norm())
    log.info(
        "%s: %.4g away at train loss %.4f, %.0f %% across the gradient, after %d evaluations",
        *(way, drift, met.loss, 100 * met.across, met.evaluations),
    )
    yield from _rows(way, drift, met.loss)
    yield {"measure": f"across.{way}", "layer": "", "value": met.across}


def _rows(way: str, drift: float, loss: float) -> Iterator[dict]:
    yield {"measure": f"drift.{way}", "layer": "", "value": drift}
    yield {"measure": f"train-loss.{way}", "layer": "", "value": loss}
