"""Measurement `reuse`: how much of its features a run kept, and how far it had to move."""

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field

from tlstudy.config.fields import Count, Selection
from tlstudy.config.measurements import Measurement
from tlstudy.measures.passes import GRADIENT
from tlstudy.storage.durations import with_time_left

if TYPE_CHECKING:
    import torch

    from tlstudy.config.settings import Study
    from tlstudy.config.study import Run
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

    The run's own way is compared with gradient descent and with the least change found, all at the
    train loss of the run's first epoch below `curvature.train_loss`.
    """

    descent_steps: Count = Field(
        30, description="Most gradients that gradient descent may use to reach that train loss."
    )
    explicit_steps: Count = Field(
        30, description="Most gradients that the search for the least weight change may use."
    )


def measure(fine_tuned: "FineTuned", settings: Reuse) -> Iterator[dict]:
    """Rows of the filters and of the drift; none for a run that diverged."""
    if fine_tuned.finished:
        yield from _filter_rows(fine_tuned)
        yield from _drift_rows(fine_tuned, settings)


def _filter_rows(fine_tuned: "FineTuned") -> Iterator[dict]:
    from tlstudy.measures.filters import layer_rows
    from tlstudy.networks.build import layer_kinds

    before, after = (fine_tuned.network_at(name) for name in ("start", "end"))
    names = [name for name, kind in layer_kinds(before).items() if kind == "convolution"]
    weights = ({name: network.get_parameter(name) for name in names} for network in (before, after))
    yield from layer_rows(*weights)
    log.info("%d convolutions compared", len(names))


def _drift_rows(fine_tuned: "FineTuned", settings: Reuse) -> Iterator[dict]:
    """Distance from the start at the train loss of the first epoch below the matched one."""
    from tlstudy.measures.least_change import (
        gradient_descent_to,
        least_change_to,
        loss_and_gradient,
    )
    from tlstudy.networks.evaluation import training_mode_loss

    if "below" not in fine_tuned.vectors:
        log.info("the train loss never fell below the matched one: no drift to compare")
        return
    start, reached = (fine_tuned.vectors[name].to(fine_tuned.device) for name in ("start", "below"))

    def rows(way: str, vector: "torch.Tensor", loss: float, across: float | None) -> Iterator[dict]:
        drift = float((vector - start).norm())
        log.info("%s: %.4g away at train loss %.4f", way, drift, loss)
        values = {"drift": drift, "train-loss": loss, "across": across}
        for measure, value in values.items():
            if value is not None:
                yield {"measure": f"{measure}.{way}", "layer": "", "value": value}

    at = fine_tuned.network_at("below"), fine_tuned.batches(), fine_tuned.training.head
    level = float(training_mode_loss(*at))
    yield from rows("training", reached, level, None)
    loss_there = loss_and_gradient(*at)
    told = with_time_left(range(settings.descent_steps + settings.explicit_steps), "gradient")

    def evaluate(vector: "torch.Tensor") -> "tuple[float, torch.Tensor]":
        next(told, None)
        return loss_there(vector)

    descent = gradient_descent_to(evaluate, start, level, settings.descent_steps)
    if descent is None:
        log.info("gradient descent found no way down to %.4f in the evaluations allowed", level)
        return
    yield from rows("gradient-descent", descent.vector, descent.loss, descent.across)
    explicit = least_change_to(evaluate, start, descent, level, settings.explicit_steps)
    yield from rows("explicit", explicit.vector, explicit.loss, explicit.across)


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
