"""Figures of a study: one function draws them all, from the result tables to files.

`tlstudy.config.catalogue` lists them and needs no matplotlib, so this module imports the drawing
modules only when something is drawn.
"""

from collections import ChainMap
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlstudy.config.catalogue import (
    ACCURACY_BY_SIZE,
    CONTRADICTIONS,
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


class OfSize(Mapping):
    """Tables with the rows of one number of training images; all rows without one.

    Each is read when a figure asks for it.
    """

    def __init__(self, tables: Mapping, size: int | None):
        self._tables, self._size = tables, size

    def __getitem__(self, name: str) -> Any:
        rows = self._tables[name]
        if self._size is None or "subset_size" not in rows:
            return rows
        return rows[rows["subset_size"] == self._size]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)


def draw_all(study: Study, tables: Mapping, folder: Path) -> None:
    """Write every figure as SVG and PNG: `folder`/n~{size}/{name}, and those of all sizes.

    Args:
        tables: the result tables by name, see `tlstudy.storage.columns`, and under landscapes a
            mapping for each run that has one, see `tlstudy.report.figures.landscapes`.
    """
    from tlstudy.report.figures import files, style

    for size in study.subset_size:
        of_size = OfSize(tables, size)
        for name in figure_names(study):
            with style.look(f"{name}-{size}"):
                figure = draw(study, name, of_size, size)
                files.write(figure, Path(folder, size_folder(size), name))
    for name in study_figure_names(study):
        with style.look(name):
            files.write(draw(study, name, tables), Path(folder, name))


def draw(study: Study, name: str, tables: Mapping, size: int | None = None) -> "Figure":
    """One figure.

    Args:
        size: the subset size, if the figure is of one; the tables hold that size only.
    """
    from tlstudy.report.figures import (
        claims,
        curvature,
        curves,
        encoder,
        features,
        invariance,
        laboratory,
        ladder,
        landscapes,
        layerwise,
        overlap,
        published,
        reuse,
        scales,
        summary,
        theory,
    )

    function = {
        "ladder": partial(ladder.ladder_figure, quantity="balanced_accuracy"),
        "ladder-loss": partial(ladder.ladder_figure, quantity="loss"),
        "claims": claims.claims_figure,
        "results": summary.results_figure,
        "loss-new": partial(curves.loss_figure, new=True),
        "loss-pretrained": partial(curves.loss_figure, new=False),
        "balanced-accuracy": curves.accuracy_figure,
        "gradient-norm": curves.gradient_figure,
        "magnitude-change": partial(curves.change_figure, quantity="displacement"),
        "angle-change": partial(curves.change_figure, quantity="angle"),
        "layerwise-magnitude": partial(layerwise.layerwise_figure, column=layerwise.DISPLACEMENT),
        "layerwise-angle": partial(layerwise.layerwise_figure, column=layerwise.ANGLE),
        "encoder": encoder.encoder_figure,
        "landscape-trajectory": partial(landscapes.figure, which="trajectory"),
        "landscape-random": partial(landscapes.figure, which="random"),
        "curvature": curvature.curvature_figure,
        "reuse": reuse.reuse_figure,
        "features": features.features_figure,
        "invariance-transfer": invariance.transfer_figure,
        "invariance-stages": invariance.stages_figure,
        "overlap": overlap.overlap_figure,
        ACCURACY_BY_SIZE: summary.size_figure,
        CONTRADICTIONS: published.contradictions_figure,
        PENALTY: theory.penalty_figure,
        "laboratory-claims": laboratory.claims_figure,
    }.get(base_name(name), partial(laboratory.panels_figure, name=name))
    figure = function(_as_text(part_of_study(study, name)), _claims_as_text(tables), size)
    scales.finish_scales(figure)
    return figure


def _as_text(study: Study) -> Study:
    """The study with labels that matplotlib takes for text: a dollar sign begins mathematics."""
    arms = {
        name: arm.model_copy(update={"label": arm.label.replace("$", r"\$")})
        for name, arm in study.arms.items()
    }
    return study.model_copy(update={"arms": arms})


def _claims_as_text(tables: Mapping) -> Mapping:
    if "claims" not in tables or tables["claims"].empty:
        return tables
    text = tables["claims"]["text"].str.replace("$", r"\$", regex=False)
    # The others are read only where a figure asks for them.
    return ChainMap({"claims": tables["claims"].assign(text=text)}, tables)
