"""Figures of a study: one function draws them all, from the result tables to files.

`tlstudy.config.catalogue` lists them and needs no matplotlib, so this module imports the drawing
modules only when something is drawn.
"""

from collections.abc import Mapping
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
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["FIGURES", "draw", "draw_all", "draw_of_study"]


def draw_all(
    study: Study, tables: "Mapping[str, pd.DataFrame]", landscapes: list[dict], folder: Path
) -> list[Path]:
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
                style.write(draw(study, name, of_size, landscapes, size), stem, f"{name}-{size}")
            stems.append(stem)
    for name in study_figure_names(study):
        with style.look(name):
            style.write(draw_of_study(study, name, tables), Path(folder, name), name)
        stems.append(Path(folder, name))
    return stems


def draw(
    study: Study,
    name: str,
    tables: "Mapping[str, pd.DataFrame]",
    landscapes: list[dict],
    size: int,
) -> "Figure":
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

    study = part_of_study(study, name)
    return {
        "ladder": lambda: ladder.accuracy_figure(study, tables["runs"], size),
        "ladder-loss": lambda: ladder.loss_figure(study, tables["runs"], size),
        "claims": lambda: claims.claims_figure(
            study, tables["claims"], tables["claim-values"], size
        ),
        "results": lambda: summary.results_figure(study, tables["runs"], size),
        "loss-new": lambda: curves.loss_figure(study, tables["metrics"], size, new=True),
        "loss-pretrained": lambda: curves.loss_figure(study, tables["metrics"], size, new=False),
        "balanced-accuracy": lambda: curves.accuracy_figure(study, tables["metrics"], size),
        "gradient-norm": lambda: curves.gradient_figure(study, tables["metrics"], size),
        "magnitude-change": lambda: curves.magnitude_figure(study, tables["metrics"], size),
        "angle-change": lambda: curves.angle_figure(study, tables["metrics"], size),
        "layerwise-magnitude": lambda: layerwise.magnitude_figure(
            study, tables["layers"], tables["runs"], size
        ),
        "layerwise-angle": lambda: layerwise.angle_figure(
            study, tables["layers"], tables["runs"], size
        ),
        "encoder": lambda: encoder.encoder_figure(study, tables["encoder"], size),
        "landscape-trajectory": lambda: planes.figure(study, landscapes, size, "trajectory"),
        "landscape-random": lambda: planes.figure(study, landscapes, size, "random"),
        "curvature": lambda: curvature.curvature_figure(study, tables["curvature"], size),
        "reuse": lambda: reuse.reuse_figure(study, tables["reuse"], size),
    }[base_name(name)]()


def draw_of_study(study: Study, name: str, tables: "Mapping[str, pd.DataFrame]") -> "Figure":
    """One figure that is not of one subset size."""
    from tlstudy.report.figures import laboratory, published, summary, theory

    return {
        ACCURACY_BY_SIZE: lambda: summary.size_figure(study, tables["runs"]),
        CONTRADICTIONS: published.contradictions_figure,
        PENALTY: lambda: theory.penalty_figure(tables["formulas"]),
        "laboratory-claims": lambda: laboratory.claims_figure(
            study, tables["laboratory-claims"], tables["laboratory-claim-values"]
        ),
        "laboratory-regimes": lambda: laboratory.regimes_figure(study, tables["laboratory"]),
        "laboratory-diagonal": lambda: laboratory.diagonal_figure(study, tables["laboratory"]),
        "laboratory-implicit": lambda: laboratory.implicit_figure(study, tables["laboratory"]),
        "laboratory-features": lambda: laboratory.features_figure(study, tables["laboratory"]),
        "laboratory-rescaling": lambda: laboratory.rescaling_figure(study, tables["laboratory"]),
    }[name]()
