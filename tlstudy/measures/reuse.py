"""Measurement `reuse`: how much of its features a run kept, and how far it had to move."""

import itertools
import logging
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field

from tlstudy.config.fields import Count, Selection
from tlstudy.config.measurements import Measurement
from tlstudy.measures.passes import GRADIENT
from tlstudy.storage.time_left import duration

if TYPE_CHECKING:
    import torch

    from tlstudy.config.settings import Study
    from tlstudy.config.study import Run
    from tlstudy.measures.least_change import Evaluate, Met
    from tlstudy.networks.fine_tuned import FineTuned

log = logging.getLogger(__name__)
COLUMNS = {
    "measure": (
        "string",
        "alignment: median cosine between a filter before and after training; alignment-if-across: "
        "what it would be if every filter had moved as far at right angles to itself; directions: "
        "number k of input directions that hold half of the layer's squared norm before training; "
        "share-within: share of the change's squared norm in their span; share-within-random: its "
        "mean in a random span, k over the dimensions; drift.training, drift.gradient-descent, "
        "drift.explicit: distance of all weights from the start at the same train loss, by the "
        "run's own optimiser, along the gradient, and the least that was found; train-loss.<way>: "
        "that loss, nats; across.<way>: share of the drift at right angles to the gradient, 0 "
        "where no less would do nearby",
    ),
    "layer": ("string", "name of the convolution's weight; empty for all weights together"),
    "value": ("float64", "the measure's value"),
}


class Reuse(Selection):
    """How much of its pretrained features a run kept, and how far it had to move.

    The ways are compared at the train loss of the first epoch below `curvature.train_loss`.
    """

    descent_steps: Count = Field(
        30, description="Most gradients that descent along the gradient may take to get there."
    )
    explicit_steps: Count = Field(
        30, description="Most gradients for the search of the least change of the weights."
    )


def measure(fine_tuned: "FineTuned", settings: Reuse) -> Iterator[dict]:
    """Rows of the filters and of the drift; none for a run that diverged."""
    if fine_tuned.finished:
        yield from _filter_rows(fine_tuned)
        yield from _drift_rows(fine_tuned, settings)


def _filter_rows(fine_tuned: "FineTuned") -> Iterator[dict]:
    from tlstudy.measures.filters import layer_rows

    start = _convolutions(fine_tuned, fine_tuned.vectors["start"])
    yield from layer_rows(start, _convolutions(fine_tuned, fine_tuned.vectors["end"]))
    log.info("%d convolutions compared", len(start))


def _convolutions(fine_tuned: "FineTuned", vector: "torch.Tensor") -> "dict[str, torch.Tensor]":
    from tlstudy.networks.build import layer_kinds

    network = fine_tuned.network_with(vector)
    kinds = layer_kinds(network)
    return {
        name: weight.detach().clone()
        for name, weight in network.named_parameters()
        if kinds[name] == "convolution"
    }


def _drift_rows(fine_tuned: "FineTuned", settings: Reuse) -> Iterator[dict]:
    """Distance from the start at the train loss of the first epoch below the matched one."""
    from tlstudy.measures.least_change import (
        gradient_descent_to,
        least_change_to,
        loss_and_gradient,
    )
    from tlstudy.networks.evaluation import training_mode_loss
    from tlstudy.networks.trainer import training_batches

    if "below" not in fine_tuned.vectors:
        log.info("the train loss never fell below the matched one: no drift to compare")
        return
    start = fine_tuned.vectors["start"].to(fine_tuned.device)
    reached = fine_tuned.vectors["below"].to(fine_tuned.device)
    network, head = fine_tuned.network_with(reached), fine_tuned.training.head
    batches = training_batches(fine_tuned.training, fine_tuned.images, fine_tuned.device)
    level = float(training_mode_loss(network, batches, head))
    yield from _rows("training", float((reached - start).norm()), level)
    most = settings.descent_steps + settings.explicit_steps
    evaluate = _told(loss_and_gradient(network, batches, head), start, most)
    descent = gradient_descent_to(evaluate, start, level, settings.descent_steps)
    if descent is None:
        log.info("gradient descent did not reach %.4f in the evaluations allowed", level)
        return
    yield from _met("gradient-descent", descent, start)
    explicit = least_change_to(evaluate, start, descent, level, settings.explicit_steps)
    yield from _met("explicit", explicit, start)


def _told(evaluate: "Evaluate", start: "torch.Tensor", most: int) -> "Evaluate":
    """The same, with a line in the log for every evaluation of the most that may be."""
    count, began = itertools.count(1), time.monotonic()

    def told(vector: "torch.Tensor") -> "tuple[float, torch.Tensor]":
        loss, gradient = evaluate(vector)
        done, away = next(count), float((vector - start).norm())
        left = duration((time.monotonic() - began) / done * (most - done))
        text = "evaluation %d: train loss %.4f, %.4g from the start, at most about %s left"
        log.info(text, done, loss, away, left)
        return loss, gradient

    return told


def _met(way: str, met: "Met", start: "torch.Tensor") -> Iterator[dict]:
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


def passes(study: "Study", run: "Run") -> float:
    """All gradients that the two searches may take."""
    return GRADIENT * run.subset_size * (study.reuse.descent_steps + study.reuse.explicit_steps)


MEASUREMENT = Measurement(
    name="reuse",
    title="Reuse of features",
    help="Measure how much of its features a run kept, and how far it had to move.",
    settings=Reuse,
    measure=measure,
    columns=COLUMNS,
    passes=passes,
    memory_mb=11000,
)
