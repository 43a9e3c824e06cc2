"""Scales of a figure's axes: ticks and labels of logarithmic ones."""

import re

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, NullFormatter, SymmetricalLogLocator

LOGARITHMIC = ("log", "symlog")
NARROW = 10  # ratio of the ends below which a vertical axis of decades is linear
LEAST_TICKS = 3  # with a number, apart from 0, on a logarithmic axis
TICKS = (
    (1,),
    (1, 3),
    (1, 2, 5),
    (1, 2, 3, 5, 7),
    tuple(range(1, 10)),
)  # in a decade, the fewest first
LABEL_LINE = 30  # characters of a vertical axis' label


def finish_scales(figure: Figure) -> None:
    """Ticks and labels of all logarithmic axes; once everything is drawn, as both depend on it.

    A vertical axis of a small range becomes linear, unless it leaves out values that are not above
    zero. Ticks that were set one by one stay.
    """
    for ax in figure.axes:
        if ax.get_yscale() == "log" and not hasattr(ax, "_colorbar") and _is_narrow(ax):
            ax.set_yscale("linear")
            ax.yaxis.set_major_formatter(plain_number)
        for axis in (ax.xaxis, ax.yaxis):
            if axis.get_scale() in LOGARITHMIC:
                _log_ticks(axis)
                _say_logarithmic(axis)


def _is_narrow(ax: Axes) -> bool:
    low, high = ax.yaxis.get_view_interval()
    alike = ax.get_shared_y_axes().get_siblings(ax)
    decades, positive = (
        ax.yaxis.get_transform().base == 10,
        all(other.dataLim.y0 > 0 for other in alike),
    )
    return decades and positive and high < NARROW * low


def _log_ticks(axis: Axis) -> None:
    """Plain numbers, without small exponents, at LEAST_TICKS places or more if there is room."""
    if isinstance(axis.get_major_locator(), FixedLocator):
        return
    scale, (low, high) = axis.get_transform(), axis.get_view_interval()
    for parts in TICKS:
        if axis.get_scale() == "log":
            locator = LogLocator(scale.base, subs=parts)
        else:
            locator = SymmetricalLogLocator(base=scale.base, linthresh=scale.linthresh, subs=parts)
        places = np.unique(locator.tick_values(low, high))
        if ((places >= low) & (places <= high) & (places != 0)).sum() >= LEAST_TICKS:
            break
    axis.set_major_locator(locator)
    axis.set_major_formatter(plain_number)
    axis.set_minor_formatter(NullFormatter())


def _say_logarithmic(axis: Axis) -> None:
    label = axis.get_label_text()
    if not label:
        return
    symmetric = axis.get_scale() == "symlog"
    what = f"log above {axis.get_transform().linthresh:.2g}" if symmetric else "log scale"
    long = axis.axis_name == "y" and len(label) + len(what) > LABEL_LINE
    axis.set_label_text(f"{label}{chr(10) if long else ', '}{what}")


def without_scale(label: str) -> str:
    """An axis' label without what it says of the scale: values beside it are as they are."""
    return re.sub(r"(, |\n)log (scale|above \S+)$", "", label)


def plain_number(value: float, _position: int | None = None) -> str:
    return f"{value:g}"
