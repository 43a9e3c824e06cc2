"""Sentinels of the path through weight space and of the landscapes around its end."""

from collections.abc import Callable, Iterator

import numpy as np

from tlstudy.audit.sentinels.evidence import Evidence, TooLittleError
from tlstudy.audit.sentinels.sentinel import sentinel

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
def path_without_plane(evidence: Evidence) -> str | None:
    """The path of at least three points (two epochs) spans no plane."""
    rank, points = evidence.record["trajectory"]["rank"], _points(evidence)
    if rank >= 2:
        return None
    shape = "a single point" if rank == 0 else "a straight line"
    return f"the {points} weight vectors of the path have rank {rank}: they are {shape}"


@sentinel(
    "warning",
    "F3",
    needs=("record.trajectory",),
    why="Principal components of pure noise look like a path with a direction too.",
    advice="Do not interpret the path's shape or the landscape along it; show the explained "
    "variance beside that of a random walk.",
)
def path_like_a_random_walk(evidence: Evidence) -> str | None:
    """The first axis explains no more of the path's variance than it would of a random walk's.

    A long random walk in many dimensions puts 6 / pi^2 = 0.608 of its variance on the first axis
    (Antognini & Sohl-Dickstein 2018). That is the limit: a short walk of T points has
    1 / sin^2(pi / 2T) over 2 (T^2 - 1) / 3, which is 0.75 of 3 points, 0.68 of 4, 0.617 of 11.
    So a short path needs more to stand out, and 0.608 itself would let short walks pass. A share
    above the null says that the path has a direction; it does not say that it is a good one, and
    momentum alone makes a walk smoother and its share larger.
    """
    points, shares = _points(evidence), evidence.record["trajectory"]["explained_variance"]
    if len(shares) < 2:
        raise TooLittleError("a path that spans a plane")
    share, null = shares[0], walk_share(points)
    if share > null + WALK_MARGIN:
        return None
    return (
        f"the first axis explains {share:.3f} of the variance of the path of {points} points; "
        f"of a random walk of that length it explains {null:.3f}"
    )


def walk_share(points: int) -> float:
    """Share of the first principal axis of a random walk of T points in many dimensions.

    Its centred Gram matrix has eigenvalues in proportion to 1 / sin^2(k pi / 2T), k from 1 to
    T - 1, whose sum is 2 (T^2 - 1) / 3; for large T the share is 6 / pi^2.
    """
    return float(1.5 / ((points**2 - 1) * np.sin(np.pi / (2 * points)) ** 2))


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
def landscape_off_centre(evidence: Evidence) -> str | None:
    """The loss in a landscape's centre is not that of the checkpoint that it is drawn around.

    Where only the vertical axis is known, the checkpoint's loss must lie on it, give or take the
    length of the axis.
    """
    checkpoint = evidence.landscape.get("checkpoint_train_loss")
    planes = list(_drawn(evidence))
    if checkpoint is None or not planes:
        raise TooLittleError("a drawn landscape and the loss of its checkpoint")
    seen = [text for name, plane in planes if (text := _centre(name, plane, checkpoint))]
    return "; ".join(seen) or None


def _drawn(evidence: Evidence) -> Iterator[tuple[str, dict]]:
    for name, plane in evidence.landscape["planes"].items():
        if plane["status"] == "drawn":
            yield name, plane


def _centre(name: str, plane: dict, checkpoint: float) -> str:
    if "centre_loss" in plane:
        centre = plane["centre_loss"]
        allowed = CENTRE_TOLERANCE * abs(checkpoint) + CENTRE_ROUNDING
        if centre is not None and abs(centre - checkpoint) <= allowed:
            return ""
        found = "not finite" if centre is None else f"{centre:.6g}"
        return (
            f"the loss in the centre of the {name} plane is {found}, at the checkpoint "
            f"{checkpoint:.6g}"
        )
    low, high = plane.get("loss_range", (-np.inf, np.inf))
    if 2 * low - high <= checkpoint <= 2 * high - low:
        return ""
    return (
        f"the vertical axis of the {name} plane goes from {low:.6g} to {high:.6g}, the loss of "
        f"the checkpoint is {checkpoint:.6g}"
    )


@sentinel(
    "error",
    "F4",
    "F5",
    needs=("landscape",),
    why="On other scales a flatter surface looks rougher: such pictures cannot be compared.",
    advice="Use one grid, radius, vertical axis and colour scale for all landscapes that "
    "are compared, and as much of the path behind each.",
)
def landscapes_not_comparable(evidences: list[Evidence]) -> str | None:
    """Planes of the same name differ in grid, radius, vertical axis or length of path.

    A landscape that is a record only has no vertical axis yet: this project's figures give those
    of a group the same.
    """
    names = dict.fromkeys(name for evidence in evidences for name, _ in _drawn(evidence))
    seen = []
    for name in names:
        planes = [
            (evidence.arm, plane)
            for evidence in evidences
            for other, plane in _drawn(evidence)
            if other == name
        ]
        seen += [text for facet in FACETS if (text := _difference(name, planes, facet))]
    return "; ".join(seen) or None


def _difference(name: str, planes: list[tuple[str, dict]], facet: str) -> str:
    describe = FACETS[facet]
    texts = [(arm, text) for arm, plane in planes if (text := describe(plane))]
    if len({text for _, text in texts}) < 2:
        return ""
    return f"{name} plane, {facet}: " + ", ".join(f"{text} in {arm}" for arm, text in texts)


def _loss_range(plane: dict) -> str:
    return "{:.6g} to {:.6g}".format(*plane["loss_range"]) if "loss_range" in plane else ""


def _path(plane: dict) -> str:
    return str(len(plane["path"])) if "path" in plane else ""


FACETS: dict[str, Callable[[dict], str]] = {
    "points along a side": lambda plane: str(len(plane["axis"])),
    "radius": lambda plane: f"{max(plane['axis']):.6g}",
    "vertical axis in nats": _loss_range,
    "weight vectors behind it": _path,
}
