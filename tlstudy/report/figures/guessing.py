"""What a network that guesses gets: it follows from the number of classes of an arm's target."""

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from tlstudy.audit.sentinels.softmax import softmax_floor
from tlstudy.config.settings import Study
from tlstudy.report.figures import style

QUANTITIES = {"balanced_accuracy": lambda k: 100 / k, "loss": np.log}
WORDS = {"balanced_accuracy": "{:.3g} %", "loss": "ln {}"}


def levels(study: Study, quantity: str, arms: Iterable[str] | None = None) -> list[float]:
    """Balanced accuracy in per cent, or loss in nats, for each number of classes of the arms."""
    return [float(QUANTITIES[quantity](classes)) for classes in _classes(study, arms)]


def draw(
    ax: Axes,
    study: Study,
    quantity: str,
    arms: Iterable[str] | None = None,
    vertical: bool = True,
) -> None:
    """A line at each of these values."""
    for level in levels(study, quantity, arms):
        style.reference_line(ax, level, vertical)


def entry(study: Study, quantity: str, arms: Iterable[str] | None = None) -> Line2D:
    """Legend entry of the lines: guessing (ln 10)."""
    return style.reference_entry(words(study, quantity, arms))


def words(study: Study, quantity: str, arms: Iterable[str] | None = None) -> str:
    found = _classes(study, arms)
    told = (100 / classes if quantity == "balanced_accuracy" else classes for classes in found)
    return f"guessing ({', '.join(WORDS[quantity].format(value) for value in told)})"


def softmax_bounds(classes: int) -> tuple[float, float]:
    """Least and largest cross-entropy on a softmax's output, nats."""
    least = softmax_floor(classes)
    return least, least + 1


def _classes(study: Study, arms: Iterable[str] | None) -> list[int]:
    return sorted(
        {study.arms[arm].target.outputs for arm in (study.arms if arms is None else arms)}
    )
