"""Landscapes: the numbers that the page draws, on scales shared by all that are compared."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from matplotlib.ticker import MaxNLocator

from tlstudy.report.figures.landscapes import plane_of, points_outside, shared_limits
from tlstudy.report.format import count, is_number, loss, number, percent, quoted, signed
from tlstudy.report.inputs import Inputs, Json
from tlstudy.report.tables import Table

PLANES = {
    "trajectory": "the plane of the run\u2019s own path",
    "random": "a plane of random directions",
}
TICKS = 4
DIGITS = 5


@dataclass(frozen=True)
class Surface:
    """One landscape: an arm, a seed, a plane; `plane` is the stored record."""

    arm: str
    label: str
    group: str
    seed: int
    plane: Json
    checkpoint_loss: float
    guessed: float

    @property
    def drawn(self) -> bool:
        return self.plane.get("status") == "drawn"

    @property
    def reason(self) -> str:
        return self.plane["reason"].rstrip(".")

    def losses(self) -> list[float]:
        return [value for row in self.plane["loss"] for value in row if is_number(value)]


def surfaces(inputs: Inputs, size: int, plane: str) -> list[Surface]:
    """The landscapes of one plane and subset size, in the order of the arms."""
    order = list(inputs.study.arms)
    found = [
        Surface(
            *(record[name] for name in ("arm", "label", "group", "seed")),
            record["planes"][plane],
            record["checkpoint_train_loss"],
            log(inputs.study.arms[record["arm"]].target.outputs),
        )
        for record in inputs.landscapes
        if record["subset_size"] == size and plane in record["planes"] and record["arm"] in order
    ]
    return sorted(found, key=lambda surface: (surface.seed, order.index(surface.arm)))


def scale(drawn: Sequence[Surface]) -> Json:
    """Vertical and colour limits that a group shares: those of the still drawings.

    Losses above the upper limit are drawn flat at it, so that one peak does not flatten the rest.
    """
    planes = [plane_of({"planes": {"": item.plane}}, "") for item in drawn]
    low, high = shared_limits(planes, max(item.guessed for item in drawn))
    return {"low": low, "high": high, "ticks": ticks(low, high)}


def cut(drawn: Sequence[Surface]) -> str:
    """Words on losses that do not fit the scale; empty if all do."""
    high, largest = scale(drawn)["high"], max(max(surface.losses()) for surface in drawn)
    if largest <= high:
        return ""
    return f"Losses above {loss(high)} are drawn flat there; the largest is {loss(largest)}."


def ticks(low: float, high: float) -> list[Json]:
    """Round values from low to high with their labels."""
    values = MaxNLocator(TICKS, steps=[1, 2, 5, 10]).tick_values(low, high)
    decimals = max(0, -math.floor(math.log10(values[1] - values[0]) + 1e-9))
    return [
        {"at": value, "label": signed(f"{value:.{decimals}f}")}
        for value in values.tolist()
        if low <= value <= high
    ]


def payload(drawn: Sequence[Surface]) -> str:
    """What the drawing script needs for surfaces that are compared, as JSON.

    Numbers only, and labels made of numbers, so nothing in it can end its script element.
    """
    data = {"scale": scale(drawn), "surfaces": [_drawing(surface) for surface in drawn]}
    return json.dumps(data, separators=(",", ":"), allow_nan=False)


def _drawing(surface: Surface) -> Json:
    plane = surface.plane
    return {
        "axis": [_rounded(value) for value in plane["axis"]],
        "loss": [[_rounded(value) for value in row] for row in plane["loss"]],
        "path": [[_rounded(value) for value in point] for point in plane.get("path") or []],
    }


def _rounded(value: float | None) -> float | None:
    """Five digits are finer than a screen; a loss that is not finite is a hole."""
    return float(f"{value:.{DIGITS}g}") if is_number(value) else None


def comparison_table(found: Sequence[Surface], plane: str) -> Table:
    """Numbers that belong to each surface: its centre beside the checkpoint, its range."""
    heads = ["Arm, seed", "Checkpoint\u2019s loss", "Loss at the centre", "Lowest", "Highest"]
    if plane == "trajectory":
        heads += [f"Variance on axis {axis} (of a random walk)" for axis in (1, 2)]
        heads += ["Furthest off the plane", "Points outside the grid"]
    return Table(heads, [_table_row(surface, plane) for surface in found])


def _table_row(surface: Surface, plane: str) -> list[str]:
    """A row that ends early holds words in place of numbers: the reason for no plane."""
    row = [f"{surface.label}, seed {surface.seed}", loss(surface.checkpoint_loss)]
    if not surface.drawn:
        return [*row, f"no plane: {surface.reason}"]
    values = surface.losses()
    row += [loss(surface.plane["centre_loss"]), loss(min(values)), loss(max(values))]
    if plane == "trajectory":
        shares, nulls = surface.plane["explained_variance"], surface.plane["random_walk_null"]
        row += [f"{percent(shares[axis])} ({percent(nulls[axis])})" for axis in (0, 1)]
        row.append(number(max(surface.plane["off_plane"])))
        row.append("{} of {}".format(*points_outside(surface.plane)))
    return row


def alternative(surface: Surface, plane: str) -> str:
    """What a screen reader says in place of a surface."""
    values = surface.losses()
    path = surface.plane.get("path") or []
    steps = f" The path of {count(len(path), 'point')} is drawn on it." if path else ""
    return (
        f"Loss surface of {quoted(surface.label)} over {PLANES[plane]}, seed {surface.seed}: "
        f"{loss(surface.plane['centre_loss'])} at the centre, from {loss(min(values))} to "
        f"{loss(max(values))}.{steps} Arrow keys turn it."
    )
