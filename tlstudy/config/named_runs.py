"""What a command names of a study: found, or refused in a sentence."""

from collections.abc import Iterable

from tlstudy.config.hints import did_you_mean
from tlstudy.config.settings import Study
from tlstudy.config.study import Run, runs
from tlstudy.storage.errors import UserError


def check_arm(study: Study, name: str) -> None:
    """Refuse an arm that the study does not have.

    Raises:
        UserError: there is none of that name, or none is named.
    """
    if name not in study.arms:
        if not study.arms:
            raise UserError(f"arm '{name}': {study.study} trains no networks, so it has no arms.")
        found = f"arm '{name}': {did_you_mean(name, study.arms)}" if name else "no arm is named: "
        raise UserError(f"{found}arms of {study.study} are {', '.join(study.arms)}.")


def find_run(study: Study, arm: str, subset_size: int, seed: int) -> Run:
    """The run of an arm (its name, or the name of its run folder).

    Raises:
        UserError: the study has no such run.
    """
    candidates = runs(study)
    for run in candidates:
        if arm in (run.arm, run.name) and (run.subset_size, run.seed) == (subset_size, seed):
            return run
    raise _not_in_study(study, f"arm '{arm}'", subset_size, seed, "arms", study.arms)


def check_subset(study: Study, target: str, drawing: str, subset_size: int, seed: int) -> None:
    """Refuse a choice of training images that no run of the study uses.

    Raises:
        UserError: the target, the drawing, the size or the seed is not the study's.
    """
    drawn = dict.fromkeys(f"{arm.target.key} {arm.drawing}" for arm in study.arms.values())
    wanted = f"{target} {drawing}"
    if wanted not in drawn or subset_size not in study.subset_size or seed not in study.seed:
        raise _not_in_study(study, f"drawing {wanted}", subset_size, seed, "drawings", drawn)


def check_experiment(study: Study, experiment: str, seed: int) -> None:
    """Refuse an experiment of the laboratory that the study does not have.

    Raises:
        UserError: the experiment or the seed is not the study's.
    """
    if experiment not in study.laboratory.experiments or seed not in study.seed:
        raise UserError(
            f"experiment {experiment}, seed {seed}: not in the study; it has the experiments "
            f"{', '.join(study.laboratory.experiments) or 'none'} and the seeds {study.seed}."
        )


def _not_in_study(
    study: Study, what: str, size: int, seed: int, kind: str, names: Iterable[str]
) -> UserError:
    return UserError(
        f"{what}, subset size {size}, seed {seed}: not in the study; it has the {kind} "
        f"{', '.join(names)}, the sizes {study.subset_size} and the seeds {study.seed}."
    )
