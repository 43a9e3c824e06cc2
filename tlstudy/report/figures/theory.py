"""Figure of Proposition 3: penalties of reuse, and errors of the printed variants."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tlstudy.config.settings import Study
from tlstudy.report.figures import style
from tlstudy.report.figures.series import Tables
from tlstudy.report.figures.texts import GAMMA, RHO
from tlstudy.theory.formulas import EXACT, EXAMPLE, FORMULAS, draw_arguments, printed_minimum
from tlstudy.theory.penalty import diagonal_penalty, multi_task_penalty, reuse_penalty

NO_BREAK = "\u00a0"
SHADES = ("#e69f00", style.NEW, style.GAP, style.PRETRAINED)
NEW_UNIT = {"color": style.SLIDES, "linestyle": "--"}
RIGHT = {"color": style.GAP, "linewidth": 3.5, "alpha": 0.55}
# Colour and dashes of the variants. The right one comes first, so that the others are drawn on it.
PRINTED = {
    "paper's proof": RIGHT,
    "slides": {"color": style.NEW},
    "paper's statement": {"color": style.PRETRAINED, "linestyle": (0, (4, 4))},
}
COSINES = (1.0, 0.9, 0.7, 0.0)
READOUTS = (0.0, 1.0, 2.0)
PRETRAINED_SCALES = (0.01, 1.0, 100.0)
ERRORS = (EXACT, 10.0)  # relative errors between which their distribution is drawn
STRONGEST = 5.0  # of the strengths on a linear axis
TITLE = 36  # characters of a line of a panel's title
LABEL_ROOM = 0.28  # right of the curves, as a share of the axis, for their names


def penalty_figure(_study: Study, tables: Tables) -> Figure:
    """Six panels: penalties, their growth, the penalty of a unit, and the printed variants.

    Args:
        tables: the draws of that of the formulas are drawn again by its seed.
    """
    first = tables["formulas"].iloc[0]
    draws = f"{first['draws']} draws (seed {first['seed']})"
    figure = style.new_figure(8.8, note=f"All curves are exact; those of (f) are over {draws}.")
    panels = figure.subplots(3, 2)
    diagonal_panel(panels[0, 0])
    order_panel(panels[0, 1])
    cosine_panel(panels[1, 0])
    readout_panel(panels[1, 1])
    example_panel(panels[2, 0])
    error_panel(panels[2, 1], int(first["draws"]), int(first["seed"]))
    return figure


def growth_order(at: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """(points,) d log penalty / d log strength: 1 for an l1, 2 for an l2 penalty."""
    return np.gradient(np.log(penalty), np.log(at))


def surplus_of_both(b: np.ndarray, b_aux: float) -> np.ndarray:
    """Increase of the multi-task penalty by a main task's coefficients b, (points,)."""
    # The difference of the penalties with and without b would cancel for small b.
    return 2 * b**2 / (multi_task_penalty(b, b_aux) / 2 + abs(b_aux))


def diagonal_panel(ax: Axes) -> Axes:
    """Corollary 2's penalty of one coefficient, over its size, on logarithmic axes."""
    b = np.geomspace(1e-2, 1e2, 201)
    for scale, colour in zip(PRETRAINED_SCALES, SHADES, strict=False):
        ax.plot(b, diagonal_penalty(b, scale, 0), color=colour, label=f"c = {scale:g}")
    ax.plot(b, surplus_of_both(b, 1), color=style.SLIDES, linestyle="--", label="both tasks, 1")
    style.log_axis(ax, "xy")
    ax.set_xlabel("coefficient b of the main task")
    ax.set_ylabel("penalty")
    ax.legend(loc="lower right", borderaxespad=0)
    return style.panel_title(ax, f"(a) diagonal network; c is the pretrained |b| + {GAMMA}²", TITLE)


def order_panel(ax: Axes) -> Axes:
    """Order of growth of penalties, over the strength relative to the pretrained one."""
    share = np.geomspace(1e-2, 1e3, 251)
    curves = {
        "diagonal, b / c": (diagonal_penalty(share, 1, 0), SHADES[1], "-"),
        "both tasks, b / pretrained b": (surplus_of_both(share, 1), style.SLIDES, "--"),
        f"ReLU unit, m / w², {RHO} = 1": (reuse_penalty(share, 0, 1, 1).penalty, SHADES[3], "-"),
    }
    for label, (penalty, colour, dash) in curves.items():
        ax.plot(share, growth_order(share, penalty), color=colour, linestyle=dash, label=label)
    style.log_axis(ax, "x")
    ax.set_ylim(0.95, 2.5)
    ax.set_yticks([1, 2], labels=["1 (l1)", "2 (l2)"])
    ax.set_xlabel("strength / pretrained strength")
    ax.set_ylabel("order of growth")
    ax.legend(loc="upper right", borderaxespad=0)
    return style.panel_title(
        ax, "(b) small strengths cost as in l2 (lazy), large ones as in l1 (sparse)", TITLE
    )


def cosine_panel(ax: Axes) -> Axes:
    """A unit's penalty over its strength, for several cosines, beside that of a new unit."""
    m, w = np.linspace(0, STRONGEST, 301), EXAMPLE["w_aux"]
    for rho, colour in zip(COSINES, SHADES[::-1], strict=True):
        _named(ax, m, reuse_penalty(m, 0, w, rho).penalty, f"{RHO} = {rho:g}", color=colour)
    _new_unit(ax, m)
    return style.panel_title(
        ax, f"(c) ReLU unit, w = {w:g}, {GAMMA} = 0: reuse pays below the dashed line", TITLE
    )


def readout_panel(ax: Axes) -> Axes:
    """A unit's penalty over strengths of either sign, for several output weights at the start."""
    m, w, rho = np.linspace(-STRONGEST, STRONGEST, 601), EXAMPLE["w_aux"], EXAMPLE["rho"]
    for gamma, colour in zip(READOUTS, SHADES[::-1], strict=False):
        _named(ax, m, reuse_penalty(m, gamma, w, rho).penalty, f"{GAMMA} = {gamma:g}", color=colour)
    _new_unit(ax, m)
    title = f"(d) w = {w:g}, {RHO} = {rho:g}: {GAMMA} sets the cheapest strength, {GAMMA} w {RHO}"
    return style.panel_title(ax, _unbroken(title), TITLE)


def _named(ax: Axes, at: np.ndarray, values: np.ndarray, name: str, **look) -> None:
    """A curve with its name at its right end."""
    ax.plot(at, values, **look)
    ax.annotate(name, (at[-1], values[-1]), (4, 0), textcoords="offset points", va="center")


def _new_unit(ax: Axes, m: np.ndarray) -> None:
    """The penalty of a unit without pretrained weights, and the axes of its panel."""
    _named(ax, m, reuse_penalty(m, 0, 0, 0).penalty, "new unit", **NEW_UNIT)
    ax.set_xlim(m[0], m[-1] + LABEL_ROOM * (m[-1] - m[0]))
    ax.set_ylim(0)
    for axis in (ax.xaxis, ax.yaxis):
        axis.get_major_locator().set_params(integer=True)
    ax.set_xlabel("strength m of the unit")
    ax.set_ylabel("penalty r")


def example_panel(ax: Axes) -> Axes:
    """Printed minima over the pretrained norm; a dotted line marks the example's norm."""
    w = np.linspace(0.05, 2.5, 246)
    arguments = {name: np.full(w.shape, value) for name, value in EXAMPLE.items()} | {"w_aux": w}
    for name, look in PRINTED.items():
        ax.plot(w, printed_minimum(FORMULAS[name], arguments)[1], label=name, **look)
    ax.axvline(EXAMPLE["w_aux"], color=style.SLIDES, linewidth=1, linestyle=":")
    ax.set_xlabel("norm w of the pretrained weights")
    ax.set_ylabel("r as printed")
    ax.legend(loc="upper left", borderaxespad=0)
    m, gamma, rho = (EXAMPLE[name] for name in ("m_main", "gamma", "rho"))
    title = f"(e) printed variants where m = {m:g}, {GAMMA} = {gamma:g}, {RHO} = {rho:g}"
    return style.panel_title(ax, _unbroken(title), TITLE)


def _unbroken(title: str) -> str:
    """A title that is not broken within an equation."""
    return title.replace(" = ", f"{NO_BREAK}={NO_BREAK}")


def error_panel(ax: Axes, draws: int, seed: int) -> Axes:
    """Share of the draws with at most this error; draws without a root are never counted."""
    arguments = draw_arguments(np.random.default_rng(seed), draws)
    truth = reuse_penalty(**arguments).penalty
    at = np.geomspace(*ERRORS, 300)
    for name, look in PRINTED.items():
        _, values = printed_minimum(FORMULAS[name], arguments)
        errors = np.sort(np.abs(values - truth) / truth)
        share = np.searchsorted(errors, at, side="right") / draws
        ax.plot(at, 100 * share, label=name, **look)
    ax.set_xscale("log")
    ax.set_xticks([1e-6, 1e-4, 1e-2, 1], labels=["0.0001 %", "0.01 %", "1 %", "100 %"])
    ax.set_ylim(0, 104)
    ax.set_xlabel("relative error of r as printed, at most")
    ax.set_ylabel("draws (%)")
    return style.panel_title(ax, "(f) the same on random draws, colours as in (e)", TITLE)
