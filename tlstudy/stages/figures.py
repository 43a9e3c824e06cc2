"""Stage `figures`: the slides' plots and the audit's own from the tables."""

from tlstudy import paths
from tlstudy.figures import draw_all
from tlstudy.settings import Study
from tlstudy.tables import read_landscapes, read_table

TABLES = ("metrics", "layers", "runs", "encoder", "curvature", "reuse", "claims", "claim-values")
OF_LABORATORY = ("laboratory", "laboratory-claims", "laboratory-claim-values", "formulas")


def draw_figures(study: Study) -> None:
    """Draw every figure of the study, as SVG and PNG."""
    names = (*TABLES, *OF_LABORATORY) if study.laboratory.experiments else TABLES
    tables = {name: read_table(study, name) for name in names}
    draw_all(study, tables, read_landscapes(study), paths.figures_folder(study))
