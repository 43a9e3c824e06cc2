"""Figures of a study: one function draws them all, from the result tables to files.

`tlstudy.config.catalogue` lists them and needs no matplotlib, so this module imports the drawing
modules only when something is drawn.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tlstudy.config.catalogue import (
    ACCURACY_BY_SIZE,
    CONTRADICTIONS,
    FIGURES,
    PENALTY,
    base_name,
    figure_names,
    part_of_study,
    size_folder,
    study_figure_names,
)
from tlstudy.config.settings import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FIGURES", "draw", "draw_all", "draw_of_study"]


def draw_all(study: Study, tables: Mapping, landscapes: list[dict], folder: Path) -> list[Path]:
    """Write every figure as SVG and PNG: `folder`/n~{size}/{name}, and those of all sizes.

    Args:
        tables: the result tables by name, see `tlstudy.storage.columns`.
        landscapes: one mapping for each run that has one, see `tlstudy.report.figures.landscapes`.

    Returns:
        The paths, without suffix.
    """
    from tlstudy.report.figures import style

    stems = []
    for size in study.subset_size:
        of_size = {
            name: table[table["subset_size"] == size]
            for name, table in tables.items()
            if "subset_size" in table  # not in the laboratory's
        }
        for name in figure_names(study):
            stem = Path(folder, size_folder(size), name)
            with style.look(f"{name}-{size}"):
                style.write(draw(study, name, of_size, landscapes, size), stem)
            stems.append(stem)
    for name in study_figure_names(study):
        with style.look(name):
            style.write(draw_of_study(study, name, tables), Path(folder, name))
        stems.append(Path(folder, name))
    return stems


def draw(study: Study, name: str, tables: Mapping, landscapes: list[dict], size: int) -> "Figure":
    """One figure of a subset size; the tables hold that size only."""
    from tlstudy.report.figures import (
        claims,
        curvature,
        curves,
        encoder,
        ladder,
        layerwise,
        reuse,
        summary,
    )
    from tlstudy.report.figures import landscapes as planes

    function = {
        "ladder": ladder.accuracy_figure,
        "ladder-loss": ladder.loss_figure,
        "claims": claims.claims_figure,
        "results": summary.results_figure,
        "loss-new": partial(curves.loss_figure, new=True),
        "loss-pretrained": partial(curves.loss_figure, new=False),
        "balanced-accuracy": curves.accuracy_figure,
        "gradient-norm": curves.gradient_figure,
        "magnitude-change": curves.magnitude_figure,
        "angle-change": curves.angle_figure,
        "layerwise-magnitude": layerwise.magnitude_figure,
        "layerwise-angle": layerwise.angle_figure,
        "encoder": encoder.encoder_figure,
        "landscape-trajectory": partial(planes.figure, which="trajectory"),
        "landscape-random": partial(planes.figure, which="random"),
        "curvature": curvature.curvature_figure,
        "reuse": reuse.reuse_figure,
    }[base_name(name)]
    return function(part_of_study(study, name), {**tables, "landscapes": landscapes}, size)


def draw_of_study(study: Study, name: str, tables: Mapping) -> "Figure":
    """One figure that is not of one subset size."""
    from tlstudy.report.figures import laboratory, published, summary, theory

    function = {
        ACCURACY_BY_SIZE: summary.size_figure,
        CONTRADICTIONS: published.contradictions_figure,
        PENALTY: theory.penalty_figure,
        "laboratory-claims": laboratory.claims_figure,
        "laboratory-regimes": laboratory.regimes_figure,
        "laboratory-diagonal": laboratory.diagonal_figure,
        "laboratory-implicit": laboratory.implicit_figure,
        "laboratory-features": laboratory.features_figure,
        "laboratory-rescaling": laboratory.rescaling_figure,
    }[name]
    return function(study, tables)
