"""Step `figures`: the study's figures from its tables."""

from tlstudy.config.settings import Study
from tlstudy.config.tables import tables_of
from tlstudy.jobs import graph, paths
from tlstudy.jobs.provenance import with_provenance
from tlstudy.jobs.tables import read_landscapes, read_table
from tlstudy.report.figures import draw_all


@with_provenance(graph.figures)
def draw_figures(study: Study) -> None:
    """Draw every figure of the study, as SVG and PNG."""
    tables = {name: read_table(study, name) for name in tables_of(study)}
    draw_all(study, tables | {"landscapes": read_landscapes(study)}, paths.figures_folder(study))
