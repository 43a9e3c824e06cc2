"""Stage `figures`: the slides' plots from the tables."""

import json

from tlstudy import paths
from tlstudy.figures import draw_all
from tlstudy.settings import Study
from tlstudy.study import runs
from tlstudy.tables import read_table


def draw_figures(study: Study) -> None:
    """Draw every figure of the study, as SVG and PNG."""
    tables = {name: read_table(study, name) for name in ("metrics", "layers", "runs")}
    folder = paths.figures_folder(study)
    draw_all(study, **tables, landscapes=read_landscapes(study), folder=folder)


def read_landscapes(study: Study) -> list[dict]:
    """Landscape records of all runs that have them, each with its arm's names."""
    records = []
    for run in runs(study):
        file = paths.folder_of_run(study, run) / "landscape.json"
        if run.seed in study.landscape.seeds:
            arm = {"arm": run.arm, "group": run.settings.group, "label": run.settings.label}
            records.append(json.loads(file.read_text(encoding="utf-8")) | arm)
    return records
