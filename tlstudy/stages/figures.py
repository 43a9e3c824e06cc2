"""Stage `figures`: the slides' plots and the audit's own from the tables."""

from tlstudy import paths
from tlstudy.figures import draw_all
from tlstudy.settings import Study
from tlstudy.tables import read_landscapes, read_table

TABLES = ("metrics", "layers", "runs", "encoder", "curvature", "reuse", "claims", "claim-values")
LABORATORY_TABLES = ("formulas",)


def draw_figures(study: Study) -> None:
    """Draw every figure of the study, as SVG and PNG."""
    names = TABLES + (LABORATORY_TABLES if study.laboratory.experiments else ())
    tables = {name: read_table(study, name) for name in names}
    draw_all(study, tables, read_landscapes(study), paths.figures_folder(study))
