"""Figure of Proposition 3: penalties of reuse, and errors of the printed variants."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tlstudy.config.settings import Study
from tlstudy.report.figures import meanings, style
from tlstudy.report.figures.points import Tables
from tlstudy.report.figures.texts import GAMMA, RHO
from tlstudy.theory.formulas import EXACT, EXAMPLE, FORMULAS, draw_arguments, printed_minimum
from tlstudy.theory.penalty import diagonal_penalty, multi_task_penalty, reuse_penalty

NO_BREAK = "\u00a0"
SHADES = (style.ORANGE, style.NEW, style.GAP, style.PRETRAINED)
NEW_UNIT = {"color": style.SLIDES, "linestyle": "--"}
# Colour and dashes of the variants. The right one comes first, so that the others are drawn on it.
PRINTED = {
    "paper's proof": {"color": style.GAP, "linewidth": 3.5, "alpha": 0.55},
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


def penalty_figure(_study: Study, tables: Tables, _size: None) -> Figure:
    """Six panels: penalties, their growth, the penalty of a unit, and the printed variants.

    Args:
        tables: the draws of that of the formulas are drawn again by its seed.
    """
    first = tables["formulas"].iloc[0]
    draws, seed = int(first["draws"]), int(first["seed"])
    text = f"All curves are exact; those of (f) are over {draws} draws (seed {seed})."
    figure = style.new_figure(8.8, note=text)
    panels = figure.subplots(3, 2).ravel()
    for ax in panels:
        meanings.thin_curves(ax)
    _diagonal_panel(panels[0])
    _order_panel(panels[1])
    w, rho = EXAMPLE["w_aux"], EXAMPLE["rho"]
    cosines = {f"{RHO} = {cosine:g}": (0, w, cosine) for cosine in COSINES}
    title = f"(c) ReLU unit, w = {w:g}, {GAMMA} = 0: reuse pays below the dashed line"
    _unit_panel(panels[2], np.linspace(0, STRONGEST, 301), cosines, title)
    readouts = {f"{GAMMA} = {gamma:g}": (gamma, w, rho) for gamma in READOUTS}
    title = f"(d) w = {w:g}, {RHO} = {rho:g}: {GAMMA} sets the cheapest strength, {GAMMA} w {RHO}"
    _unit_panel(panels[3], np.linspace(-STRONGEST, STRONGEST, 601), readouts, _unbroken(title))
    _example_panel(panels[4])
    _error_panel(panels[5], draws, seed)
    return figure


def growth_order(at: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """(points,) d log penalty / d log strength: 1 for an l1, 2 for an l2 penalty."""
    return np.gradient(np.log(penalty), np.log(at))


def surplus_of_both(b: np.ndarray, b_aux: float) -> np.ndarray:
    """Increase of the multi-task penalty by a main task's coefficients b, (points,)."""
    # The difference of the penalties with and without b would cancel for small b.
    return 2 * b**2 / (multi_task_penalty(b, b_aux) / 2 + abs(b_aux))


def _diagonal_panel(ax: Axes) -> None:
    """Corollary 2's penalty of one coefficient, over its size, on logarithmic axes."""
    b = np.geomspace(1e-2, 1e2, 201)
    for scale, colour in zip(PRETRAINED_SCALES, SHADES, strict=False):
        ax.plot(b, diagonal_penalty(b, scale, 0), color=colour, label=f"c = {scale:g}")
    ax.plot(b, surplus_of_both(b, 1), color=style.SLIDES, linestyle="--", label="both tasks, 1")
    ax.set(xscale="log", yscale="log")
    ax.legend(loc="lower right", borderaxespad=0)
    title = f"(a) diagonal network; c is the pretrained |b| + {GAMMA}²"
    style.dress(ax, title, TITLE, xlabel="coefficient b of the main task", ylabel="penalty")


def _order_panel(ax: Axes) -> None:
    """Order of growth of penalties, over the strength relative to the pretrained one."""
    share = np.geomspace(1e-2, 1e3, 251)
    curves = {
        "diagonal, b / c": (diagonal_penalty(share, 1, 0), SHADES[1], "-"),
        "both tasks, b / pretrained b": (surplus_of_both(share, 1), style.SLIDES, "--"),
        f"ReLU unit, m / w², {RHO} = 1": (reuse_penalty(share, 0, 1, 1).penalty, SHADES[3], "-"),
    }
    for label, (penalty, colour, dash) in curves.items():
        ax.plot(share, growth_order(share, penalty), color=colour, linestyle=dash, label=label)
    ax.set_xscale("log")
    ax.set_ylim(0.95, 2.5)
    ax.set_yticks([1, 2], labels=["1 (l1)", "2 (l2)"])
    ax.legend(loc="upper right", borderaxespad=0)
    title = "(b) small strengths cost as in l2 (lazy), large ones as in l1 (sparse)"
    across = "strength / pretrained strength"
    style.dress(ax, title, TITLE, xlabel=across, ylabel="order of growth")


def _unit_panel(ax: Axes, m: np.ndarray, units: dict[str, tuple], title: str) -> None:
    """Penalties of units over their strengths, each with its name at its right end.

    The last is that of a unit without pretrained weights.

    Args:
        units: gamma, pretrained norm and cosine of each by name.
    """
    looks = [{"color": colour} for colour in SHADES[::-1][: len(units)]]
    for (name, unit), look in zip(
        {**units, "new unit": (0, 0, 0)}.items(), [*looks, NEW_UNIT], strict=True
    ):
        values = reuse_penalty(m, *unit).penalty
        ax.plot(m, values, **look)
        ax.annotate(name, (m[-1], values[-1]), (4, 0), textcoords="offset points", va="center")
    limits = {"xlim": (m[0], m[-1] + LABEL_ROOM * (m[-1] - m[0])), "ylim": (0, None)}
    for axis in (ax.xaxis, ax.yaxis):
        style.whole_ticks(axis)
    style.dress(ax, title, TITLE, xlabel="strength m of the unit", ylabel="penalty r", **limits)


def _example_panel(ax: Axes) -> None:
    """Printed minima over the pretrained norm; a dotted line marks the example's norm."""
    w = np.linspace(0.05, 2.5, 246)
    arguments = {name: np.full(w.shape, value) for name, value in EXAMPLE.items()} | {"w_aux": w}
    for name, look in PRINTED.items():
        ax.plot(w, printed_minimum(FORMULAS[name], arguments)[1], label=name, **look)
    ax.axvline(EXAMPLE["w_aux"], color=style.SLIDES, linewidth=1, linestyle=":")
    ax.legend(loc="upper left", borderaxespad=0)
    m, gamma, rho = (EXAMPLE[name] for name in ("m_main", "gamma", "rho"))
    title = f"(e) printed variants where m = {m:g}, {GAMMA} = {gamma:g}, {RHO} = {rho:g}"
    across = "norm w of the pretrained weights"
    style.dress(ax, _unbroken(title), TITLE, xlabel=across, ylabel="r as printed")


def _unbroken(title: str) -> str:
    """A title that is not broken within an equation."""
    return title.replace(" = ", f"{NO_BREAK}={NO_BREAK}")


def _error_panel(ax: Axes, draws: int, seed: int) -> None:
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
    across = "relative error of r as printed, at most"
    title = "(f) the same on random draws, colours as in (e)"
    style.dress(ax, title, TITLE, xlabel=across, ylabel="draws (%)", ylim=(0, 104))
