"""Stage `figures`: the slides' plots from the tables."""

from tlstudy import paths
from tlstudy.figures import draw_all
from tlstudy.settings import Study
from tlstudy.tables import read_landscapes, read_table


def draw_figures(study: Study) -> None:
    """Draw every figure of the study, as SVG and PNG."""
    tables = {name: read_table(study, name) for name in ("metrics", "layers", "runs")}
    folder = paths.figures_folder(study)
    draw_all(study, **tables, landscapes=read_landscapes(study), folder=folder)
