"""Figures of a study: one function draws them all, from the result tables to files.

`tlstudy.figures.names` lists them and needs no matplotlib, so this module imports the drawing
modules only when something is drawn.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from tlstudy.figures.names import ACCURACY_BY_SIZE, FIGURES, figure_names, size_folder
from tlstudy.settings import Study

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["FIGURES", "draw", "draw_all"]


def draw_all(
    study: Study,
    metrics: "pd.DataFrame",
    layers: "pd.DataFrame",
    runs: "pd.DataFrame",
    landscapes: list[dict],
    folder: Path,
) -> list[Path]:
    """Write every figure as SVG and PNG: `folder`/n~{size}/{name}, and those of all sizes.

    Args:
        metrics, layers, runs: the result tables, see `tlstudy.columns`.
        landscapes: one mapping for each run that has one, see `tlstudy.figures.landscapes`.

    Returns:
        The paths, without suffix.
    """
    from tlstudy.figures import style, summary

    stems = []
    for size in study.subset_size:
        tables = [table[table["subset_size"] == size] for table in (metrics, layers, runs)]
        for name in figure_names(study):
            stem = Path(folder, size_folder(size), name)
            with style.look(f"{name}-{size}"):
                style.write(draw(study, name, *tables, landscapes, size), stem, f"{name}-{size}")
            stems.append(stem)
    if len(study.subset_size) > 1:
        with style.look(ACCURACY_BY_SIZE):
            figure = summary.size_figure(study, runs)
            style.write(figure, Path(folder, ACCURACY_BY_SIZE), ACCURACY_BY_SIZE)
        stems.append(Path(folder, ACCURACY_BY_SIZE))
    return stems


def draw(
    study: Study,
    name: str,
    metrics: "pd.DataFrame",
    layers: "pd.DataFrame",
    runs: "pd.DataFrame",
    landscapes: list[dict],
    size: int,
) -> "Figure":
    """One figure; the tables hold one subset size only."""
    from tlstudy.figures import curves, layerwise, summary
    from tlstudy.figures import landscapes as planes

    return {
        "results": lambda: summary.results_figure(study, runs, size),
        "loss-new": lambda: curves.loss_figure(study, metrics, size, new=True),
        "loss-pretrained": lambda: curves.loss_figure(study, metrics, size, new=False),
        "balanced-accuracy": lambda: curves.accuracy_figure(study, metrics, size),
        "gradient-norm": lambda: curves.gradient_figure(study, metrics, size),
        "magnitude-change": lambda: curves.magnitude_figure(study, metrics, size),
        "angle-change": lambda: curves.angle_figure(study, metrics, size),
        "layerwise-magnitude": lambda: layerwise.magnitude_figure(study, layers, runs, size),
        "layerwise-angle": lambda: layerwise.angle_figure(study, layers, runs, size),
        "landscape-trajectory": lambda: planes.figure(study, landscapes, size, "trajectory"),
        "landscape-random": lambda: planes.figure(study, landscapes, size, "random"),
    }[name]()
