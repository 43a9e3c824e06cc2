"""Which figures a study has, and the files they are written to.

Light on purpose: the workflow reads it without importing matplotlib.
"""

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
# Figures of the laboratory, each with the experiments without which there is nothing to draw.
LABORATORY = {
    "laboratory-claims": ("diagonal", "relu", "batchnorm", "kernel"),
    "laboratory-regimes": ("relu",),
    "laboratory-diagonal": ("diagonal",),
    "laboratory-implicit": ("diagonal", "relu"),
    "laboratory-features": ("relu",),
    "laboratory-rescaling": ("batchnorm",),
}
# Figures with a panel or a line for each arm: with a ladder they show two of its rungs.
BY_ARM = (
    "loss-new",
    "loss-pretrained",
    "balanced-accuracy",
    "gradient-norm",
    "magnitude-change",
    "angle-change",
    "layerwise-magnitude",
    "layerwise-angle",
)
# Figures that a study has for each of its subset sizes, in the report's order.
FIGURES = (
    "ladder",
    "ladder-loss",
    "claims",
    "results",
    *BY_ARM,
    "encoder",
    "landscape-trajectory",
    "landscape-random",
    "curvature",
    "reuse",
    "features",
    "invariance-transfer",
    "invariance-stages",
    "overlap",
)
# Figures that are not of one subset size.
FOR_ALL_SIZES = (CONTRADICTIONS, PENALTY, *LABORATORY, ACCURACY_BY_SIZE)
# Figures of what came out, which Snakemake's report puts before those of how it did.
RESULTS = ("ladder", "ladder-loss", "claims", "results", *FOR_ALL_SIZES)
# Slides with Proposition 3 and what it is said to imply for the slides' own network.
PROPOSITION = ("Proposition 3: Implicit Regularization Penalty", "Practical Implications")


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
    needed = {
        "ladder": study.ladder,
        "ladder-loss": study.ladder,
        "claims": [claim for claim in study.claims.values() if not claim.open],
        "loss-new": arms_of_kind(study, new=True),
        "loss-pretrained": arms_of_kind(study, new=False),
        "balanced-accuracy": _is_tested_before_the_end(study),
        "encoder": study.encoder.seeds,
        "landscape-trajectory": study.landscape.seeds,
        "landscape-random": study.landscape.seeds,
        "curvature": study.curvature.seeds,
        "reuse": study.reuse.seeds,
        # Where blocks change places, features are scores that the figure `overlap` is about.
        "features": study.features.seeds and not block_sweeps(study),
        "invariance-transfer": study.invariance.seeds and exposed_arms(study),
        "invariance-stages": study.invariance.seeds,
        "overlap": block_sweeps(study),
    }
    present = [name for name in FIGURES if needed.get(name, True)]
    return [figure for name in present for figure in (name, *_second_figure(study, name))]


def _is_tested_before_the_end(study: Study) -> bool:
    """Whether some arm is: else its figure is the results, stacked at the last epoch."""
    chosen = any(arm.reported_epoch == "best-on-test" for arm in study.arms.values())
    return study.evaluation.after_epochs == "all" or chosen


def _second_figure(study: Study, name: str) -> list[str]:
    """A figure's counterpart with the other rungs, where it has one and they have such arms."""
    others = other_groups(study) if name in BY_ARM else []
    kinds = {"loss-new": {True}, "loss-pretrained": {False}}.get(name, {True, False})
    arms = [arm for arm in study.arms if study.arms[arm].group in others]
    return [f"{name}{OTHER_RUNGS}"] if any(is_new(study, arm) in kinds for arm in arms) else []


def states_proposition(study: Study) -> bool:
    """Whether a study shows Proposition 3: it has a laboratory, or tests a claim on it."""
    tested = [claim for claim in study.claims.values() if not claim.open]
    return bool(study.laboratory.experiments) or any(map(is_on_proposition, tested))


def is_on_proposition(claim: Claim) -> bool:
    """Whether a claim was made on the slides with Proposition 3, or on what it implies."""
    return claim.slide in PROPOSITION


def study_figure_names(study: Study) -> list[str]:
    """Figures that are not of one subset size."""
    needed = {
        ACCURACY_BY_SIZE: len(study.subset_size) > 1,
        CONTRADICTIONS: (study.ladder or study.claims) and is_of_slides(study),
        PENALTY: states_proposition(study),
        **{
            name: any(one in study.laboratory.experiments for one in experiments)
            for name, experiments in LABORATORY.items()
        },
    }
    return [name for name in FOR_ALL_SIZES if needed[name]]


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
