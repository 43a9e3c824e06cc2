"""Which figures a study has, and the files they are written to.

Light on purpose: the workflow reads it without importing matplotlib.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath

from tlstudy.config.exposures import exposed_arms
from tlstudy.config.groups import (
    arms_of_kind,
    block_sweeps,
    is_new,
    is_of_slides,
    only_arms,
    other_groups,
    without_other_rungs,
)
from tlstudy.config.ledger import Claim
from tlstudy.config.settings import Study

SUFFIXES = (".svg", ".png")
OTHER_RUNGS = "-other-rungs"  # end of the name of a figure that shows what another leaves out
ACCURACY_BY_SIZE = "accuracy-by-size"
CONTRADICTIONS = "contradictions"
PENALTY = "penalty"
# Slides with Proposition 3 and what it is said to imply for the slides' own network.
PROPOSITION = ("Proposition 3: Implicit Regularization Penalty", "Practical Implications")


@dataclass(frozen=True)
class Figure:
    """A figure of the report.

    Attributes:
        part: heading in the report's results; empty for a figure that stands elsewhere.
        needs: from a study to what it must have; every study has a figure without it.
        by_arm: whether it has a panel or a line for each arm: with a ladder it shows two rungs.
        for_all_sizes: whether it is not of one subset size.
        is_result: whether it shows what came out, and not how: Snakemake's report puts it first.
    """

    name: str
    title: str
    part: str = ""
    needs: Callable[[Study], object] = lambda _: True
    by_arm: bool = False
    for_all_sizes: bool = False
    is_result: bool = False


def _is_tested_before_the_end(study: Study) -> bool:
    """Whether some arm is: else its figure is the results, stacked at the last epoch."""
    chosen = any(arm.reported_epoch == "best-on-test" for arm in study.arms.values())
    return study.evaluation.after_epochs == "all" or chosen


def _is_on_slides(study: Study) -> object:
    return (study.ladder or study.claims) and is_of_slides(study)


def states_proposition(study: Study) -> bool:
    """Whether a study shows Proposition 3: it has a laboratory, or tests a claim on it."""
    return bool(study.laboratory.experiments) or any(map(is_on_proposition, _tested(study)))


def is_on_proposition(claim: Claim) -> bool:
    """Whether a claim was made on the slides with Proposition 3, or on what it implies."""
    return claim.slide in PROPOSITION


def _tested(study: Study) -> list[Claim]:
    return [claim for claim in study.claims.values() if not claim.open]


def _with(*experiments: str) -> Callable[[Study], object]:
    """Whether the laboratory has one of them: without it there is nothing to draw."""
    return lambda study: {*experiments} & {*study.laboratory.experiments}


_OF_ALL = partial(Figure, for_all_sizes=True, is_result=True)
# All figures. In the report those of each subset size stand in this order.
ALL_FIGURES = (
    Figure(
        "ladder",
        "The gap between the two networks, fix by fix",
        needs=lambda study: study.ladder,
        is_result=True,
    ),
    Figure(
        "ladder-loss",
        "The gap in the loss, fix by fix",
        needs=lambda study: study.ladder,
        is_result=True,
    ),
    Figure("claims", "Claims and the effects that were stated", needs=_tested, is_result=True),
    Figure("results", "Reported results", "Reported loss and balanced accuracy", is_result=True),
    Figure(
        "loss-new",
        "Loss of the new networks",
        "Loss",
        lambda study: arms_of_kind(study, new=True),
        by_arm=True,
    ),
    Figure(
        "loss-pretrained",
        "Loss of the pretrained networks",
        "Loss",
        lambda study: arms_of_kind(study, new=False),
        by_arm=True,
    ),
    Figure(
        "balanced-accuracy",
        "Balanced accuracy",
        "Accuracy",
        _is_tested_before_the_end,
        by_arm=True,
    ),
    Figure("gradient-norm", "Gradient norm", "Gradient norm", by_arm=True),
    Figure(
        "magnitude-change",
        "Magnitude change of all weights",
        "Change of all weights",
        by_arm=True,
    ),
    Figure("angle-change", "Angle change of all weights", "Change of all weights", by_arm=True),
    Figure(
        "layerwise-magnitude", "Magnitude change by layer", "Change layer by layer", by_arm=True
    ),
    Figure("layerwise-angle", "Angle change by layer", "Change layer by layer", by_arm=True),
    Figure(
        "encoder",
        "Accuracy by stage of the network",
        "Encoder and decoder",
        lambda study: study.encoder.seeds,
    ),
    Figure(
        "landscape-trajectory",
        "Loss landscape in the plane of the run's own path",
        "Loss landscapes",
        lambda study: study.landscape.seeds,
    ),
    Figure(
        "landscape-random",
        "Loss landscape in a random plane",
        "Loss landscapes",
        lambda study: study.landscape.seeds,
    ),
    Figure(
        "curvature",
        "Curvature of the training loss",
        "Curvature of the loss",
        lambda study: study.curvature.seeds,
    ),
    Figure(
        "reuse",
        "Reuse of pretrained features",
        "Reuse of features",
        lambda study: study.reuse.seeds,
    ),
    Figure(
        "features",
        "Features before and after training, by stage",
        "Features",
        # Where blocks change places, features are scores that the figure `overlap` is about.
        lambda study: study.features.seeds and not block_sweeps(study),
    ),
    Figure(
        "invariance-transfer",
        "Turned images of classes that were shown turned, or not",
        "Invariance",
        lambda study: study.invariance.seeds and exposed_arms(study),
    ),
    Figure(
        "invariance-stages",
        "Sensitivity to changes of the image, by stage",
        "Invariance",
        lambda study: study.invariance.seeds,
    ),
    Figure(
        "overlap",
        "The gap between the two networks as local structure is destroyed",
        "Overlap with the pretraining",
        block_sweeps,
    ),
    _OF_ALL(CONTRADICTIONS, "Contradictions within the published material", needs=_is_on_slides),
    _OF_ALL(
        PENALTY, "The penalty of Proposition 3 and its printed variants", needs=states_proposition
    ),
    _OF_ALL(
        "laboratory-claims",
        "The laboratory's claims and the effects that were stated",
        needs=_with("diagonal", "relu", "batchnorm", "kernel"),
    ),
    _OF_ALL(
        "laboratory-regimes",
        "Benefit of an auxiliary task: ReLU networks",
        needs=_with("relu"),
    ),
    _OF_ALL(
        "laboratory-diagonal",
        "Benefit of an auxiliary task: diagonal linear networks",
        needs=_with("diagonal"),
    ),
    _OF_ALL(
        "laboratory-implicit",
        "Cost of gradient descent over the least possible",
        needs=_with("diagonal", "relu"),
    ),
    _OF_ALL(
        "laboratory-features",
        "Features that a factor on pretrained weights selects: ReLU networks",
        needs=_with("relu"),
    ),
    _OF_ALL(
        "laboratory-rescaling",
        "A factor on pretrained weights under BatchNorm",
        needs=_with("batchnorm"),
    ),
    _OF_ALL(
        ACCURACY_BY_SIZE,
        "Balanced accuracy by number of training images",
        needs=lambda study: len(study.subset_size) > 1,
    ),
)
TITLES = {figure.name: figure.title for figure in ALL_FIGURES}
BY_ARM = [figure.name for figure in ALL_FIGURES if figure.by_arm]
FIGURES = [figure.name for figure in ALL_FIGURES if not figure.for_all_sizes]
FOR_ALL_SIZES = [figure.name for figure in ALL_FIGURES if figure.for_all_sizes]
LABORATORY = [name for name in FOR_ALL_SIZES if name.startswith("laboratory-")]
RESULTS = [figure.name for figure in ALL_FIGURES if figure.is_result]


def figures_by_part() -> dict[str, list[str]]:
    """Headings of the report's results, in the slides' order, with their figures."""
    found: dict[str, list[str]] = {}
    for figure in ALL_FIGURES:
        if figure.part:
            found.setdefault(figure.part, []).append(figure.name)
    return found


def base_name(name: str) -> str:
    """The figure's name without the mark of one that shows the other rungs."""
    return name.removesuffix(OTHER_RUNGS)


def part_of_study(study: Study, name: str) -> Study:
    """The study with the arms only that a figure shows."""
    if base_name(name) not in BY_ARM:
        return study
    if name.endswith(OTHER_RUNGS):
        return only_arms(study, lambda arm: arm.group in other_groups(study))
    return without_other_rungs(study)


def figure_names(study: Study) -> list[str]:
    """Figures that the study has for each of its subset sizes, in the report's order."""
    if not study.arms:
        return []
    present = [each.name for each in ALL_FIGURES if not each.for_all_sizes and each.needs(study)]
    return [figure for name in present for figure in (name, *_second_figure(study, name))]


def _second_figure(study: Study, name: str) -> list[str]:
    """A figure's counterpart with the other rungs, where it has one and they have such arms."""
    others = other_groups(study) if name in BY_ARM else []
    kinds = {"loss-new": {True}, "loss-pretrained": {False}}.get(name, {True, False})
    arms = [arm for arm in study.arms if study.arms[arm].group in others]
    return [f"{name}{OTHER_RUNGS}"] if any(is_new(study, arm) in kinds for arm in arms) else []


def study_figure_names(study: Study) -> list[str]:
    """Figures that are not of one subset size."""
    return [each.name for each in ALL_FIGURES if each.for_all_sizes and each.needs(study)]


def laboratory_figures(study: Study) -> list[str]:
    """Figures of what the laboratory measured."""
    return [name for name in study_figure_names(study) if name in LABORATORY]


def size_folder(subset_size: int) -> str:
    return f"n~{subset_size}"


def figure_files(study: Study) -> list[str]:
    """All files of `draw_all`, relative to its folder, with forward slashes."""
    stems = [
        PurePosixPath(size_folder(size), name)
        for size in study.subset_size
        for name in figure_names(study)
    ]
    stems += [PurePosixPath(name) for name in study_figure_names(study)]
    return [f"{stem}{suffix}" for stem in stems for suffix in SUFFIXES]
