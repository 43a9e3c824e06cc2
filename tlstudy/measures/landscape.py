"""Measurement `landscape`: training loss over two planes through a run's final weights."""

import logging
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from tlstudy.config.fields import Positive, Selection, odd
from tlstudy.config.measurements import Measurement

if TYPE_CHECKING:
    from tlstudy.config.settings import Study
    from tlstudy.config.study import Run
    from tlstudy.networks.fine_tuned import FineTuned

log = logging.getLogger(__name__)
OF_TRAJECTORY = ("path", "off_plane", "explained_variance", "random_walk_null")


class Landscape(Selection):
    """Loss over planes through the final weights; shared by all arms that are compared."""

    grid: Annotated[int, Field(strict=True, ge=3, le=201), AfterValidator(odd)] = Field(
        21, description="Points along a side; odd, so that the centre is the checkpoint."
    )
    trajectory_radius: Positive = Field(
        30.0, description="Half side of the trajectory plane, in units of weight distance (L2)."
    )
    random_radius: Positive = Field(
        1.0,
        description="Half side of the random plane; 1 moves every filter by its own norm.",
    )


def measure(fine_tuned: "FineTuned", settings: Landscape) -> dict:
    """Both planes of a run: axes and losses, or the reason why there is no plane."""
    from tlstudy.measures.planes import grid_axis, loss_grid, random_plane
    from tlstudy.networks.trajectory import unflatten

    record, batches = fine_tuned.record, fine_tuned.batches()
    network = fine_tuned.network_at("end")
    weights = [weight.data for weight in network.parameters()]
    radii = {"trajectory": settings.trajectory_radius, "random": settings.random_radius}
    planes = {}
    for name, radius in radii.items():
        log.info("%s plane, %d x %d points", name, settings.grid, settings.grid)
        # A random plane needs nothing but final weights.
        always = name == "random" and record["status"] != "diverged"
        reason = "" if always else record["trajectory"]["no_plane_reason"]
        planes[name] = {"status": "none", "reason": reason}
        if not reason:
            if name == "random":
                directions = random_plane(weights, fine_tuned.run.seed)
            else:
                vectors = (fine_tuned.vectors[f"direction_{number}"] for number in (1, 2))
                directions = [unflatten(vector, weights) for vector in vectors]
            axis = grid_axis(radius, settings.grid)
            losses = loss_grid(network, directions, axis, batches, fine_tuned.training.head)
            middle = settings.grid // 2
            planes[name] = {
                "status": "drawn",
                "reason": "",
                "axis": axis.tolist(),
                "loss": losses.tolist(),
                "centre_loss": float(losses[middle, middle]),
            }
    planes["trajectory"] |= {key: record["trajectory"][key] for key in OF_TRAJECTORY}
    return {"checkpoint_train_loss": record["checkpoint_train_loss"], "planes": planes}


def passes(study: "Study", run: "Run") -> float:
    """Two planes of grid x grid points."""
    return 2 * study.landscape.grid**2 * run.subset_size


MEASUREMENT = Measurement(
    name="landscape",
    title="Loss landscapes",
    help="Compute the loss over two planes through a run's final weights.",
    settings=Landscape,
    measure=measure,
    columns=None,
    passes=passes,
    memory_mb=4000,
)
