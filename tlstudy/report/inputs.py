"""What the report is made from, and how it is found on disk."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from tlstudy.audit.answers import Answers
from tlstudy.config.catalogue import figure_files, size_folder
from tlstudy.config.groups import groups_of, is_of_slides, label_of, reference_arms
from tlstudy.config.settings import Study
from tlstudy.config.study import runs_of_step
from tlstudy.config.study_targets import image_sources, targets
from tlstudy.config.tables import ALL_TABLES, tables_of
from tlstudy.config.targets import Target
from tlstudy.data.images import images_origin
from tlstudy.jobs import paths
from tlstudy.jobs.run_record import read_run_record
from tlstudy.jobs.tables import read_landscapes, read_table
from tlstudy.report.figures.captions import PUBLISHED_GROUP
from tlstudy.report.format import quoted
from tlstudy.report.sentences.progress import Section
from tlstudy.storage import columns
from tlstudy.storage.reading import read_json, read_svg

Json = dict[str, Any]
CONTACT_SHEET = "contact-sheet"


def _empty(name: str) -> Callable[[], pd.DataFrame]:
    """What makes a table without rows."""
    return lambda: columns.schema(dict(ALL_TABLES[name])).empty_table().to_pandas()


@dataclass(frozen=True)
class ContactSheet:
    """The training images of one drawing, size and seed.

    Attributes:
        subset: indices, labels, counts of the classes, number of duplicates.
        svg: the sheet as SVG text; None if it was not drawn.
    """

    target: Target
    drawing: str
    subset_size: int
    seed: int
    subset: Mapping[str, Any]
    svg: str | None = None


@dataclass(frozen=True)
class Inputs:
    """Everything that the report shows. Tables have the columns of `tlstudy.storage.columns`.

    Attributes:
        progress: the grid of the study's runs; None where no page is made.
        formulas: of studies that show Proposition 3.
        landscapes: one mapping for each run that has landscapes.
        figures: SVG text by subset size and name of the figure.
        study_figures: SVG text of the figures over all subset sizes, by name.
        contact_sheets: training images of the first seed.
        weights: origins of pretrained weights, by architecture and name, from the runs.
        images: origins of the files of each target's images.
    """

    study: Study
    runs: pd.DataFrame
    progress: Section | None = None
    metrics: pd.DataFrame = field(default_factory=_empty("metrics"))
    layers: pd.DataFrame = field(default_factory=_empty("layers"))
    answers: pd.DataFrame = field(default_factory=_empty("answers"))
    findings: pd.DataFrame = field(default_factory=_empty("findings"))
    encoder: pd.DataFrame = field(default_factory=_empty("encoder"))
    curvature: pd.DataFrame = field(default_factory=_empty("curvature"))
    reuse: pd.DataFrame = field(default_factory=_empty("reuse"))
    invariance: pd.DataFrame = field(default_factory=_empty("invariance"))
    features: pd.DataFrame = field(default_factory=_empty("features"))
    baselines: pd.DataFrame = field(default_factory=_empty("baselines"))
    ladder: pd.DataFrame = field(default_factory=_empty("ladder"))
    claims: pd.DataFrame = field(default_factory=_empty("claims"))
    formulas: pd.DataFrame = field(default_factory=_empty("formulas"))
    laboratory: pd.DataFrame = field(default_factory=_empty("laboratory"))
    laboratory_claims: pd.DataFrame = field(default_factory=_empty("laboratory-claims"))
    laboratory_runs: pd.DataFrame = field(default_factory=_empty("laboratory-runs"))
    landscapes: list[Json] = field(default_factory=list)
    figures: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    study_figures: Mapping[str, str] = field(default_factory=dict)
    contact_sheets: list[ContactSheet] = field(default_factory=list)
    weights: Mapping[tuple[str, str], Json] = field(default_factory=dict)
    images: list[Json] = field(default_factory=list)

    def named(self, arm: str) -> str:
        """The arm's label in quotation marks."""
        return quoted(label_of(self.study, arm))

    @cached_property
    def references(self) -> dict[str, str]:
        """Each arm's reference; see `reference_arms`."""
        return reference_arms(self.study)

    @cached_property
    def of_images(self) -> Answers:
        """Answers of the runs image by image."""
        return Answers(self.study, self.answers)

    def seeds_there(self, size: int | None = None) -> list[int]:
        """Seeds of the runs, those of one subset size; in an incomplete report some have none."""
        runs = self.runs if size is None else self.runs[self.runs["subset_size"] == size]
        there = set(runs["seed"])
        return [seed for seed in self.study.seed if seed in there] or self.study.seed

    @property
    def is_about_slides(self) -> bool:
        """Whether the study is about the slides: their protocol, its flaws or their claims."""
        study = self.study
        judged = any(claim.slide for claim in study.claims.values())
        flawed = PUBLISHED_GROUP in groups_of(study)
        return is_of_slides(study) or bool(study.ladder) or judged or flawed

    @property
    def is_audit(self) -> bool:
        """Whether the study judges something: it has a ladder or claims."""
        return bool(self.study.ladder or self.study.claims)


def tables_shown(study: Study) -> dict[str, str]:
    """The study's tables that a report shows: the attribute of `Inputs`, and the file's name."""
    known = {each.name for each in fields(Inputs)}
    names = {name.replace("-", "_"): name for name in tables_of(study)}
    return {key: name for key, name in names.items() if key in known}


def load(study: Study, progress: Section | None = None) -> Inputs:
    """Read a study's results from disk; drawings that do not exist are left out.

    Raises:
        UserError: a table or a landscape is missing or damaged.
    """
    drawings = _drawings(study)
    return Inputs(
        study=study,
        progress=progress,
        **{key: read_table(study, name) for key, name in tables_shown(study).items()},
        landscapes=read_landscapes(study),
        figures={size: drawings.get(size_folder(size), {}) for size in study.subset_size},
        study_figures=drawings.get(".", {}),
        contact_sheets=_contact_sheets(study),
        weights=_weights(study),
        images=[images_origin(study.cache, target) for target in image_sources(study).values()],
    )


def _drawings(study: Study) -> dict[str, dict[str, str]]:
    """SVG text of the study's own figures by folder and name: others may be left from before."""
    found: dict[str, dict[str, str]] = {}
    for name in map(PurePosixPath, figure_files(study)):
        file = paths.figures_folder(study) / name
        if name.suffix == ".svg" and file.is_file():
            found.setdefault(str(name.parent), {})[name.stem] = read_svg(file, "figures")
    return found


def _contact_sheets(study: Study) -> list[ContactSheet]:
    seed, sheets = study.seed[0], []
    for size in study.subset_size:
        for key, drawing in dict.fromkeys(
            (arm.target.key, arm.drawing) for arm in study.arms.values()
        ):
            folder = paths.subset_folder(study, key, drawing, size, seed)
            if (folder / paths.SUBSET_RECORD).is_file():
                drawn = read_json(folder / paths.SUBSET_RECORD, "subset")
                file = folder / f"{CONTACT_SHEET}.svg"
                svg = read_svg(file, "subset") if file.is_file() else None
                target = targets(study)[key]
                sheets.append(ContactSheet(target, drawing, size, seed, drawn, svg))
    return sheets


def _weights(study: Study) -> dict[tuple[str, str], Json]:
    """Weights as the runs recorded them: the cache may have changed since."""
    found: dict[tuple[str, str], Json] = {}
    for run in runs_of_step(study, "train"):  # in an incomplete report those that are there
        folder = paths.folder_of_run(study, run)
        key = (run.settings.architecture, run.settings.initialisation)
        started = run.settings.initialisation != "random"
        if started and key not in found and (folder / paths.RUN_RECORD).is_file():
            found[key] = read_run_record(folder)["weights"]
    return dict(sorted(found.items()))
