"""Measurement `curvature`: sharpness of the training loss, at the end and at a shared loss."""

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tlstudy.config.fields import Count, Positive, Selection
from tlstudy.config.measurements import Measurement
from tlstudy.measures.passes import HESSIAN_PRODUCT

if TYPE_CHECKING:
    import torch
    from torch import nn

    from tlstudy.config.settings import Study
    from tlstudy.config.study import Run
    from tlstudy.networks.fine_tuned import FineTuned
    from tlstudy.networks.images import Batch

log = logging.getLogger(__name__)
LEVEL_SEARCH = 20  # passes that locate the matched train loss
# Share of the way between two epochs to which the matched train loss is located: where a step
# starts the loss can fall by half within a thousandth of it.
ALONG = 1e-6
COLUMNS = {
    "point": ("string", "final: the final weights; matched: those at the same train loss"),
    "epoch": ("float64", "where on the path: whole epochs, or between two by interpolation"),
    "train_loss": (
        "float64",
        "loss on the training images, BatchNorm statistics of the batch, nats",
    ),
    "normalised_eigenvalue": (
        "float64",
        "largest eigenvalue of D H D, H that loss's Hessian, D each weight's filter norm",
    ),
    "normalised_residual": ("float64", "residual of that eigenvalue, as below"),
    "hessian_eigenvalue": ("float64", "largest eigenvalue of H, which depends on weights' scales"),
    "residual": (
        "float64",
        "norm of H v - lambda v of the unit Ritz vector v over |lambda|: how far Lanczos converged",
    ),
    "products": ("int64", "Hessian-vector products used for both"),
    "rise": (
        "float64",
        "mean rise of that loss, nats, at both ends of the filter-normalised random directions",
    ),
    "reason": ("string", "why there are no values; empty if there are"),
}


class Curvature(Selection):
    """Sharpness of the training loss at the final weights and at a train loss that all pass."""

    train_loss: Positive = Field(
        0.5, description="Train loss, nats, at which runs are compared before their end."
    )
    lanczos_steps: Annotated[int, Field(strict=True, ge=2, le=200)] = Field(
        15, description="Most Hessian-vector products for a largest eigenvalue."
    )
    directions: Count = Field(5, description="Filter-normalised random directions.")
    radius: Positive = Field(
        0.1, description="How far along them; 1 moves every filter by its own norm."
    )


def measure(fine_tuned: "FineTuned", settings: Curvature) -> Iterator[dict]:
    """A row for the final weights and one for the matched train loss."""
    from tlstudy.measures.hessian import largest_hessian_eigenvalue, rise_along_random_directions
    from tlstudy.networks.evaluation import training_mode_loss
    from tlstudy.networks.trainer import first_epoch_below

    level, losses = settings.train_loss, fine_tuned.train_losses
    at = fine_tuned.network_at("end"), fine_tuned.batches(), fine_tuned.training.head
    seed = fine_tuned.run.seed

    def measured(point: str, epoch: float) -> dict:
        log.info("%s point, epoch %.2f", point, epoch)
        raw, normalised = (
            largest_hessian_eigenvalue(*at, settings.lanczos_steps, seed, by_filter)
            for by_filter in (False, True)
        )
        log.info("largest eigenvalues: %.4g, normalised %.4g", raw.value, normalised.value)
        return {
            "point": point,
            "epoch": epoch,
            "train_loss": float(training_mode_loss(*at)),
            "normalised_eigenvalue": normalised.value,
            "normalised_residual": normalised.residual,
            "hessian_eigenvalue": raw.value,
            "residual": raw.residual,
            "products": raw.products + normalised.products,
            "rise": rise_along_random_directions(*at, settings.radius, settings.directions, seed),
            "reason": "",
        }

    if fine_tuned.finished:
        yield measured("final", float(len(losses) - 1))
    else:
        reason = "the loss was not finite, so there are no final weights"
        yield {"point": "final", "reason": reason}
    if "below" not in fine_tuned.vectors:
        reason = f"the train loss never fell from above {level:g} to below it"
        yield {"point": "matched", "reason": reason}
    elif (share := _go_to_level(*at, fine_tuned.vectors, level)) is None:
        reason = (
            f"the weights before and after the epoch in which the train loss fell below {level:g} "
            "do not enclose it"
        )
        yield {"point": "matched", "reason": reason}
    else:
        yield measured("matched", first_epoch_below(losses, level) - 1 + share)


def _go_to_level(
    network: "nn.Module",
    batches: "list[Batch]",
    head: str,
    vectors: "dict[str, torch.Tensor]",
    level: float,
) -> float | None:
    """Leave the network where the loss is the level on the line between two epochs.

    Returns:
        The share of the way, 0 to 1; None if the loss does not pass the level there, as may
        happen where an epoch has several steps.
    """
    import torch
    from scipy.optimize import brentq

    from tlstudy.networks.evaluation import training_mode_loss
    from tlstudy.networks.trajectory import unflatten

    weights = [weight.data for weight in network.parameters()]
    above = unflatten(vectors["above"], weights)
    step = torch._foreach_sub(unflatten(vectors["below"], weights), above)

    def excess(share: float) -> float:
        torch._foreach_copy_(weights, torch._foreach_add(above, step, alpha=share))
        return float(training_mode_loss(network, batches, head)) - level

    if not excess(0.0) > 0 >= excess(1.0):
        return None
    share = float(brentq(excess, 0.0, 1.0, xtol=ALONG))
    excess(share)
    return share


def passes(study: "Study", run: "Run") -> float:
    """Hessian products and looks along directions at two points, and the search of one."""
    settings = study.curvature
    at_a_point = 2 * settings.lanczos_steps * HESSIAN_PRODUCT + 2 * settings.directions
    return run.subset_size * (2 * at_a_point + LEVEL_SEARCH)


MEASUREMENT = Measurement(
    name="curvature",
    title="Sharpness of the loss",
    help="Measure how sharp the training loss is where a run ended and on its way.",
    settings=Curvature,
    measure=measure,
    columns=COLUMNS,
    passes=passes,
    memory_mb=11000,
)
