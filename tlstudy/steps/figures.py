"""Step `figures`: the study's figures from its tables."""

from tlstudy.config.catalogue import states_proposition
from tlstudy.config.measurements import measured_tables
from tlstudy.config.settings import Study
from tlstudy.jobs import graph, paths
from tlstudy.jobs.provenance import with_provenance
from tlstudy.jobs.tables import read_landscapes, read_table
from tlstudy.report.figures import draw_all

TABLES = ("metrics", "layers", "runs", "answers", *measured_tables(), "claims", "claim-values")
OF_LABORATORY = ("laboratory", "laboratory-claims", "laboratory-claim-values")


@with_provenance(graph.figures)
def draw_figures(study: Study) -> None:
    """Draw every figure of the study, as SVG and PNG."""
    tables = {name: read_table(study, name) for name in _tables(study)}
    draw_all(study, tables | {"landscapes": read_landscapes(study)}, paths.figures_folder(study))


def _tables(study: Study) -> tuple[str, ...]:
    of_laboratory = OF_LABORATORY if study.laboratory.experiments else ()
    return (*TABLES, *of_laboratory, *(("formulas",) if states_proposition(study) else ()))
