"""Sentinels of the path through weight space and of the landscapes around its end."""

from collections.abc import Iterator

import numpy as np

from tlstudy.audit.sentinels.evidence import Evidence, TooLittleError
from tlstudy.audit.sentinels.sentinel import sentinel
from tlstudy.networks.random_walk import walk_shares

POINTS_OF_A_PLANE = 3
# A random walk's share on its first axis varies by about 0.38 / sqrt(d) around the null, d the
# number of directions that its steps take alike (simulated, 3 to 101 points). The margin is two
# standard deviations at d = 100. The sound runs of the audit study have shares above 0.85.
WALK_MARGIN = 0.08
# A centre may differ from the checkpoint's loss by float32 rounding in another process.
CENTRE_TOLERANCE = 0.01  # of the loss
CENTRE_ROUNDING = 1e-4  # nats


@sentinel(
    "warning",
    "F3",
    needs=("record.trajectory",),
    why="The principal axes of such a path are rounding noise, and a landscape over them is "
    "a picture of nothing.",
    advice="Draw no landscape along the path; find out why the weights did not move.",
)
def path_without_plane(evidence: Evidence) -> Iterator[str]:
    """The path of at least three points (two epochs) spans no plane."""
    rank, points = evidence.record["trajectory"]["rank"], _points(evidence)
    if rank < 2:
        shape = "a single point" if rank == 0 else "a straight line"
        yield f"the {points} weight vectors of the path have rank {rank}: they are {shape}"


@sentinel(
    "warning",
    "F3",
    needs=("record.trajectory",),
    why="Principal components of pure noise look like a path with a direction too.",
    advice="Do not interpret the path's shape or the landscape along it; show the explained "
    "variance beside that of a random walk.",
)
def path_like_a_random_walk(evidence: Evidence) -> Iterator[str]:
    """The first axis explains no more of the path's variance than it would of a random walk's.

    A long random walk in many dimensions puts 6 / pi^2 = 0.608 of its variance on the first axis
    (Antognini & Sohl-Dickstein 2018), a short one more, so a short path needs more to stand out.
    A share above the null says that the path has a direction; it does not say that it is a good
    one, and momentum alone makes a walk smoother and its share larger.
    """
    points, shares = _points(evidence), evidence.record["trajectory"]["explained_variance"]
    if len(shares) < 2:
        raise TooLittleError("a path that spans a plane")
    share, null = shares[0], walk_shares(points, 1)[0]
    if share <= null + WALK_MARGIN:
        yield (
            f"the first axis explains {share:.3f} of the variance of the path of {points} points; "
            f"of a random walk of that length it explains {null:.3f}"
        )


def _points(evidence: Evidence) -> int:
    # The record's path has a point for every epoch and one for the start, also at rank 0.
    points = len(evidence.record["trajectory"]["path"])
    if points < POINTS_OF_A_PLANE:
        raise TooLittleError("a path of two epochs or more")
    return points


@sentinel(
    "warning",
    "F6",
    needs=("landscape",),
    why="The surface is not the one that training descended, so its centre need not be a minimum.",
    advice="Compute the landscape as the training loss is computed: the same images, the "
    "same loss, BatchNorm with the batch's own statistics.",
)
def landscape_off_centre(evidence: Evidence) -> Iterator[str]:
    """The loss in a landscape's centre is not that of the checkpoint that it is drawn around.

    Where only the vertical axis is known, the checkpoint's loss must lie on it, give or take the
    length of the axis.
    """
    checkpoint = evidence.landscape.get("checkpoint_train_loss")
    planes = _drawn(evidence)
    if checkpoint is None or not planes:
        raise TooLittleError("a drawn landscape and the loss of its checkpoint")
    allowed = CENTRE_TOLERANCE * abs(checkpoint) + CENTRE_ROUNDING
    for name, plane in planes.items():
        low, high = plane.get("loss_range", (-np.inf, np.inf))
        centre = plane.get("centre_loss")
        if "centre_loss" in plane and (centre is None or not abs(centre - checkpoint) <= allowed):
            yield (
                f"the loss in the centre of the {name} plane is "
                f"{'not finite' if centre is None else f'{centre:.6g}'}, at the checkpoint "
                f"{checkpoint:.6g}"
            )
        elif "centre_loss" not in plane and not 2 * low - high <= checkpoint <= 2 * high - low:
            yield (
                f"the vertical axis of the {name} plane goes from {low:.6g} to {high:.6g}, the "
                f"loss of the checkpoint is {checkpoint:.6g}"
            )


def _drawn(evidence: Evidence) -> dict[str, dict]:
    planes = evidence.landscape["planes"]
    return {name: plane for name, plane in planes.items() if plane["status"] == "drawn"}


@sentinel(
    "error",
    "F4",
    "F5",
    needs=("landscape",),
    why="On other scales a flatter surface looks rougher: such pictures cannot be compared.",
    advice="Use one grid, radius, vertical axis and colour scale for all landscapes that "
    "are compared, and as much of the path behind each.",
)
def landscapes_not_comparable(evidences: list[Evidence]) -> Iterator[str]:
    """Planes of the same name differ in grid, radius, vertical axis or length of path.

    A landscape that is a record only has no vertical axis yet: this project's figures give those
    of a group the same. The length of the path of a run with early stopping is not compared: it
    has the whole path behind it, as others have.
    """
    drawn = [(evidence, _drawn(evidence)) for evidence in evidences]
    for name in dict.fromkeys(name for _, planes in drawn for name in planes):
        shown = [
            (evidence.arm, _facets(planes[name], _ends_early(evidence)))
            for evidence, planes in drawn
            if name in planes
        ]
        for facet in dict.fromkeys(facet for _, facets in shown for facet in facets):
            texts = [(arm, facets[facet]) for arm, facets in shown if facet in facets]
            if len({text for _, text in texts}) > 1:
                told = ", ".join(f"{text} in {arm}" for arm, text in texts)
                yield f"{name} plane, {facet}: {told}"


def _ends_early(evidence: Evidence) -> bool:
    return evidence.training is not None and evidence.training.early_stopping is not None


def _facets(plane: dict, ends_early: bool) -> dict[str, str]:
    """How a plane was drawn, in words, as far as it is known and has to be the same."""
    axis = plane["axis"]
    facets = {"points along a side": str(len(axis)), "radius": f"{max(axis):.6g}"}
    if "loss_range" in plane:
        facets["vertical axis in nats"] = "{:.6g} to {:.6g}".format(*plane["loss_range"])
    if "path" in plane and not ends_early:
        facets["weight vectors behind it"] = str(len(plane["path"]))
    return facets
